"""The queue: what is enqueued in a transaction is there with it, in order, once."""

import pytest
from sqlalchemy import Connection

from tests.databases import Do, FixedClock
from tests.jobs.conftest import MakeWorker
from wherry.db.database import Database
from wherry.jobs.errors import JobNotWaiting, JobUnknown
from wherry.jobs.job import State
from wherry.jobs.queue import cancel, enqueue, list_jobs, retry, show
from wherry.jobs.running import Running


async def test_a_job_runs_with_its_payload_and_is_done(
    do: Do, clock: FixedClock, make_worker: MakeWorker
) -> None:
    seen = []

    async def handle(running: Running) -> None:
        seen.append((running.id, running.payload["image"], running.attempt))

    job_id = do(enqueue, "greet", {"image": "acme/web"}, clock.now())
    assert await make_worker(greet=handle).run_due() == 1
    assert seen == [(job_id, "acme/web", 1)]
    job = do(show, job_id)
    assert (job.state, job.problem, job.finished_at) == (State.DONE, "", clock.now())


async def test_a_job_of_an_undone_transaction_never_was(database: Database, clock: FixedClock) -> None:
    def work(tx: Connection) -> None:
        enqueue(tx, "greet", {}, clock.now())
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await database.write(work)
    assert await database.read(list_jobs) == []


def test_while_a_unique_job_waits_no_other_is_made(do: Do, clock: FixedClock) -> None:
    first = do(enqueue, "gc", {}, clock.now(), unique="gc")
    assert do(enqueue, "gc", {}, clock.now(), unique="gc") == first
    assert do(enqueue, "gc", {}, clock.now(), unique="another") != first
    do(cancel, first, clock.now())
    assert do(enqueue, "gc", {}, clock.now(), unique="gc") != first


def test_an_unknown_job_is_said_to_be_unknown(do: Do, clock: FixedClock) -> None:
    with pytest.raises(JobUnknown):
        do(show, 7)
    with pytest.raises(JobUnknown):
        do(cancel, 7, clock.now())


async def test_a_waiting_job_that_is_cancelled_never_starts_until_it_is_retried(
    do: Do, clock: FixedClock, make_worker: MakeWorker
) -> None:
    seen = []

    async def handle(running: Running) -> None:
        seen.append(running.id)

    job_id = do(enqueue, "greet", {}, clock.now())
    assert do(cancel, job_id, clock.now()).state is State.CANCELLED
    worker = make_worker(greet=handle)
    assert await worker.run_due() == 0
    assert do(retry, job_id, clock.now()).state is State.WAITING
    assert await worker.run_due() == 1
    assert seen == [job_id]
    with pytest.raises(JobNotWaiting):
        do(retry, job_id, clock.now())


def test_lists_are_by_kind_key_and_state_the_newest_first(do: Do, clock: FixedClock) -> None:
    ids = [do(enqueue, kind, {}, clock.now(), key=key) for kind, key in (("a", "x"), ("b", "x"), ("a", ""))]
    do(cancel, ids[2], clock.now())
    assert [job.id for job in do(list_jobs)] == ids[::-1]
    assert [job.id for job in do(list_jobs, kind="a")] == [ids[2], ids[0]]
    assert [job.id for job in do(list_jobs, key="x")] == [ids[1], ids[0]]
    assert [job.id for job in do(list_jobs, states=[State.CANCELLED])] == [ids[2]]
    assert [job.id for job in do(list_jobs, before=ids[2], size=1)] == [ids[1]]
