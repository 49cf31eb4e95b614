"""A few kills of real servers, and proof that the judge of the long run sees what would be wrong.

The long run: `python -m tests.triggers.kills --runs 300`, and with `--replicas 2` over PostgreSQL.
"""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from tests.triggers.kills.harness import Site
from tests.triggers.kills.judging import Pushed, Ran, Written, judge

PUSHED = [Pushed(number, f"sha256:{number:064x}") for number in (1, 2, 3)]
RUNS = [
    Ran(1, "prod", PUSHED[0].digest, "success"),
    Ran(2, "prod", PUSHED[1].digest, "superseded"),
    Ran(3, "prod", PUSHED[2].digest, "success"),
]
SEEN = [
    Written("host/acme/web:v0"),
    Written(f"host/acme/web:v1@{PUSHED[0].digest}", "1"),
    Written(f"host/acme/web:v3@{PUSHED[2].digest}", "3"),
]
AGAIN = replace(SEEN[2], restarted="2026-11-24T12:00:00Z")


@pytest.mark.slow
@pytest.mark.parametrize("replicas", [1, pytest.param(2, marks=pytest.mark.engine("postgresql"))])
async def test_each_push_is_applied_once_and_in_order_whoever_is_killed(
    tmp_path: Path, request: pytest.FixtureRequest, replicas: int
) -> None:
    database = None
    if replicas > 1:
        database = request.getfixturevalue("postgres").create_database("kills")
    site = Site(tmp_path, replicas, database, random.Random(7))
    async with site.open():
        for _ in range(4):
            await site.run()
        assert await site.settle() == []
    assert site.counts.kills == 4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("planted", "kills"),
    # Whichever of three deliveries is first, one of these calls sets what shows if it is set twice.
    [("applies_again", [("after", step) for step in range(2, 7)]), ("loses_events", [("soon", 0)])],
)
async def test_a_server_with_a_fault_is_found_out(
    tmp_path: Path, planted: str, kills: list[tuple[str, int]]
) -> None:
    site = Site(tmp_path, 1, None, random.Random(7), kills=kills, planted=planted, give_up=10.0)
    async with site.open():
        for _ in kills:
            await site.run()
        assert await site.settle() != []


def test_what_is_well_is_not_blamed() -> None:
    assert judge(PUSHED, RUNS, {"prod": SEEN}) == []
    assert judge(PUSHED, RUNS, {"prod": [SEEN[0], SEEN[1], SEEN[1], SEEN[2], SEEN[2]]}) == []


@pytest.mark.parametrize(
    ("runs", "seen", "told"),
    [
        (RUNS[:1] + RUNS[2:], SEEN, "push 2 has 0 runs"),
        ([*RUNS, Ran(4, "prod", PUSHED[1].digest, "success")], SEEN, "push 2 has 2 runs"),
        ([*RUNS[:2], Ran(3, "prod", PUSHED[2].digest, "running")], SEEN, "push 3 ended ['running']"),
        ([*RUNS[:2], Ran(3, "prod", PUSHED[2].digest, "failed")], SEEN, "push 3 ended ['failed']"),
        (RUNS, SEEN[:2], "the newest push is not what runs"),
        (RUNS, [*SEEN, SEEN[1], SEEN[2]], "applied in the order [1, 3, 1, 3]"),
        (RUNS, [*SEEN, AGAIN], "run 3 was applied 2 times"),
        (
            RUNS,
            [*SEEN[:2], replace(SEEN[2], image="host/acme/web:v3@sha256:0")],
            "applied in the order [1, -1]",
        ),
        ([RUNS[1], RUNS[0], *RUNS[2:]], SEEN, None),
        (
            [
                Ran(1, "prod", PUSHED[1].digest, "success"),
                Ran(2, "prod", PUSHED[0].digest, "success"),
                RUNS[2],
            ],
            SEEN,
            "runs in the order [2, 1, 3]",
        ),
    ],
    ids=[
        "lost",
        "twice",
        "open",
        "failed",
        "not-applied",
        "set-back",
        "set-twice",
        "another-digest",
        "as-read",
        "disordered",
    ],
)
def test_what_is_wrong_is_seen(runs: list[Ran], seen: list[Written], told: str | None) -> None:
    found = judge(PUSHED, runs, {"prod": seen})
    assert (found == []) if told is None else any(told in one for one in found), found


def test_a_push_whose_answer_was_lost_may_have_come_twice() -> None:
    pushed = [PUSHED[0], Pushed(2, PUSHED[1].digest, again=True), PUSHED[2]]
    twice = [
        *RUNS[:2],
        Ran(3, "prod", PUSHED[1].digest, "skipped"),
        Ran(4, "prod", PUSHED[2].digest, "success"),
    ]
    assert judge(pushed, twice, {"prod": SEEN}) == []
    assert judge(PUSHED, twice, {"prod": SEEN}) != []
