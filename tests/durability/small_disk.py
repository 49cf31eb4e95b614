"""A disk that can be full: a tmpfs or ext4 with few bytes or inodes, and ballast to put on and take off."""

from __future__ import annotations

import errno
import itertools
import os
import subprocess
from pathlib import Path
from types import TracebackType

KiB = 1024
MiB = 1024 * KiB
_BLOCK = 4 * KiB


class SmallDisk:
    """Mounted at `path` for the length of the block. Needs root, and loop devices for `ext4`."""

    def __init__(self, path: Path, *, size: int = 48 * MiB, inodes: int = 2000, ext4: bool = False) -> None:
        self.path = path
        self._size = size
        self._inodes = inodes
        self._image = path.with_name(f"{path.name}.img") if ext4 else None
        self._ballast = path / "ballast"

    def __enter__(self) -> SmallDisk:
        self.path.mkdir(parents=True, exist_ok=True)
        if self._image is None:
            options = f"size={self._size},nr_inodes={self._inodes}"
            _run("mount", "-t", "tmpfs", "-o", options, "tmpfs", self.path)
        else:
            with self._image.open("wb") as file:
                file.truncate(self._size)
            _run("mkfs.ext4", "-q", "-F", "-m", "0", "-N", str(self._inodes), self._image)
            _run("mount", "-o", "loop", self._image, self.path)
        self._ballast.mkdir()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _run("umount", "--lazy", self.path)
        if self._image is not None:
            self._image.unlink()

    def fill_bytes(self, *, leave: int = 0) -> None:
        """Leave room for `leave` bytes."""
        with (self._ballast / "bytes").open("ab", buffering=0) as file:
            step = 16 * MiB
            while step >= _BLOCK:
                step = min(step, self.free_bytes - leave)
                try:
                    if step > 0:
                        os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, step)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    step //= 2  # the file system needs some blocks for itself

    def fill_inodes(self, *, leave: int = 0) -> None:
        """Leave room for `leave` files."""
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
        return status.f_bavail * status.f_bsize


def why_not() -> str | None:
    """Why there can be no small disk here; None where there can."""
    return None if os.geteuid() == 0 else "a small disk needs root: it mounts a file system"


def _run(*argv: str | Path) -> None:
    subprocess.run(argv, check=True, capture_output=True)
