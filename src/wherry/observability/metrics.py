"""The object that measures; the composition root builds it, with a registry of its own."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from wherry.observability.declarations import (
    BUILD,
    DATABASE_SECONDS,
    JOB_ATTEMPTS,
    JOB_SECONDS,
    JOB_WAIT_SECONDS,
    REACTION_FAILURES,
    RECEIVED_BYTES,
    REQUEST_SECONDS,
    REQUESTS,
    REQUESTS_IN_FLIGHT,
    RUN_SECONDS,
    RUNS,
    SENT_BYTES,
    STORE_ERRORS,
    STORE_SECONDS,
    TRIGGER_PAUSES,
    UPLOADS_IN_FLIGHT,
    WEBHOOK_ATTEMPTS,
    WEBHOOKS_HEARD,
    Declaration,
)

if TYPE_CHECKING:
    from prometheus_client import Counter, Gauge, Histogram

# prometheus_client decides when it is imported whether processes share their values.
MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

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
            return Histogram(what.name, what.doc, what.labels, registry=registry, buckets=what.buckets)

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
        self._runs = counter(RUNS)
        self._run_seconds = histogram(RUN_SECONDS)
        self._trigger_pauses = counter(TRIGGER_PAUSES)
        self._webhook_attempts = counter(WEBHOOK_ATTEMPTS)
        self._webhooks_heard = counter(WEBHOOKS_HEARD)
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

    def run_ended(self, result: str, seconds: float) -> None:
        """Count a run of a trigger that is over, `seconds` after the push."""
        self._runs.labels(result).inc()
        self._run_seconds.labels(result).observe(seconds)

    def trigger_paused_itself(self) -> None:
        """Count a trigger that gave up after failures in a row."""
        self._trigger_pauses.inc()

    def webhook_attempted(self, sent_as: str, result: str) -> None:
        """Count one attempt at a delivery, in its format, by the state that it left the delivery in."""
        self._webhook_attempts.labels(sent_as, result).inc()

    def webhook_heard(self, product: str, result: str) -> None:
        """Count what a registry elsewhere told, by what came of it."""
        self._webhooks_heard.labels(product, result).inc()

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
