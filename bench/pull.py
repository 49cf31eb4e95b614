"""Pulls: a manifest by tag, its HEAD, a small blob, and a large blob, which the bare server sends as well."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench import wrk
from bench.failure import BenchFailed
from bench.figures import AtLeast, Cost, NoDearer, Row, Sample, Target, Unit
from bench.images import OCI_MANIFEST, Blob, Filler, config_of, manifest_of
from bench.pushing import push_image
from bench.rounds import Bench, Meter, interleaved
from bench.sides import BARE, Side, bare
from bench.wire import Connection

KEYS = ("manifest-get", "manifest-head", "blob-20k", "blob-100m")

_REPOSITORY = "bench/pull"
_SCOPES = [f"repository:{_REPOSITORY}:pull,push"]
_PULL = [f"repository:{_REPOSITORY}:pull"]
_CONNECTIONS = 32
_SMALL = 20 << 10
_LARGE = 100 << 20


def rows(bench: Bench) -> Iterator[Row]:
    """One image on every side: a layer of 20 KiB, one of 100 MiB where that is asked for."""
    small = Filler(_SMALL).stamped()
    large = Filler(_LARGE).stamped() if bench.wants("pull", "blob-100m") else None
    layers = [small, *([large] if large else [])]
    config = config_of(layers)
    manifest = manifest_of(config, layers)
    with bench.servers("pull") as sides:
        for side in sides:
            with Connection(side.port, side.authorization(_SCOPES)) as connection:
                push_image(connection, _REPOSITORY, "latest", manifest, [*layers, config])
            _check(side, "manifests/latest", manifest)
            _check(side, f"blobs/{small.digest}", small)
        if bench.wants("pull", "manifest-get"):
            yield _small_gets(
                bench, sides, "manifest-get", "manifest GET by tag", "manifests/latest", manifest, 10
            )
        if bench.wants("pull", "manifest-head"):
            yield _heads(bench, sides)
        if bench.wants("pull", "blob-20k"):
            yield _small_gets(bench, sides, "blob-20k", "20 KiB blob GET", f"blobs/{small.digest}", small, 8)
        if large:
            yield _large_gets(bench, sides, large)


def _check(side: Side, path: str, content: Blob) -> None:
    """What will be measured is the right content, byte for byte."""
    with Connection(side.port, side.authorization(_PULL)) as connection:
        accept = [("Accept", OCI_MANIFEST)]
        body = connection.ask("GET", f"/v2/{_REPOSITORY}/{path}", expect=200, headers=accept).body
    if f"sha256:{hashlib.sha256(body).hexdigest()}" != content.digest:
        raise BenchFailed(f"{side.key}: GET {path} is not what was pushed")


def _small_gets(
    bench: Bench, sides: Sequence[Side], key: str, title: str, path: str, content: Blob, times: float
) -> Row:
    full = f"/v2/{_REPOSITORY}/{path}"

    def measure(side: Side) -> Sample:
        authorization = side.authorization(_PULL)
        with Meter(side) as meter:
            burst = wrk.get(
                side.url(full),
                authorization,
                connections=_CONNECTIONS,
                seconds=bench.seconds,
                least=content.size,
                accept=OCI_MANIFEST,
            )
        return Sample(burst.rate, meter.seconds / burst.requests)

    title = f"{title}, {_CONNECTIONS} connections"
    done = interleaved(bench, title, Unit.REQUESTS, sides, measure)
    return Row(key, title, Unit.REQUESTS, done.figures, Cost.REQUEST, _against(times), others=done.others)


def _heads(bench: Bench, sides: Sequence[Side]) -> Row:
    def measure(side: Side) -> Sample:
        authorization = side.authorization(_PULL)
        with Meter(side) as meter:
            told = bench.loader.run(
                "heads",
                port=side.port,
                authorization=authorization,
                path=f"/v2/{_REPOSITORY}/manifests/latest",
                connections=_CONNECTIONS,
                seconds=bench.seconds,
                accept=OCI_MANIFEST,
            )
        return Sample(told["requests"] / told["seconds"], meter.seconds / told["requests"])

    title = f"manifest HEAD by tag, {_CONNECTIONS} connections"
    done = interleaved(bench, title, Unit.REQUESTS, sides, measure)
    notes = [
        "the client is the bench's own, in Python (wrk cannot do HEAD): it is near its own limit above 40,000/s"
    ]
    return Row(
        "manifest-head", title, Unit.REQUESTS, done.figures, Cost.REQUEST, _against(10), notes, done.others
    )


def _large_gets(bench: Bench, sides: Sequence[Side], large: Blob) -> Row:
    connections = 4
    file = bench.folder / "large.blob"
    _write(file, large)

    def measure(side: Side) -> Sample:
        authorization = side.authorization(_PULL)
        with Meter(side) as meter:
            told = bench.loader.run(
                "pull",
                port=side.port,
                authorization=authorization,
                path=f"/v2/{_REPOSITORY}/blobs/{large.digest}",
                size=large.size,
                connections=connections,
                seconds=bench.seconds,
            )
        return Sample(told["bytes"] / told["seconds"] / 1e6, meter.seconds / told["bytes"] * 1e9)

    title = f"100 MiB blob GET, {connections} connections"
    with bare(file, bench.folder) as bottom:
        for side in sides:
            _check(side, f"blobs/{large.digest}", large)
        done = interleaved(bench, title, Unit.THROUGHPUT, [*sides, bottom], measure)
    targets: list[Target] = [
        AtLeast(1.1, "docker-registry"),
        NoDearer("docker-registry"),
        AtLeast(0.9, BARE),
    ]
    return Row("blob-100m", title, Unit.THROUGHPUT, done.figures, Cost.GIGABYTE, targets, others=done.others)


def _write(file: Path, blob: Blob) -> None:
    with file.open("wb") as out:
        for piece in blob.pieces:
            out.write(piece)


def _against(times: float) -> list[Target]:
    return [AtLeast(times, "docker-registry")]
