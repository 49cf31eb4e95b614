"""Crash by SIGKILL: the server's processes end in the middle of whatever they do, the machine goes on."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

from engines.servers import Wherry
from tests.durability.check import Promise
from tests.durability.crash import empty_folder

GONE_WITHIN = 10.0


class Kill:
    """Sometimes all processes at once, sometimes the parent alone: its workers have to die with it."""

    def __init__(
        self, folder: Path, promise: Promise | None = None, settled: Callable[[], None] = lambda: None
    ) -> None:
        self.promise = promise or Promise()
        self._folder = folder
        self._settled = settled
        self._killed: list[int] = []

    def data(self, lifetime: int) -> Path:
        return empty_folder(self._folder / f"data-{lifetime}")

    def log(self, lifetime: int) -> Path:
        return self._folder / f"data-{lifetime}.log"

    def now(self, server: Wherry, random: Random) -> None:
        parent = server.process.pid
        workers = children(parent)
        self._killed = [parent, *workers]
        victims = random.choice(([parent], [parent, *workers], [*workers, parent]))
        for pid in victims:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def recover(self, server: Wherry) -> None:
        server.process.kill()
        deadline = time.monotonic() + GONE_WITHIN
        while any(alive(pid) for pid in self._killed):
            if time.monotonic() > deadline:
                raise AssertionError(f"a worker outlived its killed parent: {self._killed}")
            time.sleep(0.005)
        self._settled()


def children(pid: int) -> list[int]:
    """Processes that this one has started, and theirs."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, task.read_text().split()):
                found += [child, *children(child)]
    return found


def alive(pid: int) -> bool:
    """Neither gone nor waiting to be collected by whoever adopted it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False
