"""How a run tells of tests it could not run: counted on a bare machine, failed where engines are required."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

TESTS = """
import pytest

def test_that_runs():
    pass

def test_that_lacks_a_program():
    pytest.skip("engine warp-drive: not installed")

@pytest.mark.xfail(strict=True)
def test_that_is_known_to_fail():
    assert False
"""
MODULE = "import pytest\npytest.skip('engine flux: not installed', allow_module_level=True)\n"


def run(folder: Path, required: str | None) -> subprocess.CompletedProcess[str]:
    (folder / "test_one.py").write_text(TESTS)
    (folder / "test_two.py").write_text(MODULE)
    (folder / "conftest.py").write_text(
        (ROOT / "tests" / "conftest.py").read_text().replace("pytest_plugins", "_not_needed_here")
    )
    environ = {name: value for name, value in os.environ.items() if name != "WHERRY_REQUIRE_ENGINES"}
    if required is not None:
        environ["WHERRY_REQUIRE_ENGINES"] = required
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--continue-on-collection-errors",
            str(folder),
        ],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("required", [None, "0", ""])
def test_a_bare_machine_is_told_what_was_not_run_and_how_many(tmp_path: Path, required: str | None):
    ended = run(tmp_path, required)
    assert ended.returncode == 0, ended.stdout
    assert "engine warp-drive: not installed" in ended.stdout
    assert "engine flux: not installed" in ended.stdout
    assert "2 tests were skipped for want of an engine" in ended.stdout


def test_where_engines_are_required_a_skip_is_a_failure(tmp_path: Path):
    ended = run(tmp_path, "1")
    assert ended.returncode != 0
    assert "skipped, but WHERRY_REQUIRE_ENGINES is set: engine warp-drive: not installed" in ended.stdout
    assert "engine flux: not installed" in ended.stdout
