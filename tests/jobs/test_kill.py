"""Two processes run jobs and are killed over and over: each result is there once, a key in order."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time

from sqlalchemy import Connection, select

from tests.databases import Do
from wherry.events.tables import events
from wherry.jobs.job import State
from wherry.jobs.queue import enqueue, list_jobs
from wherry.kit.clock import SystemClock

JOBS = 150
KEYS = 10
KILLS = 8


def start(url: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "tests.jobs.process", url])


def results(tx: Connection) -> list[tuple[str, int]]:
    rows = tx.execute(select(events.c.subject, events.c.body).order_by(events.c.id))
    return [(row[0], json.loads(row[1])["job"]) for row in rows]


def test_every_result_is_there_once_and_in_order_however_often_workers_are_killed(
    database_url: str, do: Do
) -> None:
    luck, now = random.Random(5), SystemClock().now()
    ids = [do(enqueue, "count", {}, now, key=f"target {number % KEYS}") for number in range(JOBS)]
    processes = [start(database_url) for _ in range(2)]
    try:
        for _ in range(KILLS):
            time.sleep(luck.uniform(0.4, 1.0))  # from before the first claim to amid the last job
            victim = luck.randrange(2)
            processes[victim].kill()
            processes[victim].wait()
            processes[victim] = start(database_url)
        deadline = time.monotonic() + 60
        while do(list_jobs, states=[State.WAITING, State.RUNNING]):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    found = do(results)
    assert sorted(job for _, job in found) == ids
    for key in range(KEYS):
        mine = [job for subject, job in found if subject == f"target {key}"]
        assert mine == sorted(mine)
