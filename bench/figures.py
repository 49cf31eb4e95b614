"""What was measured: figures side by side, what they cost, and whether a target is reached.

Measures nothing, prints nothing.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from bench.sides import WHERRY


class Unit(StrEnum):
    """What a figure counts, and how it is written."""

    REQUESTS = "requests/s"
    IMAGES = "images/s"
    THROUGHPUT = "MB/s"
    MILLISECONDS = "ms"
    SECONDS = "s"
    MEMORY = "MB"

    def write(self, value: float) -> str:
        if self in {Unit.REQUESTS, Unit.THROUGHPUT, Unit.MEMORY}:
            return f"{value:,.0f}"
        if self is Unit.SECONDS:
            return f"{value:.2f}"
        return f"{value:,.1f}"

    @property
    def more_is_better(self) -> bool:
        return self in {Unit.REQUESTS, Unit.IMAGES, Unit.THROUGHPUT}


class Cost(StrEnum):
    """CPU time of a server's whole process tree, a unit of work."""

    REQUEST = "µs/request"
    IMAGE = "ms/image"
    GIGABYTE = "s/GB"
    NONE = ""

    @property
    def scale(self) -> float:
        return {Cost.REQUEST: 1e6, Cost.IMAGE: 1e3}.get(self, 1.0)

    def write(self, value: float) -> str:
        shown = value * self.scale
        digits = 0 if shown >= 100 else 1 if shown >= 10 else 2
        return f"{shown:,.{digits}f} {self}"


@dataclass(frozen=True, slots=True)
class Sample:
    """One round of one side; `cost` is CPU seconds a unit of work."""

    value: float
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """All rounds of one side."""

    samples: tuple[Sample, ...]

    @property
    def median(self) -> float:
        return statistics.median(sample.value for sample in self.samples)

    @property
    def low(self) -> float:
        return min(sample.value for sample in self.samples)

    @property
    def high(self) -> float:
        return max(sample.value for sample in self.samples)

    @property
    def cost(self) -> float | None:
        costs = [sample.cost for sample in self.samples if sample.cost is not None]
        return statistics.median(costs) if costs else None


@dataclass(frozen=True, slots=True)
class AtLeast:
    """Wherry's figure is so many times another side's."""

    times: float
    side: str

    def verdict(self, row: Row) -> Verdict:
        ratio = row.ratio(self.side)
        text = f"≥ {self.times:g} × {{{self.side}}}"
        if ratio is None:
            return Verdict(text, None, None)
        return Verdict(text, ratio >= self.times, f"{ratio:.2f} ×")


@dataclass(frozen=True, slots=True)
class NoDearer:
    """Wherry takes no more CPU a unit of work than another side."""

    side: str

    def verdict(self, row: Row) -> Verdict:
        text = f"CPU ≤ {{{self.side}}}"
        ours, theirs = (row.figures[key].cost if key in row.figures else None for key in (WHERRY, self.side))
        if ours is None or theirs is None:
            return Verdict(text, None, None)
        return Verdict(text, ours <= theirs, f"{row.cost.write(ours)} : {row.cost.write(theirs)}")


@dataclass(frozen=True, slots=True)
class Below:
    """Wherry's median stays under a limit, in the row's unit."""

    limit: float

    def verdict(self, row: Row) -> Verdict:
        text = f"< {self.limit:g} {row.unit}"
        if WHERRY not in row.figures:
            return Verdict(text, None, None)
        median = row.figures[WHERRY].median
        return Verdict(text, median < self.limit, f"{row.unit.write(median)} {row.unit}")


@dataclass(frozen=True, slots=True)
class NoGrowth:
    """Wherry's figure is at most so many times that of another row, the same at a hundredth of the size."""

    times: float
    small: Row

    def verdict(self, row: Row) -> Verdict:
        text = f"≤ {self.times:g} × at 1/100 of the size"
        if WHERRY not in row.figures or WHERRY not in self.small.figures:
            return Verdict(text, None, None)
        ratio = row.figures[WHERRY].median / self.small.figures[WHERRY].median
        return Verdict(text, ratio <= self.times, f"{ratio:.2f} ×")


@dataclass(frozen=True, slots=True)
class AllBelow:
    """Each of Wherry's medians stays under a limit, in the row's unit."""

    limit: float

    def verdict(self, row: Row) -> Verdict:
        worst = max(figure.median for figure in row.figures.values())
        text = f"each < {self.limit:g} {row.unit}"
        return Verdict(text, worst < self.limit, f"at most {row.unit.write(worst)} {row.unit}")


@dataclass(frozen=True, slots=True)
class HoldsUp:
    """Each of Wherry's figures is at least so many times the one that the row compares them with."""

    times: float

    def verdict(self, row: Row) -> Verdict:
        assert row.base is not None
        ratios = [ratio for key in row.figures if (ratio := row.ratio(key)) is not None]
        text = f"each ≥ {self.times:g} × {row.names[row.base]}"
        return Verdict(text, min(ratios) >= self.times, f"at least {min(ratios):.2f} ×")


Target = AtLeast | NoDearer | Below | NoGrowth | AllBelow | HoldsUp


@dataclass(frozen=True, slots=True)
class Verdict:
    """A target in words ({side}: that side's name), if it is reached (None: not measured), and by what."""

    text: str
    reached: bool | None
    measured: str | None


@dataclass(frozen=True, slots=True)
class Row:
    """One thing measured on every side, or on Wherry alone in several ways.

    Then `names` tells the ways, and `base` the one that the others are compared with.
    """

    key: str
    title: str
    unit: Unit
    figures: Mapping[str, Figure]
    cost: Cost = Cost.NONE
    targets: Sequence[Target] = ()
    notes: Sequence[str] = ()
    others: float = 0.0
    names: Mapping[str, str] = field(default_factory=dict)
    base: str | None = None

    def ratio(self, side: str) -> float | None:
        """How many times better Wherry is: above 1 it is ahead, whichever way the unit counts.

        With a `base` how many times better than it this way is.
        """
        if self.base is not None:
            if side == self.base:
                return None
            ratio = self.figures[side].median / self.figures[self.base].median
            return ratio if self.unit.more_is_better else 1 / ratio
        if WHERRY not in self.figures or side not in self.figures or side == WHERRY:
            return None
        ours, theirs = self.figures[WHERRY].median, self.figures[side].median
        if not ours or not theirs:
            return None
        return ours / theirs if self.unit.more_is_better else theirs / ours

    def verdicts(self) -> list[Verdict]:
        return [target.verdict(self) for target in self.targets]


@dataclass(slots=True)
class Report:
    """All of one run."""

    facts: dict[str, str]
    sides: dict[str, tuple[str, str]]  # key: name with version, settings
    rows: list[Row] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
