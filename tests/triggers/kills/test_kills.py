"""A few kills of real servers, and proof that the judge of the long run sees what would be wrong.

The long run: `python -m tests.triggers.kills --runs 300`, and with `--replicas 2` over PostgreSQL.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.triggers.kills.harness import Site
from tests.triggers.kills.judging import Pushed, Ran, judge

PUSHED = [Pushed(number, f"sha256:{number:064x}") for number in (1, 2, 3)]
RUNS = [
    Ran(1, "prod", PUSHED[0].digest, "success"),
    Ran(2, "prod", PUSHED[1].digest, "superseded"),
    Ran(3, "prod", PUSHED[2].digest, "success"),
]
SEEN = ["host/acme/web:v0", f"host/acme/web:v1@{PUSHED[0].digest}", f"host/acme/web:v3@{PUSHED[2].digest}"]


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
    ids=["lost", "twice", "open", "failed", "not-applied", "set-back", "as-read", "disordered"],
)
def test_what_is_wrong_is_seen(runs: list[Ran], seen: list[str], told: str | None) -> None:
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
