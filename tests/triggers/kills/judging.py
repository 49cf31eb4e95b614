"""What has to hold of pushes, runs and workloads once all is settled, whoever was killed meanwhile. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

ENDED_WELL = {"success", "superseded"}


@dataclass(frozen=True, slots=True)
class Pushed:
    """A push that got its 201. `again`: the answer to its first try was lost, so there may have been two."""

    number: int
    digest: str
    again: bool = False


@dataclass(frozen=True, slots=True)
class Ran:
    """A run as the history tells it."""

    id: int
    trigger: str
    digest: str
    state: str


@dataclass(frozen=True, slots=True)
class Written:
    """A workload as a write left it. `run` is whose work it carries, `restarted` when its pods began anew."""

    image: str
    run: str | None = None
    restarted: str | None = None


def judge(
    pushed: Sequence[Pushed], runs: Sequence[Ran], written: Mapping[str, Sequence[Written]]
) -> list[str]:
    """What is wrong, in words. `written`: by trigger, its workload, write by write."""
    found: list[str] = []
    numbers = {one.digest: one.number for one in pushed}
    for trigger, writes in written.items():
        mine = [run for run in sorted(runs, key=lambda run: run.id) if run.trigger == trigger]
        found += _lost(pushed, mine, trigger)
        found += _disordered(numbers, mine, trigger)
        found += _applied(numbers, writes, trigger)
        if pushed and (not writes or _number(numbers, writes[-1].image) != pushed[-1].number):
            found.append(f"{trigger}: the newest push is not what runs")
    return found


def _lost(pushed: Sequence[Pushed], runs: Sequence[Ran], trigger: str) -> list[str]:
    found = []
    for one in pushed:
        mine = [run for run in runs if run.digest == one.digest]
        if len(mine) != 1 and not (one.again and len(mine) == 2):
            found.append(f"{trigger}: push {one.number} has {len(mine)} runs")
        # Of two for one content the second may find that there is nothing to do.
        if any(run.state not in ENDED_WELL and not (one.again and run.state == "skipped") for run in mine):
            found.append(f"{trigger}: push {one.number} ended {[run.state for run in mine]}")
    return found


def _disordered(numbers: Mapping[str, int], runs: Sequence[Ran], trigger: str) -> list[str]:
    order = [numbers.get(run.digest, -1) for run in runs]
    return [] if order == sorted(order) and -1 not in order else [f"{trigger}: runs in the order {order}"]


def _applied(numbers: Mapping[str, int], writes: Sequence[Written], trigger: str) -> list[str]:
    """Each write that changed something set a newer push than the one before, and a run did it once."""
    before = Written("")
    order: list[int] = []
    runs: list[str] = []
    for one in writes:
        if (one.image, one.restarted) != (before.image, before.restarted) and one.run is not None:
            order.append(_number(numbers, one.image))
            runs.append(one.run)
        before = one
    rises = all(earlier < later for earlier, later in pairwise([0, *order]))
    found = [] if rises else [f"{trigger}: applied in the order {order}"]
    found += [
        f"{trigger}: run {run} was applied {count} times" for run, count in Counter(runs).items() if count > 1
    ]
    return found


def _number(numbers: Mapping[str, int], image: str) -> int:
    """Which push an image is, by its tag and its digest if it has one; -1 where they do not agree."""
    name, _, digest = image.partition("@")
    number = int(name.rpartition(":v")[2])
    return number if not digest or numbers.get(digest) == number else -1
