"""Crash by power cut: an ext4 in a file, shut down so that nothing more reaches it, and mounted again.

What was handed to the file system but not synced is lost, as it is when the power of a machine fails. The
order in which a real disk writes its own cache is not tried: what was sent to the loop device stays.
"""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import subprocess
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from random import Random
from types import TracebackType

from engines.servers import Wherry
from tests.durability.check import Promise
from tests.durability.crash import empty_folder
from tests.durability.kill import children, thread_states

IMAGE_MIB = 768

# _IOR('X', 125, __u32) of linux/fs.h; "no log flush": neither data nor journal reaches the disk any more.
_EXT4_IOC_SHUTDOWN = 0x8004587D
_NO_LOG_FLUSH = 2


class PowerCut:
    """A file system of its own below `folder`, mounted for the length of the block. Needs root."""

    def __init__(self, folder: Path, promise: Promise | None = None) -> None:
        self.promise = promise or Promise(sessions_stay=False)
        self._image = folder.resolve() / "disk.img"
        self._mount = folder / "disk"
        self._descriptor = -1

    def __enter__(self) -> PowerCut:
        self._mount.mkdir(parents=True, exist_ok=True)
        with self._image.open("wb") as file:
            file.truncate(IMAGE_MIB * 1024 * 1024)
        _run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", self._image)
        self._attach()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._detach()
        self._image.unlink()

    def data(self, lifetime: int) -> Path:
        return empty_folder(self._mount / f"data-{lifetime}")

    def log(self, lifetime: int) -> Path:
        return self._image.with_name(f"data-{lifetime}.log")

    def now(self, server: Wherry, random: Random) -> None:
        # In a power cut the server ends in the same moment as the disk. Were it to go on, the kernel could
        # tell it that a sync has succeeded which the cut overtook, and it would acknowledge what is lost.
        pids = [server.process.pid, *children(server.process.pid)]
        freeze(pids)
        self.cut()
        for pid in pids:
            os.kill(pid, signal.SIGKILL)

    def recover(self, server: Wherry) -> None:
        server.process.kill()
        self.mount_again()

    def cut(self) -> None:
        """Nothing reaches the disk from here on."""
        fcntl.ioctl(self._descriptor, _EXT4_IOC_SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))

    def mount_again(self) -> None:
        """As after the start of the machine: what was in memory only is gone."""
        self._detach()
        self._attach()

    def _attach(self) -> None:
        # The default commit interval, 5 s, would make much durable by itself; this leaves it to fsync alone.
        _run("mount", "-o", "loop,commit=300", self._image, self._mount)
        self._descriptor = os.open(self._mount, os.O_RDONLY | os.O_DIRECTORY)

    def _detach(self) -> None:
        os.close(self._descriptor)
        wait_for(
            lambda: subprocess.run(["umount", self._mount], check=False, capture_output=True).returncode == 0,
            f"{self._mount} is busy although its server was killed",
        )
        # Another mount namespace (a container that starts meanwhile) may hold a copy of the mount a while:
        # mounted now, it would be the same file system again, without its power.
        wait_for(lambda: not self._in_use(), f"{self._image} is mounted elsewhere")

    def _in_use(self) -> bool:
        for file in Path("/sys/block").glob("loop*/loop/backing_file"):
            with suppress(OSError):
                if file.read_text().strip() == str(self._image):
                    return True
        return False


def wait_for(done: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + 60
    while not done():
        if time.monotonic() > deadline:
            raise AssertionError(otherwise)
        time.sleep(0.02)


def freeze(pids: Iterable[int]) -> None:
    """Stop the processes; returns once no thread of theirs runs any code of its own."""
    pids = list(pids)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    deadline = time.monotonic() + 5
    while states := thread_states(pids) - {"T", "D", "Z"}:
        if time.monotonic() > deadline:
            raise AssertionError(f"threads that were stopped are in the states {states}")


def why_not() -> str | None:
    """Why the power cannot be cut here; None where it can."""
    if os.geteuid() != 0:
        return "a power cut needs root: it mounts a file system"
    if not Path("/dev/loop-control").exists():
        return "a power cut needs loop devices: there is no /dev/loop-control"
    return None


def _run(*argv: str | Path) -> None:
    subprocess.run(argv, check=True, capture_output=True)
