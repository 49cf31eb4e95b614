"""Version 1 cgroups of our own: one that goes first for the CPU, one that limits memory. They need root."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup/memory")
_CPU = Path("/sys/fs/cgroup/cpu")
_FIRST = 262_144  # the most that cpu.shares takes; everybody else has 1,024


def missing() -> str | None:
    """Why there can be none here, or None."""
    if not (_ROOT / "memory.limit_in_bytes").exists():
        return "this machine has no version 1 memory cgroup"
    if not os.access(_ROOT, os.W_OK):
        return "memory cgroups can only be made by root"
    return None


@contextmanager
def going_first() -> Iterator[str]:
    """This process and all that it starts get the CPU before others on the machine; in words, how.

    A nice value would not do: the kernel weighs it within a session (autogroup), and each server has its own.
    """
    folder = _CPU / f"wherry-bench-{os.getpid()}"
    try:
        folder.mkdir()
        (folder / "cpu.shares").write_text(str(_FIRST))
        (folder / "cgroup.procs").write_text(str(os.getpid()))
    except OSError:
        yield "servers and clients share the CPU with all others alike"
        return
    try:
        yield "servers and clients go before all others (a CPU cgroup)"
    finally:
        (_CPU / "cgroup.procs").write_text(str(os.getpid()))
        _remove(folder)


@dataclass(frozen=True, slots=True)
class MemoryLimit:
    """A running cgroup."""

    folder: Path

    @property
    def peak(self) -> int:
        """The most that was ever held at once, page cache included: the limit, as soon as files are large."""
        return int((self.folder / "memory.max_usage_in_bytes").read_text())

    @property
    def anonymous(self) -> int:
        """Held now and not in any file: what the kernel cannot take back."""
        return self._lines("memory.stat")["total_rss"]

    @property
    def killed(self) -> int:
        """How often the kernel ended a process to keep the limit."""
        return self._lines("memory.oom_control").get("oom_kill", 0)

    def _lines(self, name: str) -> dict[str, int]:
        pairs = (line.split() for line in (self.folder / name).read_text().splitlines())
        return {key: int(value) for key, value in pairs}


@contextmanager
def memory_limit(limit: int) -> Iterator[MemoryLimit]:
    """A cgroup that holds so many bytes; removed when its processes are gone."""
    folder = _ROOT / f"wherry-bench-{os.getpid()}"
    folder.mkdir()
    try:
        (folder / "memory.limit_in_bytes").write_text(str(limit))
        yield MemoryLimit(folder)
    finally:
        _remove(folder)


def _remove(folder: Path) -> None:
    """As soon as the last process in it is gone."""
    for _ in range(100):
        with contextlib.suppress(OSError):
            folder.rmdir()
            return
        time.sleep(0.05)
