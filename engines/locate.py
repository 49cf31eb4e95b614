"""Finds an installed engine and asks it for its version. Installs nothing."""

from __future__ import annotations

import glob
import os
import re
import shutil
import struct
import subprocess
from pathlib import Path

from engines.cache import cached_folder
from engines.catalogue import BY_NAME, Debian, Engine

# Debian's own folders first, so that a newer program of the same name elsewhere on the machine
# does not quietly change what a test run has proved.
_SYSTEM_FOLDERS = ("/usr/bin", "/usr/sbin", "/bin", "/sbin")


_PT_INTERP = 3


class UnknownEngine(LookupError):
    """The catalogue has no engine of this name: a slip in the caller, not a missing installation."""


class EngineMissing(Exception):
    """The engine is not on this machine; `reason` says why, or how to get it."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.reason = reason


def engine_named(name: str) -> Engine:
    """The catalogue's entry."""
    try:
        return BY_NAME[name]
    except KeyError:
        raise UnknownEngine(f"no engine {name!r}; the catalogue has: {', '.join(BY_NAME)}") from None


def find(name: str) -> Path:
    """The engine's program. Raises EngineMissing with the way to get it."""
    engine = engine_named(name)
    found = _cached(engine) or _on_the_system(engine)
    if found is None:
        raise EngineMissing(name, f"not installed; `python -m engines install {name}` gets it")
    return found


def version(name: str) -> str:
    """The version on this machine: what the program itself tells, or what a pinned build was pinned to."""
    program = find(name)
    engine = engine_named(name)
    if not isinstance(engine.source, Debian) and program == _cached(engine):
        return engine.source.version.removeprefix("v")
    if not engine.version_args:
        return "-"
    told = subprocess.run(
        [str(program), *engine.version_args], capture_output=True, text=True, timeout=30, check=False
    )
    match = re.search(r"\d+\.\d+(\.\d+)?", told.stdout + told.stderr)
    return match.group() if match else "-"


def _cached(engine: Engine) -> Path | None:
    folder = cached_folder(engine)
    if folder is None:
        return None
    program = folder / engine.program
    return program if os.access(program, os.X_OK) else None


def _on_the_system(engine: Engine) -> Path | None:
    if engine.ambiguous:
        return None
    folders = [*sorted(_matching(engine.folders), key=_by_number), *_SYSTEM_FOLDERS, *_path_folders()]
    found = shutil.which(engine.program, path=os.pathsep.join(folders))
    if found is None or (engine.static and not _is_static(Path(found))):
        return None
    return Path(found)


def _is_static(program: Path) -> bool:
    """Whether a 64-bit ELF file names no interpreter, as one that needs shared libraries does."""
    with program.open("rb") as file:
        header = file.read(64)
        if header[:5] != b"\x7fELF\x02":
            return False
        (offset,) = struct.unpack_from("<Q", header, 32)
        size, count = struct.unpack_from("<HH", header, 54)
        file.seek(offset)
        entries = file.read(size * count)
    return all(struct.unpack_from("<I", entries, at * size)[0] != _PT_INTERP for at in range(count))


def _matching(patterns: tuple[str, ...]) -> list[str]:
    return [folder for pattern in patterns for folder in glob.glob(pattern)]


def _by_number(folder: str) -> list[int]:
    """Newest first: /usr/lib/postgresql/17/bin before 15."""
    return [-int(number) for number in re.findall(r"\d+", folder)]


def _path_folders() -> list[str]:
    return os.environ.get("PATH", "").split(os.pathsep)
