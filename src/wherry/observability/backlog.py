"""Gauges that are asked of the database when somebody looks: the same whichever worker or replica answers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wherry.observability.metrics import EVENTS_WAITING, JOB_OLDEST_DUE, JOBS_UNFINISHED, Declaration

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
    """What waits to be done."""

    jobs: tuple[JobBacklog, ...]
    events: int

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
        yield from (unfinished, oldest, waiting)

    def render(self) -> bytes:
        """A part of the body of `/metrics`."""
        from prometheus_client import CollectorRegistry, generate_latest

        registry = CollectorRegistry()
        registry.register(self)
        return generate_latest(registry)
