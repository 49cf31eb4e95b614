"""Pushes: a large blob in one PUT, and as docker does it; many small images at once. All bytes are new."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from bench.failure import BenchFailed
from bench.figures import AtLeast, Cost, Row, Sample, Target, Unit
from bench.images import OCI_MANIFEST
from bench.machine import release_page_cache
from bench.rounds import Bench, Meter, interleaved
from bench.sides import Side
from bench.sink import sink
from bench.wire import Connection

KEYS = ("push-put", "push-patch", "push-images")

_LARGE = 100 << 20
_LAYER = 1 << 20
_WORKERS = 10
_LARGE_SCOPES = ["repository:bench/push:pull,push"]
_IMAGE_SCOPES = [f"repository:bench/images-{number}:pull,push" for number in range(_WORKERS)]


def rows(bench: Bench) -> Iterator[Row]:
    """Each row tells the client's own ceiling as well: what it does against a server that keeps nothing."""
    with bench.servers("push") as sides:
        if bench.wants("push", "push-put"):
            yield _large(bench, sides, "push-put", "100 MiB push in one PUT, fsync on", "put", 2)
        if bench.wants("push", "push-patch"):
            yield _large(
                bench, sides, "push-patch", "100 MiB push as docker does (POST, PATCH, PUT)", "patch", None
            )
        if bench.wants("push", "push-images"):
            yield _images(bench, sides)


def _large(bench: Bench, sides: Sequence[Side], key: str, title: str, way: str, times: float | None) -> Row:
    def measure(side: Side) -> Sample:
        """As many pushes as fit the round, one after the other: one alone would be a coin toss."""
        authorization = side.authorization(_LARGE_SCOPES)
        took, cpu, count, digest = 0.0, 0.0, 0, ""
        while took < bench.seconds / 3 or count < 3:
            with Meter(side) as meter:
                told = bench.loader.run(
                    "push_blob",
                    port=side.port,
                    authorization=authorization,
                    repository="bench/push",
                    size=_LARGE,
                    way=way,
                )
            took, cpu, count, digest = took + told["seconds"], cpu + meter.seconds, count + 1, told["digest"]
        _pull_back(side, authorization, f"/v2/bench/push/blobs/{digest}", digest)
        release_page_cache(side.data)
        return Sample(count * _LARGE / took / 1e6, cpu / (count * _LARGE) * 1e9)

    done = interleaved(bench, title, Unit.THROUGHPUT, sides, measure)
    with sink() as port:
        told = bench.loader.run(
            "push_blob", port=port, authorization="", repository="bench/push", size=_LARGE, way=way
        )
    notes = [f"ceiling of the client: {_LARGE / told['seconds'] / 1e6:,.0f} MB/s"]
    targets: list[Target] = [AtLeast(times, "docker-registry")] if times else []
    return Row(key, title, Unit.THROUGHPUT, done.figures, Cost.GIGABYTE, targets, notes, done.others)


def _images(bench: Bench, sides: Sequence[Side]) -> Row:
    def push(port: int, authorization: str) -> tuple[int, float, tuple[str, str, str]]:
        told = bench.loader.run(
            "push_images",
            port=port,
            authorization=authorization,
            prefix="bench/images",
            workers=_WORKERS,
            seconds=bench.seconds,
            layer=_LAYER,
        )
        if not told["images"]:
            raise BenchFailed("no image was pushed in a whole round")
        return told["images"], told["seconds"], told["sample"]

    def measure(side: Side) -> Sample:
        authorization = side.authorization(_IMAGE_SCOPES)
        with Meter(side) as meter:
            images, seconds, (repository, tag, digest) = push(side.port, authorization)
        _pull_back(side, authorization, f"/v2/{repository}/manifests/{tag}", digest)
        release_page_cache(side.data)
        return Sample(images / seconds, meter.seconds / images)

    title = f"small images (1 MiB layer, config, manifest, HEAD before each), {_WORKERS} workers"
    done = interleaved(bench, title, Unit.IMAGES, sides, measure)
    with sink() as port:
        images, seconds, _ = push(port, "")
    notes = [f"ceiling of the client: {images / seconds:,.0f} images/s"]
    targets: list[Target] = [AtLeast(3, "docker-registry")]
    return Row("push-images", title, Unit.IMAGES, done.figures, Cost.IMAGE, targets, notes, done.others)


def _pull_back(side: Side, authorization: str, path: str, digest: str) -> None:
    """A push that cannot be pulled was none."""
    with Connection(side.port, authorization) as connection:
        body = connection.ask("GET", path, expect=200, headers=[("Accept", OCI_MANIFEST)]).body
    if f"sha256:{hashlib.sha256(body).hexdigest()}" != digest:
        raise BenchFailed(f"{side.key}: {path} is not what was pushed")
