"""A version 1 memory cgroup of our own: a limit, and what was seen under it. Needs root."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup/memory")


def missing() -> str | None:
    """Why there can be none here, or None."""
    if not (_ROOT / "memory.limit_in_bytes").exists():
        return "this machine has no version 1 memory cgroup"
    if not os.access(_ROOT, os.W_OK):
        return "memory cgroups can only be made by root"
    return None


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
        for _ in range(100):
            with contextlib.suppress(OSError):
                folder.rmdir()
                break
            time.sleep(0.05)
