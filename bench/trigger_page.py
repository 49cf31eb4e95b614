"""The figures and the page of what triggers cost and how soon they act. Measures nothing."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "benchmarks-triggers.md"


@dataclass(frozen=True, slots=True)
class Measured:
    """Milliseconds of many times; `p50`, `p99`: what they must stay below."""

    title: str
    values: Sequence[float]
    p50: float | None = None
    p99: float | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def late(self) -> float:
        return sorted(self.values)[min(len(self.values) - 1, int(len(self.values) * 0.99))]

    @property
    def is_reached(self) -> bool:
        return (self.p50 is None or self.median < self.p50) and (self.p99 is None or self.late < self.p99)

    def line(self) -> str:
        limits = [
            f"{name} < {limit:g} ms"
            for name, limit in (("p50", self.p50), ("p99", self.p99))
            if limit is not None
        ]
        verdict = "" if not limits else "reached" if self.is_reached else "**missed**"
        shown = " | ".join(_shown(value) for value in (self.median, self.late, max(self.values)))
        return f"| {self.title} | {len(self.values):,} | {shown} | {', '.join(limits)} | {verdict} |"


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}" if value >= 10 else f"{value:,.3f}"


_HEAD = """\
| measured | times | p50, ms | p99, ms | most, ms | must reach | |
| --- | --- | --- | --- | --- | --- | --- |
"""


def page_of(parts: Sequence[tuple[str, str, Sequence[Measured]]], facts: Mapping[str, str]) -> str:
    """`parts`: a title, what was done, and its figures."""
    text = (
        "# Benchmark: triggers\n\n<!-- Made by `python -m bench.trigger_latency --write`; do not edit. -->\n"
    )
    for title, words, figures in parts:
        text += (
            f"\n## {title}\n\n{words.strip()}\n\n{_HEAD}" + "\n".join(one.line() for one in figures) + "\n"
        )
    run = "\n".join(f"- {name}: {fact}" for name, fact in facts.items())
    return f"{text}\n## The run\n\n{run}\n"
