"""The power of the disk is cut at many points of a mixed load. WHERRY_TEST_POWER_CUTS says how many.

python -m tests.durability --power-cuts 100
"""

from __future__ import annotations

import os
import subprocess
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from tests.durability.power import PowerCut, why_not
from tests.durability.profiles import power_cuts
from tests.durability.seeds import new_seed
from tests.durability.test_kill import assert_nothing_lost
from wherry.db.database import Database
from wherry.db.errors import DatabaseUnavailable

POWER_CUTS = int(os.environ.get("WHERRY_TEST_POWER_CUTS", "10"))

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))


@pytest.mark.slow
async def test_nothing_acknowledged_is_lost_when_the_power_is_cut(tmp_path: Path) -> None:
    assert_nothing_lost(await power_cuts(tmp_path, new_seed(), POWER_CUTS), POWER_CUTS)


def test_a_power_cut_loses_what_was_not_synced_and_keeps_what_was(tmp_path: Path) -> None:
    """Without this the test above would prove nothing."""
    with PowerCut(tmp_path) as power:
        folder = power.data(0)
        folder.mkdir()
        subprocess.run(["sync", "-f", folder], check=True)
        (folder / "synced").write_text("here")
        for path in (folder / "synced", folder):
            subprocess.run(["sync", path], check=True)
        (folder / "unsynced").write_text("gone")
        power.cut()
        power.mount_again()
        assert [path.name for path in folder.iterdir()] == ["synced"]
        assert (folder / "synced").read_text() == "here"


async def test_a_broken_disk_is_not_taken_for_a_full_one(tmp_path: Path) -> None:
    """Nobody should look for room where a disk has died."""
    with PowerCut(tmp_path) as power:
        folder = power.data(0)
        folder.mkdir()
        database = Database(f"sqlite:///{folder / 'metadata.db'}")
        try:
            await database.write(partial(run, "CREATE TABLE pushes (content BLOB)"))
            power.cut()
            for _ in range(2):
                with pytest.raises(DatabaseUnavailable):
                    await database.write(partial(run, "INSERT INTO pushes VALUES (zeroblob(10000))"))
        finally:
            database.close()


def run(statement: str, tx: Connection) -> None:
    tx.execute(text(statement))
