"""One crash after the other: start, load, crash at a chosen point, start again, check. How is given."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Protocol

from engines.servers import Wherry
from engines.servers.wherry import start_wherry
from tests.durability.check import Check, Disk, Findings, Promise
from tests.durability.load import CHANGES, WITH_BODY, Client
from tests.durability.wire import Connection, Lost, Phase
from tests.durability.world import World

CLIENTS = 8
LONGEST_LOAD = 1.5
CRASHES_ON_ONE_FOLDER = 25
EVERYTHING_EVERY = 5


@dataclass(frozen=True, slots=True)
class Point:
    """When to crash: at a phase of the nth request of a kind, or after some seconds of load."""

    seconds: float
    kind: str | None = None
    phase: Phase = Phase.SENT
    nth: int = 1
    delay: float = 0.0

    @classmethod
    def choose(cls, random: Random) -> Point:
        if random.random() < 0.35:
            return cls(seconds=random.uniform(0.05, 1.2))
        kind = random.choice(CHANGES)
        phases = list(Phase) if kind.startswith(WITH_BODY) else [Phase.SENT, Phase.ANSWERED]
        return cls(
            seconds=LONGEST_LOAD,
            kind=kind,
            phase=random.choice(phases),
            nth=random.randint(1, 8),
            delay=random.choice((0.0, 0.0, random.uniform(0, 0.003), random.uniform(0, 0.012))),
        )

    def __str__(self) -> str:
        if self.kind is None:
            return f"after {self.seconds:.2f} s"
        return f"{self.kind} no. {self.nth} {self.phase} +{self.delay * 1000:.1f} ms"


class Crash(Protocol):
    """A way to end the server with no chance to finish anything."""

    promise: Promise

    def data(self, lifetime: int) -> Path:
        """An empty data folder."""

    def log(self, lifetime: int) -> Path:
        """Where its servers' output goes; survives the crash."""

    def now(self, server: Wherry, random: Random) -> None:
        """Crash. Called from inside the load: must not wait."""

    def recover(self, server: Wherry) -> None:
        """Wait until nothing of the server is left, and bring back what a starting machine brings back."""


@dataclass(frozen=True, slots=True)
class Setup:
    """How each server of the run is started."""

    workers: int | None = None
    settings: Callable[[int], Mapping[str, str]] = lambda lifetime: {}
    database_in_folder: bool = True
    start_seconds: float = 60.0


@dataclass(slots=True)
class Result:
    """What a run found. No failure is acceptable."""

    seed: int
    crashes: int = 0
    seconds: float = 0.0
    points: Counter[str] = field(default_factory=Counter)
    acknowledged: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    checked: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def table(self) -> str:
        rows = [("seed", str(self.seed)), ("crashes", str(self.crashes)), ("seconds", f"{self.seconds:.0f}")]
        rows += [(f"crash aimed at: {name}", str(count)) for name, count in sorted(self.points.items())]
        total = sum(count for kind, count in self.acknowledged.items() if kind != "pull")
        rows.append(("acknowledged changes", str(total)))
        rows += [(f"  {name}", str(count)) for name, count in sorted(self.acknowledged.items())]
        rows += [(f"  refused, {name}", str(count)) for name, count in sorted(self.refused.items())]
        rows += [(name, str(count)) for name, count in sorted(self.checked.items())]
        rows.append(("failures", str(len(self.failures))))
        return "\n".join(f"{name:<46}{value:>12}" for name, value in rows)


class Run:
    """A number of crashes from one seed. `only` repeats a single data folder's part of it."""

    def __init__(
        self,
        crash: Crash,
        seed: int,
        setup: Setup | None = None,
        say: Callable[[str], None] = lambda text: None,
        per_folder: int = CRASHES_ON_ONE_FOLDER,
    ) -> None:
        self._crash = crash
        self._setup = setup or Setup()
        self._say = say
        self._per_folder = per_folder
        self._world = World()
        self._disk: Disk | None = None
        self.result = Result(seed)

    async def run(self, crashes: int) -> Result:
        began = time.monotonic()
        data = Path()
        server: Wherry | None = None
        try:
            for number in range(crashes):
                if number % self._per_folder == 0:
                    if server is not None:
                        server.process.stop(5)
                    self._keep_counts()
                    lifetime = number // self._per_folder
                    data = self._crash.data(lifetime)
                    self._world, self._disk = World(), Disk(data)
                    server = await self._start(data, lifetime)
                assert server is not None
                random = Random(f"{self.result.seed}/{number}")
                last = number + 1 == crashes or (number + 1) % self._per_folder == 0
                server = await self._one(
                    server, data, number, random, everything=last or number % EVERYTHING_EVERY == 0
                )
                if server is None:
                    break
        finally:
            if server is not None:
                server.process.stop(5)
            self._keep_counts()
            self.result.seconds = time.monotonic() - began
        return self.result

    async def _one(
        self, server: Wherry, data: Path, number: int, random: Random, *, everything: bool
    ) -> Wherry | None:
        point = Point.choose(random)
        times = [time.monotonic()]
        await self._load_until(server, point, random)
        times.append(time.monotonic())
        self._crash.recover(server)
        failures = len(self.result.failures)
        self._note(number, point, Findings(failures=self._world.failures))
        self._world.failures = []
        assert self._disk is not None
        self._note(number, point, self._disk.check_files())
        try:
            if not server.process.running:  # else it has replaced what was killed
                server = await self._start(data, number // self._per_folder)
        except Exception as error:  # noqa: BLE001 - whatever keeps it from starting is the finding
            self._note(number, point, Findings(failures=[f"does not start again: {error}"]))
            return None
        times.append(time.monotonic())
        check = Check(self._world.model, lambda: connect(server), random, self._crash.promise)
        self._note(number, point, await check.run(everything=everything))
        if self._setup.database_in_folder:
            self._note(number, point, self._disk.check_database())
        self.result.crashes += 1
        self.result.points["a moment" if point.kind is None else point.kind] += 1
        verdict = "ok" if len(self.result.failures) == failures else "FAILED"
        times.append(time.monotonic())
        load, start, look = (later - earlier for earlier, later in itertools.pairwise(times))
        self._say(
            f"{number + 1:4d}  {verdict}  load {load:.1f} restart {start:.1f} check {look:.1f} s  {point}"
        )
        return server

    async def _load_until(self, server: Wherry, point: Point, random: Random) -> None:
        world, loop = self._world, asyncio.get_running_loop()
        world.down = False
        stopped = asyncio.Event()
        seen = 0

        def crash_now() -> None:
            if not world.down:
                world.down = True
                self._crash.now(server, random)
                stopped.set()

        def aim(kind: str, phase: Phase) -> None:
            nonlocal seen
            if kind == point.kind and phase is point.phase:
                seen += 1
                if seen == point.nth:
                    crash_now() if point.delay == 0.0 else loop.call_later(point.delay, crash_now)

        clients = [
            asyncio.create_task(Client(world, lambda: connect(server), Random(random.random()), aim).work())
            for _ in range(CLIENTS)
        ]
        with suppress(TimeoutError):
            await asyncio.wait_for(stopped.wait(), point.seconds)
        crash_now()
        await asyncio.gather(*clients)

    async def _start(self, data: Path, lifetime: int) -> Wherry:
        server = await asyncio.to_thread(
            start_wherry,
            data,
            settings=self._setup.settings(lifetime),
            workers=self._setup.workers,
            log=self._crash.log(lifetime),
            ready_seconds=self._setup.start_seconds,
        )
        # Checking a password for the first time is slow on purpose: once, not for all connections.
        first = connect(server)
        with suppress(Lost):
            await first.request("GET", "/v2/")
        first.close()
        return server

    def _note(self, number: int, point: Point, findings: Findings) -> None:
        for failure in findings.failures:
            text = f"seed {self.result.seed}, crash {number + 1} ({point}): {failure}"
            self.result.failures.append(text)
            self._say(text)
        self.result.checked.update(findings.counts)

    def _keep_counts(self) -> None:
        self.result.acknowledged.update(self._world.counts)
        self.result.refused.update(self._world.refused)
        self._world = World()


def connect(server: Wherry) -> Connection:
    return Connection(server.host, server.username, server.password)


def empty_folder(path: Path) -> Path:
    shutil.rmtree(path, ignore_errors=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
