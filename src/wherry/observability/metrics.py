"""Metrics: what is measured, declared once, and the object that measures.

``Metrics`` is built by the composition root with a registry of its own. Labels come from closed sets
(a route's template, never a path), so that no client can make series grow.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client import Counter, Gauge, Histogram

# prometheus_client decides when it is imported whether processes share their values.
MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

_SECONDS = (
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
    300.0,
)


class MetricKind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Declaration:
    """One metric as Prometheus shows it; docs/reference/metrics.md is made from these."""

    name: str
    kind: MetricKind
    doc: str
    labels: tuple[str, ...] = ()


REQUESTS = Declaration(
    "wherry_http_requests_total",
    MetricKind.COUNTER,
    "Requests answered. `route` is the route's template, `status` the class of the answer, such as `2xx`.",
    ("face", "method", "route", "status"),
)
REQUEST_SECONDS = Declaration(
    "wherry_http_request_duration_seconds",
    MetricKind.HISTOGRAM,
    "From the head of the request to the last byte of the answer, as far as the server sees it.",
    ("face", "method", "route"),
)
REQUESTS_IN_FLIGHT = Declaration(
    "wherry_http_requests_in_flight", MetricKind.GAUGE, "Requests that are being answered now."
)
RECEIVED_BYTES = Declaration(
    "wherry_http_received_bytes_total", MetricKind.COUNTER, "Bytes of request bodies received.", ("face",)
)
SENT_BYTES = Declaration(
    "wherry_http_sent_bytes_total",
    MetricKind.COUNTER,
    "Bytes of answers' bodies sent, files included.",
    ("face",),
)
UPLOADS_IN_FLIGHT = Declaration(
    "wherry_uploads_in_flight", MetricKind.GAUGE, "Requests that are carrying the bytes of a blob upload now."
)
STORE_SECONDS = Declaration(
    "wherry_store_operation_duration_seconds",
    MetricKind.HISTOGRAM,
    "Time that operations of the blob store take.",
    ("operation",),
)
STORE_ERRORS = Declaration(
    "wherry_store_errors_total",
    MetricKind.COUNTER,
    "Operations of the blob store that failed.",
    ("operation",),
)
DATABASE_SECONDS = Declaration(
    "wherry_database_duration_seconds",
    MetricKind.HISTOGRAM,
    "Time that units of work and reads take in the database.",
    ("operation",),
)
JOB_WAIT_SECONDS = Declaration(
    "wherry_job_wait_duration_seconds",
    MetricKind.HISTOGRAM,
    "From when a job was due until an attempt at it began.",
    ("kind",),
)
JOB_SECONDS = Declaration(
    "wherry_job_duration_seconds", MetricKind.HISTOGRAM, "Time that attempts at jobs take.", ("kind",)
)
JOB_ATTEMPTS = Declaration(
    "wherry_job_attempts_total",
    MetricKind.COUNTER,
    "Attempts at jobs that ended. `result` is the job's state since; `waiting` for one that is tried again.",
    ("kind", "result"),
)
REACTION_FAILURES = Declaration(
    "wherry_event_reactions_failed_total",
    MetricKind.COUNTER,
    "Reactions to events that failed and are parked, by whose they are.",
    ("reaction",),
)
JOBS_UNFINISHED = Declaration(
    "wherry_jobs_unfinished",
    MetricKind.GAUGE,
    "Jobs that have not ended, of all replicas.",
    ("kind", "state"),
)
JOB_OLDEST_DUE = Declaration(
    "wherry_jobs_oldest_due_seconds",
    MetricKind.GAUGE,
    "Since when the longest waiting of these jobs is due.",
    ("kind", "state"),
)
EVENTS_WAITING = Declaration(
    "wherry_events_waiting", MetricKind.GAUGE, "Events that have not been dispatched, of all replicas."
)
BUILD = Declaration(
    "wherry_build_info", MetricKind.GAUGE, "Always 1; the version is in the label.", ("version",)
)

DECLARATIONS: tuple[Declaration, ...] = (
    REQUESTS,
    REQUEST_SECONDS,
    REQUESTS_IN_FLIGHT,
    RECEIVED_BYTES,
    SENT_BYTES,
    UPLOADS_IN_FLIGHT,
    STORE_SECONDS,
    STORE_ERRORS,
    DATABASE_SECONDS,
    JOB_WAIT_SECONDS,
    JOB_SECONDS,
    JOB_ATTEMPTS,
    REACTION_FAILURES,
    JOBS_UNFINISHED,
    JOB_OLDEST_DUE,
    EVENTS_WAITING,
    BUILD,
)

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class _RequestSeries:
    """The children of one (face, method, route, status class), found once and then kept."""

    __slots__ = ("count", "duration", "received", "sent")

    def __init__(self, count: Counter, duration: Histogram, received: Counter, sent: Counter) -> None:
        self.count = count
        self.duration = duration
        self.received = received
        self.sent = sent


class Metrics:
    """All measurements of one process; ``render`` gives those of all workers when they share a folder."""

    def __init__(self, *, version: str = "", multiprocess_dir: Path | None = None) -> None:
        if multiprocess_dir is not None:
            _share_values_in(multiprocess_dir)
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self._multiprocess_dir = multiprocess_dir
        self._registry = registry = CollectorRegistry()

        def counter(what: Declaration) -> Counter:
            return Counter(what.name, what.doc, what.labels, registry=registry)

        def histogram(what: Declaration) -> Histogram:
            return Histogram(what.name, what.doc, what.labels, registry=registry, buckets=_SECONDS)

        def gauge(what: Declaration) -> Gauge:
            return Gauge(what.name, what.doc, what.labels, registry=registry, multiprocess_mode="livesum")

        self._requests = counter(REQUESTS)
        self._request_seconds = histogram(REQUEST_SECONDS)
        self._received = counter(RECEIVED_BYTES)
        self._sent = counter(SENT_BYTES)
        self._store_seconds = histogram(STORE_SECONDS)
        self._store_errors = counter(STORE_ERRORS)
        self._database_seconds = histogram(DATABASE_SECONDS)
        self._job_wait_seconds = histogram(JOB_WAIT_SECONDS)
        self._job_seconds = histogram(JOB_SECONDS)
        self._job_attempts = counter(JOB_ATTEMPTS)
        self._reaction_failures = counter(REACTION_FAILURES)
        self.requests_in_flight = gauge(REQUESTS_IN_FLIGHT)
        self.uploads_in_flight = gauge(UPLOADS_IN_FLIGHT)
        Gauge(BUILD.name, BUILD.doc, BUILD.labels, registry=registry, multiprocess_mode="max").labels(
            version
        ).set(1)
        self._series: dict[tuple[str, str, str, int], _RequestSeries] = {}

    def request(
        self,
        *,
        face: str,
        method: str,
        route: str,
        status: int,
        seconds: float,
        received: int = 0,
        sent: int = 0,
    ) -> None:
        """Count one answered request. ``route`` is the template that matched, never the path."""
        series = self._series.get((face, method, route, status // 100))
        if series is None:
            series = self._request_series(face, method, route, status // 100)
        series.count.inc()
        series.duration.observe(seconds)
        if received:
            series.received.inc(received)
        if sent:
            series.sent.inc(sent)

    def store_operation(self, operation: str, seconds: float, *, failed: bool = False) -> None:
        """Count one operation of the blob store, such as ``write``, ``read``, ``stat``, ``delete``."""
        self._store_seconds.labels(operation).observe(seconds)
        if failed:
            self._store_errors.labels(operation).inc()

    def database_operation(self, operation: str, seconds: float) -> None:
        """Count one unit of work or one read."""
        self._database_seconds.labels(operation).observe(seconds)

    def job_started(self, kind: str, waited: float) -> None:
        """Count the beginning of an attempt, `waited` seconds after the job was due."""
        self._job_wait_seconds.labels(kind).observe(waited)

    def job_ended(self, kind: str, result: str, seconds: float) -> None:
        """Count one attempt at a job by the state that it left the job in."""
        self._job_attempts.labels(kind, result).inc()
        self._job_seconds.labels(kind).observe(seconds)

    def reaction_failed(self, reaction: str) -> None:
        """Count a reaction to an event that is parked now."""
        self._reaction_failures.labels(reaction).inc()

    @contextmanager
    def upload_in_flight(self) -> Iterator[None]:
        """Around the part of a request that carries the bytes of an upload."""
        self.uploads_in_flight.inc()
        try:
            yield
        finally:
            self.uploads_in_flight.dec()

    @contextmanager
    def timed_store(self, operation: str) -> Iterator[None]:
        """Around one operation of the blob store; an exception counts as a failure and goes on."""
        started = time.perf_counter()
        failed = True
        try:
            yield
            failed = False
        finally:
            self.store_operation(operation, time.perf_counter() - started, failed=failed)

    @contextmanager
    def timed_database(self, operation: str) -> Iterator[None]:
        """Around one unit of work or one read."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.database_operation(operation, time.perf_counter() - started)

    def render(self) -> tuple[bytes, str]:
        """The body of ``/metrics`` and its media type."""
        from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
        from prometheus_client.multiprocess import MultiProcessCollector

        if self._multiprocess_dir is None:
            return generate_latest(self._registry), CONTENT_TYPE_LATEST
        _forget_dead_workers(self._multiprocess_dir)
        shared = CollectorRegistry()
        MultiProcessCollector(shared, path=str(self._multiprocess_dir))  # type: ignore[no-untyped-call]
        return generate_latest(shared), CONTENT_TYPE_LATEST

    def _request_series(self, face: str, method: str, route: str, status_class: int) -> _RequestSeries:
        # A method is whatever a client sends: one that we do not know must not become a series of its own.
        known = method if method in _METHODS else "other"
        key = (face, known, route, status_class)
        if key not in self._series:
            self._series[key] = _RequestSeries(
                self._requests.labels(face, known, route, f"{status_class}xx"),
                self._request_seconds.labels(face, known, route),
                self._received.labels(face),
                self._sent.labels(face),
            )
        return self._series[key]


def _forget_dead_workers(folder: Path) -> None:
    """What a killed worker had in flight is in flight no more; its counters still count."""
    for file in folder.glob("gauge_live*_*.db"):
        pid = file.stem.rpartition("_")[2]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists() and Path("/proc/self").exists():
            file.unlink(missing_ok=True)


def _share_values_in(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if "prometheus_client" in sys.modules and os.environ.get(MULTIPROCESS_VARIABLE) != str(folder):
        raise RuntimeError("prometheus_client was imported before the workers' folder for metrics was known")
    os.environ[MULTIPROCESS_VARIABLE] = str(folder)
