"""What a process and its children have used, from /proc: CPU seconds and memory. Linux only."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_KIB = 1024


@dataclass(frozen=True, slots=True)
class _Stat:
    pid: int
    parent: int
    own: int
    waited: int


def _all() -> Iterator[_Stat]:
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
            yield _Stat(
                int(entry),
                int(fields[1]),
                int(fields[11]) + int(fields[12]),
                int(fields[13]) + int(fields[14]),
            )


def _tree(root: int) -> list[_Stat]:
    children: dict[int, list[_Stat]] = {}
    found: list[_Stat] = []
    for stat in _all():
        children.setdefault(stat.parent, []).append(stat)
        if stat.pid == root:
            found.append(stat)
    for stat in found:  # grows while it is walked
        found.extend(children.get(stat.pid, []))
    return found


def tree(root: int) -> list[int]:
    """The process and all below it."""
    return [stat.pid for stat in _tree(root)]


def cpu_seconds(root: int) -> float:
    """User and system time of the process, of all below it, and of those it has waited for."""
    return sum(stat.own + stat.waited for stat in _tree(root)) / _TICKS


def machine_cpu_seconds() -> float:
    """Time in which a core was not idle, all cores added, since boot."""
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    idle = fields[3] + fields[4]
    return (sum(fields[:8]) - idle) / _TICKS


@dataclass(frozen=True, slots=True)
class Memory:
    """Of one process now, in bytes."""

    resident: int
    proportional: int


def memory(pid: int) -> Memory:
    status = _kib_lines(f"/proc/{pid}/status")
    rollup = _kib_lines(f"/proc/{pid}/smaps_rollup")
    return Memory(status.get("VmRSS", 0), rollup.get("Pss", 0))


def _kib_lines(path: str) -> dict[str, int]:
    values: dict[str, int] = {}
    for line in Path(path).read_text().splitlines():
        name, _, value = line.partition(":")
        if value.endswith(" kB"):
            values[name] = int(value.split()[0]) * _KIB
    return values


def peak(pid: int) -> int:
    """The highest resident set that the process ever had, in bytes."""
    return _kib_lines(f"/proc/{pid}/status").get("VmHWM", 0)
