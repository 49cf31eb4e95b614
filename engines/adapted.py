"""Go modules that are built with newer libraries than their own: copied, a few lines changed, put to use."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath


class CannotAdapt(Exception):
    """The module is not to be had, or not the one that the changes were written for."""


@dataclass(frozen=True, slots=True)
class Change:
    """One text in one file, which has to be there, and what stands there instead."""

    path: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Adapted:
    """A module at a version, with the changes that its libraries' newer versions ask for."""

    module: str
    version: str
    changes: tuple[Change, ...] = ()
    kept: tuple[str, ...] = ()
    """Files and folders of it that go into the engine's folder, beside the programs."""

    @property
    def key(self) -> str:
        """What a build is known by: the version, and the changes."""
        return f"{self.version}-{hashlib.sha256(repr((self.changes, self.kept)).encode()).hexdigest()[:8]}"

    @property
    def folder(self) -> str:
        """What its changed copy is called beside the go.mod that replaces it."""
        return PurePosixPath(self.module).name


def lay_out(adapted: Adapted, *, go: str, into: Path, kept: Path, env: Mapping[str, str]) -> None:
    """Write the changed module into the folder `into`, and what is to be kept of it into `kept`."""
    source = _downloaded(adapted, go, kept, env)
    # The download cache is read-only, and its files' modes come along.
    shutil.copytree(source, into, copy_function=shutil.copyfile)
    for folder in (into, *(path for path in into.rglob("*") if path.is_dir())):
        folder.chmod(0o755)
    for change in adapted.changes:
        file = into / change.path
        text = file.read_text()
        if change.old not in text:
            raise CannotAdapt(f"{adapted.module}@{adapted.version}: {change.path} has no {change.old!r}")
        file.write_text(text.replace(change.old, change.new))
    for name in adapted.kept:
        target = kept / Path(name).name
        if (into / name).is_dir():
            shutil.copytree(into / name, target)
        else:
            shutil.copyfile(into / name, target)


def _downloaded(adapted: Adapted, go: str, cwd: Path, env: Mapping[str, str]) -> Path:
    done = subprocess.run(
        [go, "mod", "download", "-json", f"{adapted.module}@{adapted.version}"],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    told = json.loads(done.stdout or "{}")
    if done.returncode != 0 or "Dir" not in told:
        raise CannotAdapt(told.get("Error") or done.stderr.strip() or "go mod download told nothing")
    return Path(told["Dir"])
