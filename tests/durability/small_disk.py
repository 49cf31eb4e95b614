"""A disk that can be full: a tmpfs with few bytes or few inodes, and ballast put on and taken off again."""

from __future__ import annotations

import itertools
import os
import subprocess
from pathlib import Path
from types import TracebackType

KiB = 1024
MiB = 1024 * KiB


class SmallDisk:
    """Mounted at `path` for the length of the block. Needs root."""

    def __init__(self, path: Path, *, size: int = 48 * MiB, inodes: int = 2000) -> None:
        self.path = path
        self._options = f"size={size},nr_inodes={inodes}"
        self._ballast = path / "ballast"

    def __enter__(self) -> SmallDisk:
        self.path.mkdir(parents=True, exist_ok=True)
        argv: list[str | Path] = ["mount", "-t", "tmpfs", "-o", self._options, "tmpfs", self.path]
        subprocess.run(argv, check=True, capture_output=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        subprocess.run(["umount", "--lazy", self.path], check=True)

    def fill_bytes(self, *, leave: int = 0) -> None:
        """Leave room for `leave` bytes."""
        self._ballast.mkdir(exist_ok=True)
        with (self._ballast / "bytes").open("ab", buffering=0) as file:
            os.posix_fallocate(file.fileno(), 0, self.free_bytes - leave)

    def fill_inodes(self, *, leave: int = 0) -> None:
        """Leave room for `leave` files."""
        self._ballast.mkdir(exist_ok=True)
        for number in itertools.count():
            if os.statvfs(self.path).f_ffree <= leave:
                return
            (self._ballast / f"file-{number}").touch()

    def make_room(self) -> None:
        for file in self._ballast.iterdir():
            file.unlink()

    @property
    def free_bytes(self) -> int:
        status = os.statvfs(self.path)
        return status.f_bfree * status.f_bsize


def why_not() -> str | None:
    """Why there can be no small disk here; None where there can."""
    return None if os.geteuid() == 0 else "a small disk needs root: it mounts a tmpfs"
