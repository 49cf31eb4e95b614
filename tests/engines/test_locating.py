"""Engines are found where they are, and their absence is said in a way that helps."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from engines import ENGINES, EngineMissing, UnknownEngine, find, version
from engines.catalogue import Debian
from engines.locate import _is_static
from engines.pytest_plugin import require

BUILT = next(engine for engine in ENGINES if engine.name == "crane")


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine on which nothing was installed yet; its cache folder."""
    monkeypatch.setenv("WHERRY_ENGINES_DIR", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("engines.locate._SYSTEM_FOLDERS", ())
    monkeypatch.delenv("WHERRY_REQUIRE_ENGINES", raising=False)
    return tmp_path


def _put(program: Path, text: str = "#!/bin/sh\n") -> Path:
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(text)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def test_names_are_unique() -> None:
    names = [engine.name for engine in ENGINES]
    assert len(set(names)) == len(names)


def test_a_missing_engine_says_how_to_get_it(bare: Path) -> None:
    with pytest.raises(EngineMissing) as raised:
        find("crane")
    assert "python -m engines install crane" in raised.value.reason


def test_a_slip_in_the_name_is_not_a_missing_engine() -> None:
    with pytest.raises(UnknownEngine, match="crane"):
        find("krane")


def test_a_built_engine_is_found_under_its_version_only(bare: Path) -> None:
    assert not isinstance(BUILT.source, Debian)
    _put(bare / "crane" / "v0.0.1" / "crane")
    with pytest.raises(EngineMissing):
        find("crane")
    program = _put(bare / "crane" / BUILT.source.version / "crane")
    assert find("crane") == program
    assert version("crane") == BUILT.source.version.removeprefix("v")


def test_a_program_of_the_users_own_counts_unless_its_name_is_too_common(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = _put(bare / "bin" / "crane", "#!/bin/sh\necho 9.8.7\n")
    _put(bare / "bin" / "registry")
    monkeypatch.setenv("PATH", str(own.parent))
    assert find("crane") == own
    assert version("crane") == "9.8.7"
    with pytest.raises(EngineMissing):
        find("registry-v3")


def test_a_busybox_that_needs_libraries_does_not_count_as_static(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = Path(sys.executable).resolve()
    assert not _is_static(python)
    (bare / "bin").mkdir()
    (bare / "bin" / "busybox").symlink_to(python)
    monkeypatch.setenv("PATH", str(bare / "bin"))
    with pytest.raises(EngineMissing):
        find("busybox-static")


def test_a_test_without_its_engine_is_skipped_and_fails_where_engines_are_required(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(pytest.skip.Exception, match="engines install crane"):
        require("crane")
    monkeypatch.setenv("WHERRY_REQUIRE_ENGINES", "1")
    with pytest.raises(pytest.fail.Exception, match="engines install crane"):
        require("crane")


def test_an_installation_of_an_unknown_name_is_refused_with_the_names_there_are() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "engines", "install", "krane"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "crane" in done.stderr
