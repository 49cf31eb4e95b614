"""The worker: order of a key, attempts, leases, cancelling, and what a stop leaves behind."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest

from tests.databases import Do, FixedClock
from tests.jobs.conftest import MakeWorker
from wherry.db.bell import Bell
from wherry.db.database import Database
from wherry.jobs.claiming import MAX_FAILURES
from wherry.jobs.errors import GiveUp, LeaseLost, Retry
from wherry.jobs.job import Job, State
from wherry.jobs.queue import cancel, enqueue, list_jobs, show
from wherry.jobs.running import Running
from wherry.jobs.working import Worker


async def wait_for(database: Database, job_id: int, state: State) -> Job:
    async with asyncio.timeout(20):
        while True:
            job: Job = await database.read(lambda tx: show(tx, job_id))
            if job.state is state:
                return job
            await asyncio.sleep(0.01)


async def stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_jobs_of_a_key_run_in_order_and_one_that_failed_holds_up_the_later_ones(
    do: Do, clock: FixedClock, make_worker: MakeWorker
) -> None:
    ran: list[tuple[int, int]] = []

    async def handle(running: Running) -> None:
        ran.append((running.id, running.attempt))
        if running.id == first and running.attempt == 1:
            raise Retry("the cluster is away", timedelta(seconds=30))

    first, second, other = [
        do(enqueue, "deliver", {}, clock.now(), key=key) for key in ("prod/web", "prod/web", "prod/api")
    ]
    worker = make_worker(deliver=handle)
    await worker.run_due()
    assert ran == [(first, 1), (other, 1)]
    waiting = do(show, first)
    assert (waiting.state, waiting.problem) == (State.WAITING, "the cluster is away")
    assert waiting.run_at == clock.now() + timedelta(seconds=30)
    clock.move(seconds=29)
    assert await worker.run_due() == 0
    clock.move(seconds=1)
    await worker.run_due()
    assert ran[2:] == [(first, 2), (second, 1)]


async def test_one_that_gave_up_lets_the_later_ones_of_its_key_go_on(
    do: Do, clock: FixedClock, make_worker: MakeWorker
) -> None:
    async def handle(running: Running) -> None:
        if running.id == first:
            raise GiveUp("no such workload")

    first, second = [do(enqueue, "deliver", {}, clock.now(), key="prod/web") for _ in range(2)]
    assert await make_worker(deliver=handle).run_due() == 2
    assert (do(show, first).state, do(show, first).problem) == (State.FAILED, "no such workload")
    assert do(show, second).state is State.DONE


async def test_pauses_between_attempts_double_and_end_with_the_attempts(
    do: Do, clock: FixedClock, make_worker: MakeWorker
) -> None:
    async def handle(_running: Running) -> None:
        raise OSError("broken")

    job_id = do(enqueue, "deliver", {}, clock.now(), max_attempts=4)
    worker, pauses = make_worker(deliver=handle), []
    while do(show, job_id).state is not State.FAILED:
        await worker.run_due()
        pauses.append((do(show, job_id).run_at - clock.now()).total_seconds())
        clock.move(seconds=max(0.0, pauses[-1]))
    assert pauses[:3] == [0.5, 1.0, 2.0]
    job = do(show, job_id)
    assert (job.attempts, job.problem) == (4, "OSError: broken")


async def test_unexpected_failures_are_limited_and_asking_for_another_attempt_is_not(
    do: Do, clock: FixedClock, make_worker: MakeWorker
) -> None:
    async def ask(_running: Running) -> None:
        raise Retry("not yet", timedelta(seconds=1))

    async def fail(_running: Running) -> None:
        raise OSError("broken")

    asking, failing = (do(enqueue, kind, {}, clock.now()) for kind in ("ask", "fail"))
    worker = make_worker(ask=ask, fail=fail)
    for _ in range(MAX_FAILURES + 2):
        await worker.run_due()
        clock.move(minutes=11)
    assert (do(show, asking).state, do(show, asking).attempts) == (State.WAITING, MAX_FAILURES + 2)
    assert (do(show, failing).state, do(show, failing).attempts) == (State.FAILED, MAX_FAILURES)


async def test_a_job_starts_soon_after_its_commit_and_not_before_its_time(
    database: Database, clock: FixedClock, make_worker: MakeWorker
) -> None:
    async def handle(_running: Running) -> None: ...

    working = asyncio.create_task(make_worker(deliver=handle).run())
    later = await database.write(
        lambda tx: enqueue(tx, "deliver", {}, clock.now(), run_at=clock.now() + timedelta(hours=1))
    )
    now = await database.write(lambda tx: enqueue(tx, "deliver", {}, clock.now()))
    await wait_for(database, now, State.DONE)
    assert (await database.read(lambda tx: show(tx, later))).state is State.WAITING
    await stop(working)


async def test_a_worker_that_stops_gives_back_what_it_runs_and_the_attempt_does_not_count(
    database: Database, do: Do, clock: FixedClock, make_worker: MakeWorker
) -> None:
    begun, attempts = asyncio.Event(), []

    async def handle(running: Running) -> None:
        attempts.append(running.attempt)
        if len(attempts) == 1:
            begun.set()
            await asyncio.sleep(3600)

    job_id = await database.write(lambda tx: enqueue(tx, "deliver", {}, clock.now()))
    working = asyncio.create_task(make_worker(deliver=handle).run())
    await asyncio.wait_for(begun.wait(), 20)
    await stop(working)
    assert (do(show, job_id).state, do(show, job_id).attempts) == (State.WAITING, 0)
    assert await make_worker(deliver=handle).run_due() == 1
    assert attempts == [1, 1]


async def test_a_worker_that_lost_its_lease_records_nothing(
    database: Database, do: Do, clock: FixedClock, make_worker: MakeWorker
) -> None:
    refused, attempts = [], []

    async def handle(running: Running) -> None:
        attempts.append(running.attempt)
        if running.attempt == 1:
            clock.move(minutes=1)  # as long as if this process had stood still
            assert await make_worker(deliver=handle).run_due() == 1
            with pytest.raises(LeaseLost):
                await database.write(running.require_held)
            refused.append(running.id)
            raise GiveUp("what this one found out does not count")

    job_id = do(enqueue, "deliver", {}, clock.now())
    await make_worker(deliver=handle).run_due()
    assert (attempts, refused) == ([1, 2], [job_id])
    assert (do(show, job_id).state, do(show, job_id).problem) == (State.DONE, "")


async def test_a_worker_that_lost_its_lease_is_cut_off(
    database: Database, do: Do, clock: FixedClock, make_worker: MakeWorker
) -> None:
    begun, cut_off = asyncio.Event(), asyncio.Event()

    async def handle(running: Running) -> None:
        if running.attempt > 1:
            return
        begun.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            assert not running.is_cancelled
            cut_off.set()
            raise

    job_id = do(enqueue, "deliver", {}, clock.now())
    quick = {"lease": timedelta(seconds=0.4)}
    working = asyncio.create_task(make_worker(quick, deliver=handle).run())
    await asyncio.wait_for(begun.wait(), 20)
    clock.move(minutes=1)
    await asyncio.wait_for(cut_off.wait(), 20)
    await wait_for(database, job_id, State.DONE)
    await stop(working)


async def test_a_worker_that_takes_again_what_it_lost_ends_its_former_attempt_first(
    do: Do, clock: FixedClock, make_worker: MakeWorker
) -> None:
    begun, told = asyncio.Event(), []

    async def handle(running: Running) -> None:
        told.append(f"{running.attempt} begins")
        if running.attempt > 1:
            return
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            told.append("1 is cut off")

    job_id = do(enqueue, "deliver", {}, clock.now())
    worker = make_worker(deliver=handle)
    lost = asyncio.create_task(worker.run_due())
    await asyncio.wait_for(begun.wait(), 20)
    clock.move(minutes=1)
    assert await asyncio.wait_for(worker.run_due(), 20) == 1
    await asyncio.wait_for(lost, 20)
    assert told == ["1 begins", "1 is cut off", "2 begins"]
    assert do(show, job_id).state is State.DONE


async def test_a_job_whose_workers_die_one_after_another_fails(
    do: Do, clock: FixedClock, make_worker: MakeWorker
) -> None:
    from wherry.jobs.claiming import claim

    async def handle(_running: Running) -> None: ...

    job_id = do(enqueue, "deliver", {}, clock.now())
    for number in range(MAX_FAILURES):
        assert len(do(claim, f"worker {number}", {"deliver": 1}, clock.now(), timedelta(seconds=10))) == 1
        clock.move(seconds=11)
    assert await make_worker(deliver=handle).run_due() == 0
    assert do(show, job_id).state is State.FAILED


async def test_a_running_job_that_is_cancelled_ends(
    database: Database, clock: FixedClock, make_worker: MakeWorker
) -> None:
    begun, saw = asyncio.Event(), []

    async def handle(running: Running) -> None:
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            saw.append(running.is_cancelled)

    job_id = await database.write(lambda tx: enqueue(tx, "deliver", {}, clock.now()))
    working = asyncio.create_task(make_worker(deliver=handle).run())
    await asyncio.wait_for(begun.wait(), 20)
    await database.write(lambda tx: cancel(tx, job_id, clock.now()))
    await wait_for(database, job_id, State.CANCELLED)
    assert saw == [True]
    await stop(working)


async def test_the_last_change_and_the_end_of_a_job_are_one_transaction(
    database: Database, do: Do, clock: FixedClock, make_worker: MakeWorker
) -> None:
    async def handle(running: Running) -> None:
        def work(tx: object) -> None:
            running.finish(tx)  # type: ignore[arg-type]
            enqueue(tx, "next", {}, clock.now())  # type: ignore[arg-type]
            if running.attempt == 1:
                raise OSError("in the middle of it")

        await database.write(work)

    job_id = do(enqueue, "deliver", {}, clock.now())
    worker = make_worker(deliver=handle)
    await worker.run_due()
    assert do(show, job_id).state is State.WAITING
    assert do(list_jobs, kind="next") == []
    clock.move(seconds=1)
    await worker.run_due()
    assert do(show, job_id).state is State.DONE
    assert len(do(list_jobs, kind="next")) == 1


async def test_a_kind_has_its_own_room_so_that_slow_ones_starve_no_other(
    database: Database, clock: FixedClock, make_worker: MakeWorker
) -> None:
    running_now, most = 0, 0

    async def slow(_running: Running) -> None:
        nonlocal running_now, most
        running_now += 1
        most = max(most, running_now)
        await asyncio.sleep(3600)

    async def quick(_running: Running) -> None: ...

    for _ in range(5):
        await database.write(lambda tx: enqueue(tx, "slow", {}, clock.now()))
    job_id = await database.write(lambda tx: enqueue(tx, "quick", {}, clock.now()))
    working = asyncio.create_task(make_worker({"room": 2}, slow=slow, quick=quick).run())
    await wait_for(database, job_id, State.DONE)
    assert most == 2
    await stop(working)


async def test_progress_is_shown_while_a_job_runs(
    database: Database, do: Do, clock: FixedClock, make_worker: MakeWorker
) -> None:
    async def handle(running: Running) -> None:
        await running.progress(3, 10, "3 of 10 ready")
        job = await database.read(lambda tx: show(tx, running.id))
        assert (job.done, job.total, job.said) == (3, 10, "3 of 10 ready")

    job_id = do(enqueue, "deliver", {}, clock.now())
    await make_worker(deliver=handle).run_due()
    assert do(show, job_id).state is State.DONE


async def test_two_workers_run_each_job_once_and_keys_in_order(
    database_url: str, database: Database, clock: FixedClock, bell: Bell
) -> None:
    ran: list[int] = []
    busy: set[str] = set()

    async def handle(running: Running) -> None:
        assert running.key not in busy
        busy.add(running.key)
        await asyncio.sleep(0.002)
        ran.append(running.id)
        busy.discard(running.key)

    async def add(key: str) -> int:
        return await database.write(lambda tx: enqueue(tx, "deliver", {}, clock.now(), key=key))

    second = Database(database_url)
    try:
        workers = [Worker(one, clock, {"deliver": handle}, bell) for one in (database, second)]
        ids = [await add(f"target {number % 7}") for number in range(60)]
        tasks = [asyncio.create_task(worker.run()) for worker in workers]
        async with asyncio.timeout(60):
            for job_id in ids:
                await wait_for(database, job_id, State.DONE)
        for task in tasks:
            await stop(task)
    finally:
        second.close()
    assert sorted(ran) == ids
    for key in range(7):
        mine = [job_id for job_id in ran if ids.index(job_id) % 7 == key]
        assert mine == sorted(mine)
