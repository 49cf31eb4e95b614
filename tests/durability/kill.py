"""Crash by SIGKILL: the server's processes end in the middle of whatever they do, the machine goes on."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from random import Random

from engines.servers import Wherry
from engines.servers.process import ServerFailed, answers
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
        wait_until_gone(self._killed)
        self._settled()


class KillWorkers(Kill):
    """The workers alone, as the kernel does when memory runs out: the parent has to replace them.

    Where they die again within seconds it ends, for whoever supervises it to see; then it is started again.
    """

    def now(self, server: Wherry, random: Random) -> None:
        self._killed = children(server.process.pid)
        for pid in self._killed:
            os.kill(pid, signal.SIGKILL)

    def recover(self, server: Wherry) -> None:
        wait_until_gone(self._killed)
        with suppress(ServerFailed):
            server.process.wait_until(lambda: answers(f"{server.url}/readyz", 200), 60)


def wait_until_gone(pids: Iterable[int]) -> None:
    """A process that was killed may still be in the middle of a write."""
    deadline = time.monotonic() + GONE_WITHIN
    while living := [pid for pid in pids if alive(pid)]:
        if time.monotonic() > deadline:
            raise AssertionError(f"these were killed, or their parent was, and live: {living}")
        time.sleep(0.005)


def children(pid: int) -> list[int]:
    """Processes that this one has started, and theirs."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, task.read_text().split()):
                found += [child, *children(child)]
    return found


def thread_states(pids: Iterable[int]) -> set[str]:
    """The letters that the kernel has for what the threads of these processes do."""
    states: set[str] = set()
    for pid in pids:
        for stat in Path(f"/proc/{pid}/task").glob("*/stat"):
            with suppress(OSError):
                states.add(stat.read_text().rpartition(")")[2].split()[0])
    return states


def alive(pid: int) -> bool:
    """Neither gone nor waiting to be collected by whoever adopted it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False
