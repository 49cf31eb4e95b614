"""`wherry jobs`: what waits and failed is seen, cancelled and run again from the command line."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from wherry.cli.main import build_app
from wherry.db.database import Database
from wherry.events.dispatch import dispatch_new
from wherry.events.outbox import Event, append
from wherry.jobs.queue import enqueue
from wherry.kit.clock import SystemClock
from wherry.migrations.upgrade import upgrade


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    upgrade(f"sqlite:///{tmp_path / 'wherry.db'}")
    database = Database(f"sqlite:///{tmp_path / 'wherry.db'}")
    now = SystemClock().now()
    database.write_now(lambda tx: enqueue(tx, "deliver", {"to": "prod"}, now, key="prod/web"))
    database.close()
    return tmp_path


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(build_app(), ["jobs", *arguments, "--data", str(folder)])
    return result.exit_code, result.output


def test_a_job_is_listed_shown_cancelled_and_run_again(folder: Path) -> None:
    (listed,) = json.loads(run(folder, "list", "--json")[1])
    assert (listed["id"], listed["state"], listed["payload"]) == (1, "waiting", {"to": "prod"})
    assert run(folder, "cancel", "1") == (0, "Job 1 (deliver) is cancelled.\n")
    assert json.loads(run(folder, "show", "1", "--json")[1])["state"] == "cancelled"
    assert run(folder, "list", "--state", "waiting") == (0, "There is no such job.\n")
    assert run(folder, "retry", "1") == (0, "Job 1 (deliver) is waiting.\n")


def test_what_is_not_there_is_said(folder: Path) -> None:
    code, output = run(folder, "show", "7")
    assert code != 0
    assert "there is no job 7" in output
    assert run(folder, "list", "--state", "lost")[0] != 0


def test_a_parked_event_is_listed_and_taken_again(folder: Path) -> None:
    database, now = Database(f"sqlite:///{folder / 'wherry.db'}"), SystemClock().now()

    def fails(_tx: object, _event: object) -> None:
        raise ValueError("not today")

    database.write_now(lambda tx: append(tx, Event("tag.deleted", "acme/web", {"tag": "1"}), now))
    database.write_now(lambda tx: dispatch_new(tx, {"webhooks": fails}, now))
    database.close()
    [row] = json.loads(run(folder, "parked", "--json")[1])
    assert (row["event"], row["reaction"], row["reason"]) == (1, "webhooks", "ValueError: not today")
    assert run(folder, "react", "1", "webhooks") == (0, "Event 1 is with the webhooks now.\n")
    assert run(folder, "parked") == (0, "Nothing is parked.\n")
    code, output = run(folder, "react", "1", "webhooks")
    assert (code, "no parked reaction" in output) == (1, True)
