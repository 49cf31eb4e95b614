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
_LARGE_CONNECTIONS = 4


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
            yield from _large_gets(bench, sides, large)


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
    notes = ["the client is the bench's own, in Python: wrk cannot do HEAD"]
    return Row(
        "manifest-head", title, Unit.REQUESTS, done.figures, Cost.REQUEST, _against(10), notes, done.others
    )


def _large_gets(bench: Bench, sides: Sequence[Side], large: Blob) -> Iterator[Row]:
    """Twice, for how a client reads decides much: wrk reads 8 KiB at a time, the bench's own up to 1 MiB."""
    file = bench.folder / "large.blob"
    _write(file, large)
    path = f"/v2/{_REPOSITORY}/blobs/{large.digest}"

    def by_wrk(side: Side) -> Sample:
        authorization = side.authorization(_PULL)
        with Meter(side) as meter:
            burst = wrk.get(
                side.url(path), authorization, connections=_LARGE_CONNECTIONS, seconds=bench.seconds, least=0
            )
        if burst.received < burst.requests * large.size:
            raise BenchFailed(f"{side.key}: {burst.received} bytes in {burst.requests} answers")
        return Sample(burst.received / burst.seconds / 1e6, meter.seconds / burst.received * 1e9)

    def by_loader(side: Side) -> Sample:
        authorization = side.authorization(_PULL)
        with Meter(side) as meter:
            told = bench.loader.run(
                "pull",
                port=side.port,
                authorization=authorization,
                path=path,
                size=large.size,
                connections=_LARGE_CONNECTIONS,
                seconds=bench.seconds,
            )
        return Sample(told["bytes"] / told["seconds"] / 1e6, meter.seconds / told["bytes"] * 1e9)

    title = f"100 MiB blob GET, {_LARGE_CONNECTIONS} connections"
    targets: list[Target] = [
        AtLeast(1.1, "docker-registry"),
        NoDearer("docker-registry"),
        AtLeast(0.9, BARE),
    ]
    with bare(file, bench.folder) as bottom:
        for side in sides:
            _check(side, f"blobs/{large.digest}", large)
        for key, client, measure, must in (
            ("blob-100m", "wrk, which reads 8 KiB at a time", by_wrk, targets),
            ("blob-100m-big-reads", "a client that reads up to 1 MiB at a time", by_loader, []),
        ):
            full = f"{title}, {client}"
            done = interleaved(bench, full, Unit.THROUGHPUT, [*sides, bottom], measure)
            yield Row(key, full, Unit.THROUGHPUT, done.figures, Cost.GIGABYTE, must, others=done.others)


def _write(file: Path, blob: Blob) -> None:
    with file.open("wb") as out:
        for piece in blob.pieces:
            out.write(piece)


def _against(times: float) -> list[Target]:
    return [AtLeast(times, "docker-registry")]
