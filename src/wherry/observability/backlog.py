"""Gauges that are asked of the database when somebody looks: the same whichever worker or replica answers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wherry.observability.declarations import (
    EVENTS_WAITING,
    JOB_OLDEST_DUE,
    JOBS_UNFINISHED,
    RUNS_OPEN,
    TRIGGERS_PAUSED,
    Declaration,
)

if TYPE_CHECKING:
    from prometheus_client.core import GaugeMetricFamily


@dataclass(frozen=True, slots=True)
class JobBacklog:
    """The unfinished jobs of one kind in one state; `overdue` in seconds, 0 where the first is due later."""

    kind: str
    state: str
    count: int
    overdue: float


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits to be done. `runs` of triggers are counted by state, `paused` are triggers."""

    jobs: tuple[JobBacklog, ...]
    events: int
    runs: tuple[tuple[str, int], ...]
    paused: int

    def collect(self) -> "Iterator[GaugeMetricFamily]":
        """As Prometheus' collectors do."""
        from prometheus_client.core import GaugeMetricFamily

        def family(what: Declaration) -> GaugeMetricFamily:
            return GaugeMetricFamily(what.name, what.doc, labels=what.labels)

        unfinished, oldest, waiting = family(JOBS_UNFINISHED), family(JOB_OLDEST_DUE), family(EVENTS_WAITING)
        for jobs in self.jobs:
            unfinished.add_metric((jobs.kind, jobs.state), jobs.count)
            oldest.add_metric((jobs.kind, jobs.state), jobs.overdue)
        waiting.add_metric((), self.events)
        runs, paused = family(RUNS_OPEN), family(TRIGGERS_PAUSED)
        for state, count in self.runs:
            runs.add_metric((state,), count)
        paused.add_metric((), self.paused)
        yield from (unfinished, oldest, waiting, runs, paused)

    def render(self) -> bytes:
        """A part of the body of `/metrics`."""
        from prometheus_client import CollectorRegistry, generate_latest

        registry = CollectorRegistry()
        registry.register(self)
        return generate_latest(registry)
