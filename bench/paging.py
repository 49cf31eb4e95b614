"""Lists: a page of 100 deep in very many tags, in very many repositories, and in a hundredth of them."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bench.failure import BenchFailed
from bench.figures import Below, Cost, NoGrowth, Row, Sample, Target, Unit
from bench.images import Filler, config_of, manifest_of
from bench.pushing import push_image
from bench.rounds import Bench, Meter, interleaved
from bench.seed import fill, repository_name, tag_name
from bench.sides import WHERRY, Side
from bench.wire import Connection

KEYS = ("tags-page", "catalog-page")

_REPOSITORY = "bench/tags"
_SEED = "seed"  # sorts before every tag_name
_SCOPES = [f"repository:{_REPOSITORY}:pull,push"]
_CATALOG = ["registry:catalog:*"]
_PAGE = 100
_TAGS = 500_000
_REPOSITORIES = 100_000
# A peer keeps each tag in three inodes, each repository in three folders: a tenth is what fits a bench.
_PEER_SHARE = 10
_LIMIT = 50.0
_GROWTH = 1.5


@dataclass(frozen=True, slots=True)
class _List:
    """One of the two lists: where it is asked for, and what must come."""

    key: str
    title: str
    scopes: Sequence[str]
    path: Callable[[str], str]
    field: str
    name: Callable[[int], str]
    full: int


_LISTS = (
    _List(
        "tags-page",
        "100 tags",
        _SCOPES,
        lambda last: f"/v2/{_REPOSITORY}/tags/list?n={_PAGE}&last={last}",
        "tags",
        tag_name,
        _TAGS,
    ),
    _List(
        "catalog-page",
        "100 repositories of the catalog",
        _CATALOG,
        lambda last: f"/v2/_catalog?n={_PAGE}&last={last}",
        "repositories",
        repository_name,
        _REPOSITORIES,
    ),
)


def rows(bench: Bench) -> Iterator[Row]:
    """The small registry first: what it does is what the large one must do."""
    small = {row.key: row for row in _measured(bench, 100, {})}
    yield from small.values()
    yield from _measured(bench, 1, small)


def _measured(bench: Bench, divisor: int, small: dict[str, Row]) -> Iterator[Row]:
    name = f"paging-{divisor}"
    for key in bench.sides:
        _seed(bench, key, name, divisor)
    with bench.servers(name) as sides:
        for which in _LISTS:
            if bench.wants("paging", which.key):
                yield _row(bench, sides, which, divisor, small.get(f"{which.key}-small"))


def _count(key: str, full: int, divisor: int) -> int:
    return full // divisor if key == WHERRY else min(full // divisor, full // _PEER_SHARE)


def _seed(bench: Bench, key: str, name: str, divisor: int) -> None:
    """One push, so that what is copied is what the server itself wrote; the rest while it is stopped."""
    layer = Filler(1024).stamped()
    config = config_of([layer])
    with bench.server(key, name) as side, Connection(side.port, side.authorization(_SCOPES)) as connection:
        push_image(connection, _REPOSITORY, _SEED, manifest_of(config, [layer]), [layer, config])
    tags, repositories = _count(key, _TAGS, divisor), _count(key, _REPOSITORIES, divisor)
    bench.say(f"  {key}: {tags:,} tags, {repositories:,} repositories")
    fill(key, side.data, repository=_REPOSITORY, tag=_SEED, tags=tags, repositories=repositories)


def _row(bench: Bench, sides: Sequence[Side], which: _List, divisor: int, small: Row | None) -> Row:
    whole: dict[str, int] = {}
    for side in sides:
        whole[side.key] = _check(side, which, _count(side.key, which.full, divisor))

    def measure(side: Side) -> Sample:
        last = which.name(_deep(_count(side.key, which.full, divisor)))
        authorization = side.authorization(list(which.scopes))
        with Meter(side) as meter:
            told = bench.loader.run(
                "pages",
                port=side.port,
                authorization=authorization,
                path=which.path(last),
                seconds=bench.seconds / 3,
                least=3,
            )
        took = told["seconds"]
        return Sample(statistics.median(took) * 1000, meter.seconds / len(took))

    title = f"a deep page of {which.title} out of {which.full // divisor:,}, one connection"
    done = interleaved(bench, title, Unit.MILLISECONDS, sides, measure)
    notes = [
        f"{{{side.key}}} has {_count(side.key, which.full, divisor):,}"
        + (
            f", and answers with {whole[side.key]:,} at once: it has no pages here"
            if whole[side.key] > _PAGE
            else ""
        )
        for side in sides
        if side.key != WHERRY
    ]
    targets: list[Target] = [Below(_LIMIT), *([NoGrowth(_GROWTH, small)] if small else [])]
    key = which.key if divisor == 1 else f"{which.key}-small"
    return Row(key, title, Unit.MILLISECONDS, done.figures, Cost.REQUEST, targets, notes, done.others)


def _deep(count: int) -> int:
    return count * 9 // 10


def _check(side: Side, which: _List, count: int) -> int:
    """The page is the right one; how many names it has."""
    after = _deep(count)
    with Connection(side.port, side.authorization(list(which.scopes))) as connection:
        told = json.loads(connection.ask("GET", which.path(which.name(after)), expect=200).body)
    names: list[str] = told[which.field]
    wanted = [which.name(number) for number in range(after + 1, min(count, after + 1 + _PAGE))]
    paged = len(names) <= _PAGE
    if (paged and names[: len(wanted)] != wanted) or not set(wanted) <= set(names):
        raise BenchFailed(f"{side.key}: a wrong page of {which.title}: {names[:3]} … {names[-3:]}")
    return len(names)
