"""The house rules that a program can hold: the import rule, docstrings, names, and pages that do not lag."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "wherry"
MODULES = sorted(SOURCE.rglob("*.py"))
OURS = sorted(
    path for folder in ("src", "tests", "engines", "bench", "docs") for path in (ROOT / folder).rglob("*.py")
)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

FORBIDDEN = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "base", "misc", "core"}


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_arrows_go_down_only():
    lint = Path(sys.executable).with_name("lint-imports")
    ended = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout


def test_every_folder_has_its_place_in_the_import_rule():
    [contract] = PROJECT["tool"]["importlinter"]["contracts"]
    placed = set(re.findall(r"\w+", " ".join(contract["layers"])))
    folders = {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    assert contract["exhaustive"] is True
    assert folders == placed


def test_settings_are_read_by_the_composition_root_and_the_command_line_only():
    readers = {
        path.relative_to(SOURCE).parts[0]
        for path in MODULES
        if re.search(r"^\s*(from|import) wherry\.settings", path.read_text(), re.MULTILINE)
    }
    assert readers == {"app", "cli", "settings"}


@pytest.mark.parametrize("path", [path for path in MODULES if path.stat().st_size], ids=shown)
def test_a_module_says_what_it_is(path: Path):
    docstring = ast.get_docstring(ast.parse(path.read_text()))
    assert docstring, "a module opens with one to five lines that say what it is and what it is not"


@pytest.mark.parametrize("path", OURS, ids=shown)
def test_no_module_is_named_for_a_layer(path: Path):
    names = {path.stem, *path.relative_to(ROOT).parent.parts}
    assert not names & FORBIDDEN


def test_no_module_builds_anything_when_it_is_imported():
    """Importing everything starts no thread and opens no file of the data folder."""
    program = (
        "import pkgutil, importlib, threading, wherry\n"
        "for found in pkgutil.walk_packages(wherry.__path__, 'wherry.'):\n"
        "    if not found.name.endswith('__main__') and '.migrations.' not in found.name:\n"
        "        importlib.import_module(found.name)\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_the_build_backend_is_pinned_by_the_lock_too():
    wanted = set(PROJECT["build-system"]["requires"])
    listed = {
        line for line in (ROOT / "requirements/build.in").read_text().splitlines() if line and line[0] != "#"
    }
    assert listed == wanted


@pytest.mark.parametrize("lock", ["run.lock", "dev.lock"])
def test_every_locked_package_has_a_hash_and_none_names_a_host(lock: str):
    text = (ROOT / "requirements" / lock).read_text()
    blocks = re.split(r"\n(?=[a-z0-9])", text)
    pinned = [block for block in blocks if re.match(r"[a-z0-9].*==", block)]
    assert len(pinned) > 20
    assert all("--hash=sha256:" in block for block in pinned)
    assert "http" not in re.sub(r"aiohttp|httpx|httpcore", "", text)
    assert "--index-url" not in text
    assert "--find-links" not in text


def test_both_locks_pin_the_same_versions():
    def pins(name: str) -> dict[str, str]:
        return dict(
            re.findall(r"^([a-z0-9-]+)==([^ ]+)", (ROOT / "requirements" / name).read_text(), re.MULTILINE)
        )

    run, dev = pins("run.lock"), pins("dev.lock")
    assert run.items() <= dev.items()


def test_every_dependency_is_locked():
    lock = (ROOT / "requirements/run.lock").read_text()
    for dependency in PROJECT["project"]["dependencies"]:
        name = re.match(r"[a-z0-9-]+", dependency)
        assert name
        assert f"\n{name[0]}==" in lock
