"""What has to hold of pushes, runs and workloads once all is settled, whoever was killed meanwhile. Pure."""

from __future__ import annotations

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


def judge(pushed: Sequence[Pushed], runs: Sequence[Ran], images: Mapping[str, Sequence[str]]) -> list[str]:
    """What is wrong, in words. `images`: by trigger, what its workload's container had, write by write."""
    found: list[str] = []
    numbers = {one.digest: one.number for one in pushed}
    for trigger, seen in images.items():
        mine = [run for run in sorted(runs, key=lambda run: run.id) if run.trigger == trigger]
        found += _lost(pushed, mine, trigger)
        found += _disordered(numbers, mine, trigger)
        found += _applied(numbers, seen, trigger)
        if pushed and (not seen or numbers.get(_digest(seen[-1])) != pushed[-1].number):
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


def _applied(numbers: Mapping[str, int], seen: Sequence[str], trigger: str) -> list[str]:
    """Each write that changed the image set a newer push than the one before."""
    changes = [image for before, image in zip(["", *seen], seen, strict=False) if image != before]
    order = [numbers[_digest(image)] for image in changes if _digest(image) in numbers]
    rises = all(before < after for before, after in pairwise(order))
    return [] if rises else [f"{trigger}: applied in the order {order}"]


def _digest(image: str) -> str:
    return image.partition("@")[2]
