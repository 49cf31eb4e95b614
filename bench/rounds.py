"""How all is measured: rounds interleaved over the sides (A B A B …), with each side's CPU taken as well."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from bench import processes
from bench.figures import Figure, Sample, Unit
from bench.loader import Loader
from bench.machine import Others
from bench.sides import Side, running


@dataclass(slots=True)
class Bench:
    """What every use case is given: where to work, how long, against whom."""

    folder: Path
    rounds: int
    seconds: float
    sides: Sequence[str]
    settings: dict[str, str]
    loader: Loader
    console: Console
    only: Sequence[str]
    others: list[float] = field(default_factory=list)

    def wants(self, *keys: str) -> bool:
        """Whether one of these rows (or groups) was asked for."""
        return not self.only or any(key in self.only for key in keys)

    def server(self, key: str, name: str, *, inside: Path | None = None) -> AbstractContextManager[Side]:
        """Start a side on `name`, a folder of its own; the same name is the same data."""
        return running(key, self.folder / f"{name}-{key}", settings=self.settings, inside=inside)

    @contextlib.contextmanager
    def servers(self, name: str) -> Iterator[list[Side]]:
        """All sides, at once: while one is measured the others are idle."""
        with contextlib.ExitStack() as stack:
            yield [stack.enter_context(self.server(key, name)) for key in self.sides]

    def say(self, text: str) -> None:
        self.console.print(text, highlight=False)


@dataclass(frozen=True, slots=True)
class Measured:
    figures: dict[str, Figure]
    others: float


def interleaved(
    bench: Bench,
    title: str,
    unit: Unit,
    sides: Sequence[Side],
    measure: Callable[[Side], Sample],
    *,
    warm_up: bool = True,
) -> Measured:
    """The rounds. The first, not counted, lets caches fill and code compile."""
    samples: dict[str, list[Sample]] = {side.key: [] for side in sides}
    shares: list[float] = []
    if warm_up:
        for side in sides:
            measure(side)
    for _ in range(bench.rounds):
        for side in sides:
            meter = Others.begin()
            samples[side.key].append(measure(side))
            shares.append(meter.cores())
    figures = {key: Figure(tuple(each)) for key, each in samples.items()}
    others = sum(shares) / len(shares)
    bench.others.append(others)
    told = ", ".join(f"{key} {unit.write(figure.median)}" for key, figure in figures.items())
    bench.say(f"  {title}: {told} {unit}  (others used {others:.2f} cores)")
    return Measured(figures, others)


@dataclass(slots=True)
class Meter:
    """CPU seconds of a side's process tree within the block."""

    side: Side
    seconds: float = 0.0
    _began: float = 0.0

    def __enter__(self) -> Meter:
        self._began = processes.cpu_seconds(self.side.pid)
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = processes.cpu_seconds(self.side.pid) - self._began


def timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin
