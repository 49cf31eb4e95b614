"""SIGKILL at many points of a mixed load. WHERRY_TEST_KILLS says how many; the full profile is a command.

python -m tests.durability --kills 300
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engines.pytest_plugin import require
from tests.durability.crash import Result
from tests.durability.profiles import kills, worker_kills
from tests.durability.seeds import new_seed

KILLS = int(os.environ.get("WHERRY_TEST_KILLS", "40"))


def assert_nothing_lost(result: Result, crashes: int) -> None:
    """And that there was something to lose: a run without load would prove nothing."""
    assert not result.failures, "\n".join([*result.failures[:20], result.table()])
    assert result.crashes == crashes
    assert sum(result.acknowledged.values()) > 3 * crashes, result.table()
    assert result.checked["blobs verified"] > crashes, result.table()
    assert result.checked["manifests verified"] > crashes, result.table()
    print(result.table())


@pytest.mark.slow
async def test_nothing_acknowledged_is_lost_when_the_server_is_killed(tmp_path: Path) -> None:
    assert_nothing_lost(await kills(tmp_path, new_seed(), KILLS), KILLS)


@pytest.mark.slow
async def test_nothing_acknowledged_is_lost_when_two_workers_are_killed(tmp_path: Path) -> None:
    crashes = max(4, KILLS // 8)
    assert_nothing_lost(await kills(tmp_path, new_seed(), crashes, workers=2), crashes)


@pytest.mark.slow
async def test_nothing_acknowledged_is_lost_when_workers_are_killed_and_replaced(tmp_path: Path) -> None:
    crashes = max(4, KILLS // 15)
    assert_nothing_lost(await worker_kills(tmp_path, new_seed(), crashes, workers=2), crashes)


@pytest.mark.slow
async def test_nothing_acknowledged_is_lost_when_the_server_on_postgresql_is_killed(
    tmp_path: Path,
) -> None:
    require("postgresql")
    crashes = max(4, KILLS // 8)
    assert_nothing_lost(await kills(tmp_path, new_seed(), crashes, in_postgresql=True), crashes)
