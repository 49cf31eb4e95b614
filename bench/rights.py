"""What rights cost: pulls with and without them, lists that show a part of much, pulls under attack."""

from __future__ import annotations

import csv
import functools
import hashlib
import hmac
import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import wrk
from bench.failure import BenchFailed
from bench.figures import AllBelow, Cost, HoldsUp, Row, Sample, Unit
from bench.images import OCI_MANIFEST, Blob, Filler, config_of, manifest_of
from bench.people import add_team, add_user, copy_images, opened
from bench.pushing import push_image
from bench.rounds import Bench, Meter, interleaved
from bench.sides import PASSWORD, WHERRY, Side, basic, fetched_token
from bench.wire import Connection

KEYS = ("rights-bearer", "rights-basic", "rights-blob", "lists", "lists-hard", "attack")

_REPOSITORY = "bench/pull"
_PULL = [f"repository:{_REPOSITORY}:pull"]
_CONNECTIONS = 32
_SMALL = 20 << 10
_GRANTS = 1_000
_KEPT = 0.85
_PAGE = 100
_LIMIT = 50.0
_WRONG = 50
_KEPT_UNDER_ATTACK = 0.9

_ADMIN, _GRANTED, _TEAM, _KEY = "admin", "granted", "team", "key"
_WAYS = {
    _ADMIN: "an administrator: no right is looked up",
    _GRANTED: f"a user with a right on the image, among {_GRANTS:,}",
    _TEAM: f"a user by a team's right on the image, among {_GRANTS:,}",
    _KEY: "an access key of that user, for this image",
}


def rows(bench: Bench) -> Iterator[Row]:
    """Wherry alone, against itself."""
    if WHERRY not in bench.sides:
        return
    if bench.wants("rights", "rights-bearer", "rights-basic", "rights-blob"):
        yield from _pulls(bench)
    for key, organizations, images, granted in (
        # A tenth of the images, spread over all of them; and the last ones of very many.
        ("lists", 100, 10_000, slice(0, None, 10)),
        ("lists-hard", 1, 100_000, slice(99_000, None)),
    ):
        if bench.wants("rights", key):
            yield _lists(bench, key, organizations, images, granted)
    if bench.wants("rights", "attack"):
        yield _attack(bench)


# Pulls


def _pulls(bench: Bench) -> Iterator[Row]:
    small = Filler(_SMALL).stamped()
    manifest = _push(bench, "rights", small)
    data = bench.folder / f"rights-{WHERRY}" / "data"
    other = [f"other/image-{number}" for number in range(_GRANTS - 1)]
    with opened(data) as database:
        add_user(database, _GRANTED, [*other, _REPOSITORY])
        member = add_user(database, _TEAM)
        images = [f"bench/image-{number}" for number in range(_GRANTS - 1)]
        add_team(database, "bench", "pullers", member, [*images, _REPOSITORY])
    login = _key_login(data, _GRANTED, f"{_REPOSITORY}=read")
    with bench.server(WHERRY, "rights") as side:
        ways = (_ADMIN, _GRANTED, _TEAM)
        bearer = [replace(side, key=way, authorization=_token(side, way)) for way in ways]
        headers = {way: basic(way, PASSWORD) for way in ways} | {_KEY: basic(*login)}
        by_password = [
            replace(side, key=way, authorization=functools.partial(_fixed, header))
            for way, header in headers.items()
        ]
        for key, title, sides, path, content in (
            ("rights-bearer", "manifest GET by tag, Bearer", bearer, "manifests/latest", manifest),
            ("rights-basic", "manifest GET by tag, Basic", by_password, "manifests/latest", manifest),
            ("rights-blob", "20 KiB blob GET, Bearer", bearer, f"blobs/{small.digest}", small),
        ):
            if bench.wants("rights", key):
                yield _compared(bench, key, f"rights: {title}", sides, path, content)


def _compared(bench: Bench, key: str, title: str, sides: Sequence[Side], path: str, content: Blob) -> Row:
    title = f"{title}, {_CONNECTIONS} connections"
    done = interleaved(bench, title, Unit.REQUESTS, sides, lambda side: _pulled(bench, side, path, content))
    return Row(
        key,
        title,
        Unit.REQUESTS,
        done.figures,
        Cost.REQUEST,
        [HoldsUp(_KEPT)],
        others=done.others,
        names=_WAYS,
        base=_ADMIN,
    )


def _token(side: Side, user: str) -> Callable[[list[str]], str]:
    return lambda scopes: fetched_token(side.port, scopes, user)


def _fixed(header: str, _: list[str]) -> str:
    return header


def _pulled(bench: Bench, side: Side, path: str, content: Blob) -> Sample:
    authorization = side.authorization(_PULL)
    with Meter(side) as meter:
        burst = wrk.get(
            side.url(f"/v2/{_REPOSITORY}/{path}"),
            authorization,
            connections=_CONNECTIONS,
            seconds=bench.seconds,
            least=content.size,
            accept=OCI_MANIFEST,
        )
    return Sample(burst.rate, meter.seconds / burst.requests)


def _push(bench: Bench, name: str, layer: Blob) -> Blob:
    """An image on a server that is started for it; its manifest."""
    config = config_of([layer])
    manifest = manifest_of(config, [layer])
    with bench.server(WHERRY, name) as side:
        scopes = [f"repository:{_REPOSITORY}:pull,push"]
        with Connection(side.port, side.authorization(scopes)) as connection:
            push_image(connection, _REPOSITORY, "latest", manifest, [layer, config])
    return manifest


# Lists


@dataclass(frozen=True, slots=True)
class _List:
    """A list as its users ask for it; `names` finds the images in an answer."""

    key: str
    title: str
    path: str
    names: Callable[[Any], list[str]]
    signed: bool = False


_LISTS = (
    _List("catalog", "the catalog", f"/v2/_catalog?n={_PAGE}", lambda told: told["repositories"]),
    _List(
        "native",
        "the native API",
        f"/api/v1/images?limit={_PAGE}",
        lambda told: [item["name"] for item in told["items"]],
    ),
    _List(
        "swr",
        "SWR's API, the newest first",
        f"/v2/manage/repos?limit={_PAGE}&offset=0",
        lambda told: [f"{item['namespace']}/{item['name']}" for item in told],
        signed=True,
    ),
)


def _lists(bench: Bench, key: str, organizations: int, images: int, granted: slice) -> Row:
    _push(bench, key, Filler(1024).stamped())
    data = bench.folder / f"{key}-{WHERRY}" / "data"
    share = images // organizations
    names = [f"org-{number // share:03}/image-{number % share:06}" for number in range(images)]
    with opened(data) as database:
        copy_images(database, _REPOSITORY, names)
        add_user(database, _GRANTED, names[granted])
    access_key = _access_key(data, _GRANTED, "list")
    title = f"a page of {_PAGE} images out of {images:,}, as a user with {_GRANTS:,} rights"
    with bench.server(WHERRY, key) as side:
        sides = [replace(side, key=which.key) for which in _LISTS if _is_there(side, which)]
        kinds = {which.key: which for which in _LISTS}
        for which in (kinds[each.key] for each in sides):
            _check(side, which, _headers(side, which, access_key), set(names[granted]))

        def measure(one: Side) -> Sample:
            which = kinds[one.key]
            with Meter(one) as meter:
                told = bench.loader.run(
                    "pages",
                    port=one.port,
                    authorization="",
                    path=which.path,
                    headers=_headers(one, which, access_key),
                    seconds=bench.seconds / 3,
                    least=3,
                )
            took = told["seconds"]
            return Sample(statistics.median(took) * 1000, meter.seconds / len(took))

        done = interleaved(bench, title, Unit.MILLISECONDS, sides, measure)
    titles = {which.key: which.title for which in _LISTS}
    return Row(
        key,
        title,
        Unit.MILLISECONDS,
        done.figures,
        Cost.REQUEST,
        [AllBelow(_LIMIT)],
        others=done.others,
        names=titles,
        base=_LISTS[0].key,
    )


def _is_there(side: Side, which: _List) -> bool:
    with Connection(side.port, "") as connection:
        connection.send("GET", which.path)
        return connection.answer().status != 404


def _check(side: Side, which: _List, headers: list[tuple[str, str]], allowed: set[str]) -> None:
    with Connection(side.port, "") as connection:
        answer = connection.ask("GET", which.path, expect=200, headers=headers)
    names = which.names(json.loads(answer.body))
    if len(names) != _PAGE or not set(names) <= allowed:
        raise BenchFailed(f"a wrong page of {which.title}: {names[:3]} … {names[-3:]}")


def _headers(side: Side, which: _List, key: tuple[str, str]) -> list[tuple[str, str]]:
    if not which.signed:
        return [("Authorization", basic(_GRANTED, PASSWORD))]
    path, _, query = which.path.partition("?")
    date = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    asked = "&".join(sorted(query.split("&")))
    names = "host;x-sdk-date"
    empty = hashlib.sha256(b"").hexdigest()
    lines = ["GET", f"{path}/", asked, f"host:127.0.0.1:{side.port}", f"x-sdk-date:{date}", "", names, empty]
    canonical = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    signature = hmac.new(
        key[1].encode(), f"SDK-HMAC-SHA256\n{date}\n{canonical}".encode(), "sha256"
    ).hexdigest()
    value = f"SDK-HMAC-SHA256 Access={key[0]}, SignedHeaders={names}, Signature={signature}"
    return [("X-Sdk-Date", date), ("Authorization", value)]


# Attack


def _attack(bench: Bench) -> Row:
    """Without one; while the default limits refuse guesses; and with limits that refuse none of them."""
    layer = Filler(1024).stamped()
    manifest = _push(bench, "attack", layer)
    data = bench.folder / f"attack-{WHERRY}" / "data"
    with opened(data) as database:
        add_user(database, _GRANTED, [_REPOSITORY])
    patient = replace(bench, settings={**bench.settings, "WHERRY_AUTH_LOGIN_ATTEMPTS": "1000000"})
    answers: dict[str, dict[str, int]] = {}
    with bench.server(WHERRY, "attack") as limited:
        (bench.folder / f"patient-{WHERRY}").mkdir(exist_ok=True)
        _copy(data, bench.folder / f"patient-{WHERRY}" / "data")
        with patient.server(WHERRY, "patient") as open_to_all:

            def measure(side: Side) -> Sample:
                if side.key == _ADMIN:
                    return _pulled(bench, side, "manifests/latest", manifest)
                bench.loader.begin(
                    "guess",
                    port=side.port,
                    path="/v2/",
                    rate=_WRONG,
                    seconds=bench.seconds + 1,
                    tag=f"{side.key}-{datetime.now(UTC).timestamp():.0f}",
                )
                try:
                    return _pulled(bench, side, "manifests/latest", manifest)
                finally:
                    for status, count in bench.loader.end()["answers"].items():
                        counted = answers.setdefault(side.key, {})
                        counted[status] = counted.get(status, 0) + count

            sides = [
                replace(open_to_all, key=_ADMIN, authorization=_token(open_to_all, _GRANTED)),
                replace(limited, key="limited", authorization=_token(limited, _GRANTED)),
                replace(open_to_all, key="unlimited", authorization=_token(open_to_all, _GRANTED)),
            ]
            title = f"pulls while {_WRONG} wrong passwords a second come: manifest GET by tag, Bearer"
            done = interleaved(bench, title, Unit.REQUESTS, sides, measure)
    names = {
        _ADMIN: "nobody guesses",
        "limited": "an address guesses, by default refused soon",
        "unlimited": "an address guesses, WHERRY_AUTH_LOGIN_ATTEMPTS=1000000: never refused for its failures",
    }
    notes = [
        f"{names[key]}: " + ", ".join(f"{count:,} × {status}" for status, count in sorted(told.items()))
        for key, told in answers.items()
    ]
    return Row(
        "attack",
        title,
        Unit.REQUESTS,
        done.figures,
        Cost.REQUEST,
        [HoldsUp(_KEPT_UNDER_ATTACK)],
        notes,
        done.others,
        names=names,
        base=_ADMIN,
    )


def _copy(source: Path, target: Path) -> None:
    subprocess.run(["cp", "-r", str(source), str(target)], check=True)


# Keys


def _access_key(data: Path, user: str, name: str, *more: str) -> tuple[str, str]:
    """Id and secret of a new access key."""
    file = data.parent / f"{name}.csv"
    command = [sys.executable, "-m", "wherry", "key", "create", "--user", user, "--csv", str(file)]
    subprocess.run([*command, "--data", str(data), *more], check=True, capture_output=True)
    with file.open(newline="") as lines:
        _, values = csv.reader(lines)
    return values[1], values[2]


def _key_login(data: Path, user: str, scope: str) -> tuple[str, str]:
    """User name and login key, as SWR's clients send them."""
    key_id, secret = _access_key(data, user, "login", "--scope", scope)
    return f"region@{key_id}", hmac.new(secret.encode(), key_id.encode(), "sha256").hexdigest()
