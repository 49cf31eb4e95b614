"""Sets a run's image on the workloads of one cluster, and follows it until the run is over.

What is about to be set is written down before it is set, and the workload carries the run's number: a worker
that takes over knows what was done, and does it once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from wherry.clusters.federations.own_images import members_with_own_images
from wherry.clusters.keeping import Registry
from wherry.clusters.kinds import Object
from wherry.triggers.at_cluster import AtCluster
from wherry.triggers.plan import Image, Manner, Plan
from wherry.triggers.roll_back import roll_back
from wherry.triggers.rollout import not_followed
from wherry.triggers.runs import Run, State
from wherry.triggers.workloads import Planned, apply_plan, look, plan_all


@dataclass(slots=True)
class _Done:
    """What was set, in words, and from whom it was taken."""

    plans: list[Plan] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    @property
    def detail(self) -> str:
        return "; ".join(self.words)


async def deploy(at: AtCluster, registry: Registry) -> None:
    """From wherever the run is. Raises `ClusterError`, `CannotUpdate`; otherwise the run has ended."""
    run = at.run
    known: Mapping[str, Any] = run.changes or {}
    if known.get("failed"):
        await roll_back(at, known)
        return
    image = _image_of(run, registry)
    workloads = await look(at.connection, at.trigger.target)
    manner = replace(Manner.of(at.trigger), is_ordered=run.keeps_order(at.trigger))
    before = known.get("workloads") or {}
    planned = plan_all(workloads, image, manner, run.id, before, at.clock.now())
    changing = [one for one in planned if one.plan.changes]
    if not changing:
        await at.held.end(State.SKIPPED, "; ".join(one.plan.reason for one in planned))
        return
    if not all(one.is_ours for one in changing) and not await at.held.intend(planned):
        return
    done = _Done()
    applied = [await _apply(at, one, image, manner, done) for one in changing]
    await at.held.note(applied_at=run.applied_at or at.clock.now(), detail=done.detail)
    await _follow(at, applied, done)


def _image_of(run: Run, registry: Registry) -> Image:
    if run.image is None:
        return Image(run.repository, run.tag, run.digest, registry.names)
    return Image.held_elsewhere(run.image, run.tag, run.digest)


async def _apply(at: AtCluster, one: Planned, image: Image, manner: Manner, done: _Done) -> Object:
    words, workload = one.plan.words, one.workload
    if not one.is_ours:
        take_over = at.trigger.options.take_over
        workload, owners = await apply_plan(at.connection, one, image, manner, at.run.id, take_over=take_over)
        if owners:
            words += f" (the image was managed by {', '.join(owners)})"
    if at.begun.is_federation:
        changed = {change.container for change in one.plan.changes}
        for member in await members_with_own_images(at.connection, workload, changed):
            words += f"; {member} keeps an image of its own (OverridePolicy)"
    done.plans.append(one.plan)
    done.words.append(words)
    return workload


async def _follow(at: AtCluster, applied: Sequence[Object], done: _Done) -> None:
    """All of them, one after the other: they go on side by side meanwhile."""
    options = at.trigger.options
    if not options.follow:
        await at.held.end(State.SUCCESS, f"{done.detail}; the roll-out is not followed")
        return
    began = at.run.applied_at or at.clock.now()
    with at.watching() as overtaken:
        for workload, planned in zip(applied, done.plans, strict=True):
            unfollowed = not_followed(workload)
            if unfollowed is not None:
                done.words.append(unfollowed)
                continue
            left = max(1.0, options.deadline - (at.clock.now() - began).total_seconds())
            ended = await at.watch(workload, planned, left, overtaken)
            if ended.is_overtaken and not ended.is_well:
                detail = f"{done.detail}; a newer push came before the roll-out was over"
                await at.held.end(State.SUPERSEDED, detail)
                return
            if not ended.is_well:
                await _failed(at, done, ended.words)
                return
            done.words.append(ended.words)
    await at.held.end(State.SUCCESS, done.detail)


async def _failed(at: AtCluster, done: _Done, why: str) -> None:
    if not at.trigger.options.roll_back:
        await at.held.end(State.FAILED, f"{why}. Set before: {done.detail}")
        return
    changes = {"workloads": {one.key: one.to_json() for one in done.plans}, "failed": why}
    await at.held.note(durable=True, changes=changes, detail=f"{why}; rolls back")
    await roll_back(at, changes)
