"""What is measured, each declared once: the metrics and docs/reference/metrics.md are made from it.

Labels come from closed sets (a route's template, never a path), so that no client can make series grow.
"""

from dataclasses import dataclass
from enum import StrEnum

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
# A push may wait for a window, for somebody's approval, or for a cluster that is away.
_SECONDS_TO_DAYS = (
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
    120.0,
    300.0,
    600.0,
    1800.0,
    3600.0,
    14400.0,
    86400.0,
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
    buckets: tuple[float, ...] = _SECONDS


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
RUNS = Declaration(
    "wherry_trigger_runs_total",
    MetricKind.COUNTER,
    "Runs of triggers that ended, one for each cluster. `result` is `success`, `failed`, `rolled back`, "
    "`superseded` or `skipped`. What a command ends on the data folder is not counted.",
    ("result",),
)
RUN_SECONDS = Declaration(
    "wherry_trigger_run_duration_seconds",
    MetricKind.HISTOGRAM,
    "From the push to the end of the run, with all that it waited for.",
    ("result",),
    _SECONDS_TO_DAYS,
)
RUNS_OPEN = Declaration(
    "wherry_trigger_runs_open",
    MetricKind.GAUGE,
    "Runs of triggers that have not ended, of all replicas. `state` is `waiting`, `waiting for approval` or "
    "`running`.",
    ("state",),
)
TRIGGERS_PAUSED = Declaration(
    "wherry_triggers_paused",
    MetricKind.GAUGE,
    "Triggers that are paused now, by themselves or by hand.",
)
TRIGGER_PAUSES = Declaration(
    "wherry_trigger_pauses_total",
    MetricKind.COUNTER,
    "How often a trigger has paused itself, after failures in a row.",
)
WEBHOOK_ATTEMPTS = Declaration(
    "wherry_webhook_attempts_total",
    MetricKind.COUNTER,
    "Attempts at deliveries of webhooks, by the webhook's format. `result` is the delivery's state since: "
    "`delivered`, `waiting` for one that is tried again, `dead` for one that is given up.",
    ("format", "result"),
)
WEBHOOKS_HEARD = Declaration(
    "wherry_webhooks_heard_total",
    MetricKind.COUNTER,
    "What registries elsewhere told here, by their product, which is `unknown` where the address is none. "
    "`result` is `heard` for a push, `repeated` for one that was told before, `ignored` for what is no push, "
    "or none of the sender's image, `refused` for what is not proved, not allowed or not readable.",
    ("product", "result"),
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
    RUNS,
    RUN_SECONDS,
    RUNS_OPEN,
    TRIGGERS_PAUSED,
    TRIGGER_PAUSES,
    WEBHOOK_ATTEMPTS,
    WEBHOOKS_HEARD,
    BUILD,
)
