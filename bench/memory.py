"""Memory: of an idle server, and while a blob far larger than the limit is pushed and pulled at once."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from bench import cgroup, processes
from bench.cgroup import MemoryLimit
from bench.failure import BenchFailed
from bench.figures import Below, Cost, Figure, Row, Sample, Unit
from bench.loader import Loader, loader
from bench.machine import Others
from bench.rounds import Bench
from bench.sides import Side
from bench.wire import Connection

KEYS = ("memory-idle", "memory-huge")

_LIMIT = 300_000_000
_HUGE = 4 << 30
_REPOSITORY = "bench/huge"
_SCOPES = [f"repository:{_REPOSITORY}:pull,push"]
_SETTLE = 2.0


def rows(bench: Bench) -> Iterator[Row]:
    """One start a side: memory does not scatter as time does."""
    if bench.wants("memory", "memory-idle"):
        yield from _idle(bench)
    if bench.wants("memory", "memory-huge"):
        reason = cgroup.missing()
        if reason is None:
            yield from _huge(bench)
        else:
            bench.say(f"  memory-huge is left out: {reason}")


def _idle(bench: Bench) -> Iterator[Row]:
    largest: dict[str, Figure] = {}
    shared: dict[str, Figure] = {}
    notes = []
    with bench.servers("idle") as sides:
        for side in sides:
            with Connection(side.port, side.authorization(_SCOPES)) as connection:
                connection.ask("GET", "/v2/", expect=200)
        time.sleep(_SETTLE)
        for side in sides:
            each = [processes.memory(pid) for pid in processes.tree(side.pid)]
            largest[side.key] = _one(max(one.resident for one in each))
            shared[side.key] = _one(sum(one.proportional for one in each))
            notes.append(f"{{{side.key}}} runs in {len(each)} {'process' if len(each) == 1 else 'processes'}")
    title = "idle: resident set of the largest process"
    yield Row("memory-idle", title, Unit.MEMORY, largest, targets=[Below(150)], notes=notes)
    title = "idle: all processes, what they share counted once (PSS)"
    yield Row("memory-idle-all", title, Unit.MEMORY, shared)


@dataclass(slots=True)
class _Watch:
    """Looks again and again while the block runs: a process's peak is only told while it lives."""

    side: Side
    limit: MemoryLimit
    anonymous: int = 0
    resident: dict[int, int] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> _Watch:
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        assert self._thread is not None
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(0.05):
            self.anonymous = max(self.anonymous, self.limit.anonymous)
            for pid in processes.tree(self.side.pid):
                with suppress(OSError):
                    self.resident[pid] = max(self.resident.get(pid, 0), processes.peak(pid))


def _huge(bench: Bench) -> Iterator[Row]:
    anonymous: dict[str, Figure] = {}
    resident: dict[str, Figure] = {}
    seconds: dict[str, Figure] = {}
    notes: list[str] = []
    meter = Others.begin()
    with loader() as second:
        for key in bench.sides:
            with (
                cgroup.memory_limit(_LIMIT) as limit,
                bench.server(key, "huge", inside=limit.folder) as side,
            ):
                watch, took, cpu = _push_and_pull(bench, second, side, limit)
                if limit.killed:
                    raise BenchFailed(f"{key}: the kernel had to kill {limit.killed} processes")
                anonymous[key] = _one(watch.anonymous)
                resident[key] = _one(max(watch.resident.values()))
                seconds[key] = Figure((Sample(took, cpu / (3 * _HUGE) * 1e9),))
                notes.append(
                    f"{{{key}}}: memory.max_usage_in_bytes {limit.peak / 1e6:.0f} MB with page cache, no kill"
                )
            shutil.rmtree(bench.folder / f"huge-{key}", ignore_errors=True)
            bench.say(f"  {key}: {watch.anonymous / 1e6:,.0f} MB at most, {took:.1f} s")
    under = f"in a cgroup of {_LIMIT / 1e6:.0f} MB, 4 GiB pushed while 4 GiB are pulled"
    title = f"{under}: peak of memory that is not page cache, all processes"
    targets = [Below(_LIMIT / 1e6)]
    yield Row(
        "memory-huge", title, Unit.MEMORY, anonymous, targets=targets, notes=notes, others=meter.cores()
    )
    title = f"{under}: peak resident set of the largest process (VmHWM)"
    yield Row("memory-huge-process", title, Unit.MEMORY, resident, targets=targets)
    title = f"{under}: seconds until both are done (CPU: of all 12 GiB that were moved)"
    yield Row("memory-huge-seconds", title, Unit.SECONDS, seconds, Cost.GIGABYTE)


def _push_and_pull(
    bench: Bench, second: Loader, side: Side, limit: MemoryLimit
) -> tuple[_Watch, float, float]:
    """Push one; then push another while the first is pulled. The watch, that step's seconds, all CPU."""
    authorization = side.authorization(_SCOPES)
    target = {"port": side.port, "authorization": authorization}
    push = {**target, "repository": _REPOSITORY, "size": _HUGE}
    began = processes.cpu_seconds(side.pid)
    with _Watch(side, limit) as watch:
        first = bench.loader.run("push_huge", **push)
        begin = time.perf_counter()
        bench.loader.begin("push_huge", **push)
        second.run(
            "pull",
            **target,
            path=f"/v2/{_REPOSITORY}/blobs/{first['digest']}",
            size=_HUGE,
            connections=1,
            seconds=0,
            least=1,
        )
        bench.loader.end()
        took = time.perf_counter() - begin
    return watch, took, processes.cpu_seconds(side.pid) - began


def _one(size: int) -> Figure:
    return Figure((Sample(size / 1e6),))
