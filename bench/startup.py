"""Start: from the command to the first 200, on a folder that is not there yet and on one served before."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence

from bench.failure import BenchFailed
from bench.figures import Below, Cost, Figure, Row, Sample, Unit
from bench.machine import Others
from bench.rounds import Bench
from bench.sides import WHERRY, Side, started
from engines.servers.process import answers

KEYS = ("start-fresh", "start-existing")

_LIMIT = 2.0
_POLL = 0.005


def rows(bench: Bench) -> Iterator[Row]:
    for key, title, fresh in (
        ("start-fresh", "start on a fresh folder, until the first 200", True),
        ("start-existing", "start on an existing folder, until the first 200", False),
    ):
        if bench.wants("startup", key):
            meter = Others.begin()
            figures = _starts(bench, fresh=fresh)
            told = ", ".join(f"{side} {figure.median:.2f}" for side, figure in figures.items())
            bench.say(f"  {title}: {told} s")
            notes = ["Wherry is asked for /healthz, the others for /, which they answer as soon as they live"]
            yield Row(key, title, Unit.SECONDS, figures, Cost.NONE, [Below(_LIMIT)], notes, meter.cores())


def _starts(bench: Bench, *, fresh: bool) -> dict[str, Figure]:
    samples: dict[str, list[Sample]] = {key: [] for key in bench.sides}
    if not fresh:
        _once(bench, bench.sides)
    for _ in range(bench.rounds):
        for key in bench.sides:
            folder = bench.folder / f"start-{key}"
            if fresh:
                shutil.rmtree(folder, ignore_errors=True)
            path = "/healthz" if key == WHERRY else "/"
            begin = time.perf_counter()
            with started(key, folder, settings=bench.settings) as side:
                _await(side, path)
                samples[key].append(Sample(time.perf_counter() - begin))
    return {key: Figure(tuple(each)) for key, each in samples.items()}


def _await(side: Side, path: str) -> None:
    """More often than a start is usually looked at: the waiting is what is measured."""
    deadline = time.monotonic() + 60
    while not answers(side.url(path), 200):
        if not side.process.running or time.monotonic() > deadline:
            raise BenchFailed(f"{side.key} did not start:\n{side.process.log_tail()}")
        time.sleep(_POLL)


def _once(bench: Bench, sides: Sequence[str]) -> None:
    for key in sides:
        with bench.server(key, "start"):
            pass
