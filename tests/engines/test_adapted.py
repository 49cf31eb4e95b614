"""A module that is built with changes of ours is exactly the published one with exactly those changes."""

from __future__ import annotations

import dataclasses
import os
import shutil
import zipfile
from pathlib import Path

import pytest

from engines import ENGINES
from engines.adapted import Adapted, CannotAdapt, Change, lay_out
from engines.catalogue import GoModule
from engines.pytest_plugin import require

HELLO = 'package hello\n\nconst Word = "hello"\n'
MODULE = Adapted(
    "example.test/hello",
    "v1.0.0",
    (Change("hello.go", '"hello"', '"goodbye"'),),
    ("words", "words/notes.txt"),
)


@pytest.fixture
def go(tmp_path: Path) -> tuple[str, dict[str, str]]:
    """The go command, and an environment in which it knows of one published module only."""
    program = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if program is None:
        require("kubernetes")
        pytest.skip("engine kubernetes was built elsewhere: there is no go here")
    published = tmp_path / "proxy/example.test/hello/@v"
    published.mkdir(parents=True)
    (published / "v1.0.0.info").write_text('{"Version": "v1.0.0"}')
    (published / "v1.0.0.mod").write_text("module example.test/hello\n")
    with zipfile.ZipFile(published / "v1.0.0.zip", "w") as archive:
        files = {"go.mod": "module example.test/hello\n", "hello.go": HELLO, "words/notes.txt": "a note"}
        for name, text in files.items():
            archive.writestr(f"example.test/hello@v1.0.0/{name}", text)
    own = {
        "GOPROXY": f"file://{tmp_path}/proxy",
        "GOSUMDB": "off",
        "GOMODCACHE": str(tmp_path / "modules"),
        # Without it the cache is read-only, and pytest could not remove its folder.
        "GOFLAGS": "-modcacherw",
    }
    return program, {**os.environ, **own}


def test_the_changes_are_made_and_what_is_to_be_kept_is_kept(
    tmp_path: Path, go: tuple[str, dict[str, str]]
) -> None:
    program, environment = go
    kept = tmp_path / "engine"
    kept.mkdir()
    lay_out(MODULE, go=program, into=tmp_path / MODULE.folder, kept=kept, env=environment)
    assert (tmp_path / "hello/hello.go").read_text() == HELLO.replace('hello"', 'goodbye"')
    assert (kept / "words/notes.txt").read_text() == "a note"
    assert (kept / "notes.txt").read_text() == "a note"


def test_a_change_of_what_is_not_there_is_refused(tmp_path: Path, go: tuple[str, dict[str, str]]) -> None:
    program, environment = go
    other = dataclasses.replace(MODULE, changes=(Change("hello.go", "welcome", "farewell"),))
    with pytest.raises(CannotAdapt, match=r"hello\.go has no 'welcome'"):
        lay_out(other, go=program, into=tmp_path / "hello", kept=tmp_path, env=environment)


def test_a_version_that_is_not_served_is_refused_with_gos_words(
    tmp_path: Path, go: tuple[str, dict[str, str]]
) -> None:
    program, environment = go
    newer = dataclasses.replace(MODULE, version="v1.0.1")
    with pytest.raises(CannotAdapt, match=r"v1\.0\.1"):
        lay_out(newer, go=program, into=tmp_path / "hello", kept=tmp_path, env=environment)


def test_another_change_is_another_build() -> None:
    engine = next(engine for engine in ENGINES if engine.name == "kubernetes")
    assert isinstance(engine.source, GoModule)
    changed = dataclasses.replace(engine.source, adapted=(dataclasses.replace(MODULE, kept=()),))
    assert changed.key != dataclasses.replace(engine.source, adapted=(MODULE,)).key
    assert changed.go_mod.endswith("replace example.test/hello => ./hello\n")
