"""Metrics: what is counted, that no client can add series, and that workers' values add up."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.observability.scraping import Samples, parsed
from wherry.observability import Metrics
from wherry.observability.backlog import Backlog, JobBacklog
from wherry.observability.declarations import DECLARATIONS

BACKLOG = Backlog((JobBacklog("deliver", "waiting", 2, 1.5),), 3, (("running", 4),), 5)


def samples(metrics: Metrics) -> Samples:
    body, content_type = metrics.render()
    assert content_type.startswith("text/plain")
    return parsed(body.decode())


def push(metrics: Metrics, **changes) -> None:
    fields: dict[str, Any] = {
        "face": "distribution",
        "method": "PUT",
        "route": "/v2/{name}/manifests/{reference}",
        "status": 201,
        "seconds": 0.02,
        "received": 500,
        "sent": 0,
    }
    metrics.request(**(fields | changes))


def test_requests_are_counted_with_their_time_and_bytes():
    metrics = Metrics(version="1.2.3")
    push(metrics)
    push(metrics, status=400, received=100, sent=90)
    found = samples(metrics)
    labels = (("face", "distribution"), ("method", "PUT"), ("route", "/v2/{name}/manifests/{reference}"))
    assert found["wherry_http_requests_total", (*labels, ("status", "2xx"))] == 1
    assert found["wherry_http_requests_total", (*labels, ("status", "4xx"))] == 1
    assert found["wherry_http_request_duration_seconds_count", labels] == 2
    assert found["wherry_http_request_duration_seconds_sum", labels] == pytest.approx(0.04)
    assert found["wherry_http_received_bytes_total", (("face", "distribution"),)] == 600
    assert found["wherry_http_sent_bytes_total", (("face", "distribution"),)] == 90
    assert found["wherry_build_info", (("version", "1.2.3"),)] == 1


def test_methods_that_a_client_makes_up_share_one_series():
    metrics = Metrics()
    for number in range(50):
        push(metrics, method=f"MADEUP{number}")
    counted = [key for key in samples(metrics) if key[0] == "wherry_http_requests_total"]
    assert len(counted) == 1
    assert dict(counted[0][1])["method"] == "other"
    assert len(metrics._series) == 1


def test_uploads_are_in_flight_only_while_they_are_even_when_they_fail():
    metrics = Metrics()
    during = []

    def broken_upload() -> None:
        with metrics.upload_in_flight():
            during.append(samples(metrics)["wherry_uploads_in_flight", ()])
            raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        broken_upload()
    assert during == [1]
    assert samples(metrics)["wherry_uploads_in_flight", ()] == 0


def test_a_store_operation_that_raises_is_timed_and_counted_as_an_error():
    metrics = Metrics()
    with metrics.timed_store("write"):
        pass
    with pytest.raises(OSError, match="full"), metrics.timed_store("write"):
        raise OSError("full")
    found = samples(metrics)
    assert found["wherry_store_operation_duration_seconds_count", (("operation", "write"),)] == 2
    assert found["wherry_store_errors_total", (("operation", "write"),)] == 1


def test_database_time_is_measured():
    metrics = Metrics()
    with metrics.timed_database("unit_of_work"):
        pass
    assert samples(metrics)["wherry_database_duration_seconds_count", (("operation", "unit_of_work"),)] == 1


def test_two_applications_in_one_process_do_not_share_values():
    first, second = Metrics(), Metrics()
    push(first)
    assert not any(name == "wherry_http_requests_total" for name, _ in samples(second))


def test_every_declared_metric_is_rendered_and_nothing_else():
    metrics = Metrics()
    push(metrics, sent=1)
    metrics.store_operation("write", 0.1, failed=True)
    metrics.database_operation("read", 0.1)
    metrics.job_started("deliver", 0.1)
    metrics.job_ended("deliver", "done", 0.1)
    metrics.reaction_failed("webhooks")
    metrics.run_ended("success", 0.1)
    metrics.trigger_paused_itself()
    metrics.webhook_attempted("slack", "delivered")
    metrics.webhook_heard("quay", "heard")
    text = metrics.render()[0] + BACKLOG.render()
    rendered = {line.split()[2] for line in text.decode().splitlines() if line.startswith("# TYPE")}
    rendered = {name for name in rendered if not name.endswith("_created")}
    assert rendered == {declared.name for declared in DECLARATIONS}


def test_what_waits_is_told_beside_what_was_counted():
    found = parsed(BACKLOG.render().decode())
    labels = (("kind", "deliver"), ("state", "waiting"))
    assert found == {
        ("wherry_jobs_unfinished", labels): 2,
        ("wherry_jobs_oldest_due_seconds", labels): 1.5,
        ("wherry_events_waiting", ()): 3,
        ("wherry_trigger_runs_open", (("state", "running"),)): 4,
        ("wherry_triggers_paused", ()): 5,
    }


def test_attempts_at_jobs_are_counted_by_what_became_of_them():
    metrics = Metrics()
    for result in ("waiting", "done"):
        metrics.job_started("deliver", 0.1)
        metrics.job_ended("deliver", result, 0.2)
    found = samples(metrics)
    assert found["wherry_job_attempts_total", (("kind", "deliver"), ("result", "waiting"))] == 1
    assert found["wherry_job_duration_seconds_count", (("kind", "deliver"),)] == 2
    assert found["wherry_job_wait_duration_seconds_count", (("kind", "deliver"),)] == 2


_WORKER = """
import sys
from pathlib import Path
from wherry.observability import Metrics
metrics = Metrics(multiprocess_dir=Path(sys.argv[1]))
for _ in range(int(sys.argv[2])):
    metrics.request(face="f", method="GET", route="/", status=200, seconds=0.1)
if len(sys.argv) > 3:
    print(metrics.render()[0].decode())
"""


def test_the_values_of_all_workers_are_added_up(tmp_path: Path):
    def worker(*arguments: str) -> str:
        run = [sys.executable, "-c", _WORKER, str(tmp_path / "metrics"), *arguments]
        return subprocess.run(run, check=True, capture_output=True, text=True).stdout

    worker("3")
    found = parsed(worker("4", "render"))
    labels = (("face", "f"), ("method", "GET"), ("route", "/"), ("status", "2xx"))
    assert found["wherry_http_requests_total", labels] == 7


def test_what_a_killed_worker_had_in_flight_is_in_flight_no_more(tmp_path: Path):
    killed = (
        "import os, sys\nfrom pathlib import Path\nfrom wherry.observability import Metrics\n"
        "metrics = Metrics(multiprocess_dir=Path(sys.argv[1]))\n"
        "metrics.uploads_in_flight.inc(3)\nmetrics.store_operation('write', 1.0)\nos._exit(9)\n"
    )
    subprocess.run([sys.executable, "-c", killed, str(tmp_path)], check=False)
    render = [sys.executable, "-c", _WORKER, str(tmp_path), "0", "render"]
    found = parsed(subprocess.run(render, check=True, capture_output=True, text=True).stdout)
    assert found["wherry_uploads_in_flight", ()] == 0
    assert found["wherry_store_operation_duration_seconds_count", (("operation", "write"),)] == 1


def test_a_folder_that_comes_too_late_is_an_error_and_not_an_empty_page(tmp_path: Path):
    Metrics()
    with pytest.raises(RuntimeError, match="imported before"):
        Metrics(multiprocess_dir=tmp_path)
