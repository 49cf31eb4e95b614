"""Follows a roll-out by watch until it is well, has failed, or no longer matters; says why in words."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from wherry.clusters.connection import ClusterConnection
from wherry.clusters.errors import ClusterUnreachable
from wherry.clusters.federations.members import Share, are_whole, follow_shares
from wherry.clusters.kinds import Object, kind_of
from wherry.clusters.watching.pull_failures import PullPart
from wherry.clusters.watching.seen import SeenContainer, SeenPod
from wherry.clusters.workloads.progress import Progress, follow, selector_of
from wherry.kit.clock import Clock
from wherry.triggers.plan import Plan

# Kubelets try again what may have been a passing fault; so long it may last.
PATIENCE = 20.0
# What starts and ends at once is well for a moment.
SETTLE = 4.0
LOOK_EVERY = 0.1

_NEVER_MENDS = frozenset({PullPart.NAME, PullPart.ARCHITECTURE, PullPart.POLICY})
_CRASHES = "CrashLoopBackOff"
_PASSING = frozenset({"ContainerCreating", "PodInitializing", "Completed"})


@dataclass(frozen=True, slots=True)
class Ended:
    """`is_overtaken`: a newer push has come, and it is no longer waited for this one."""

    is_well: bool
    words: str
    is_overtaken: bool = False


@dataclass(frozen=True, slots=True)
class Pace:
    """How patient it is, in seconds; tests are less."""

    patience: float = PATIENCE
    settle: float = SETTLE


PACE = Pace()


def not_followed(workload: Object) -> str | None:
    """Why the pods do not follow the template by themselves; None where they do."""
    kind, spec = str(workload["kind"]), workload.get("spec") or {}
    if kind == "CronJob":
        return "its next Job has the new image"
    if spec.get("paused"):
        return "its upgrades are paused: its pods follow when they go on"
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type") == "OnDelete":
        return "its pods are replaced when they are deleted (OnDelete)"
    if (strategy.get("rollingUpdate") or {}).get("partition"):
        return "it is updated in parts (partition), which is not followed"
    return None


async def watch_rollout(
    connection: ClusterConnection,
    workload: Object,
    images: frozenset[tuple[str, str]],
    clock: Clock,
    seconds: float,
    is_overtaken: Callable[[], bool],
    *,
    told: Callable[[Progress], None] = lambda _progress: None,
    pace: Pace = PACE,
    in_members: bool = False,
) -> Ended:
    """`images` are the containers with their new images, by which new pods are known.

    `in_members`: of a federation, where each member has to have its part.

    Raises `ClusterUnreachable` where time is up and the cluster does not answer.
    """
    watch = _Watch(images, pace)
    kind, metadata = str(workload["kind"]), workload["metadata"]
    news = asyncio.Event()

    async def pump() -> None:
        progress = follow(
            connection,
            kind_of(workload),
            str(metadata["name"]),
            str(metadata["namespace"]),
            clock,
            seconds,
            selector=selector_of(workload),
            to_the_end=True,
        )
        async for last in progress:
            watch.last = last
            told(last)
            news.set()

    async def pump_members() -> None:
        name, namespace = str(metadata["name"]), str(metadata["namespace"])
        shares = follow_shares(
            connection, kind_of(workload), name, namespace, clock, seconds, to_the_end=True
        )
        async for last in shares:
            watch.shares = last
            news.set()

    pumping = asyncio.create_task(pump())
    pumping_members = asyncio.create_task(pump_members()) if in_members else None
    if in_members:
        watch.shares = ()
    loop = asyncio.get_running_loop()
    try:
        while not pumping.done():
            ended = watch.judge(loop.time())
            if ended is not None:
                return ended
            if is_overtaken():
                return Ended(watch.well_since is not None, "a newer push came", is_overtaken=True)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY):
                    await news.wait()
            news.clear()
        await pumping
    finally:
        tasks = [task for task in (pumping, pumping_members) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if watch.last is not None and watch.last.problem:
        raise ClusterUnreachable(connection.cluster, "http", watch.last.problem)
    if watch.well_since is not None:
        return Ended(True, watch.words)
    return Ended(False, f"{kind} {metadata['name']} is not there after {seconds:.0f} s: {watch.words}")


class _Watch:
    """What was seen last, and since when things are as they are."""

    def __init__(self, images: frozenset[tuple[str, str]], pace: Pace) -> None:
        self._images = images
        self._pace = pace
        self._bad_since: dict[tuple[str, str, str], float] = {}
        self._restarts: dict[tuple[str, str], int] = {}
        self.last: Progress | None = None
        self.shares: tuple[Share, ...] | None = None
        """By member, of a federation; None of a cluster."""
        self.well_since: float | None = None

    @property
    def words(self) -> str:
        """How far it is."""
        if self.last is None or self.last.workload is None:
            return "nothing was seen of it"
        seen = self.last.workload
        said = f"{seen.ready} of {seen.desired} pods ready, {seen.updated} of the new version"
        if self.shares is not None:
            members = "; ".join(share.words for share in self.shares)
            return f"{said}; {members or 'no policy of the federation places it in a member'}"
        problems = [pod.problem for pod in self._new() if pod.problem and not pod.is_ready]
        return f"{said}; {problems[0]}" if problems else said

    def judge(self, now: float) -> Ended | None:
        """None: go on."""
        if self.last is None:
            return None
        if self.last.workload is None:
            return None if self.last.problem else Ended(False, "the workload was deleted meanwhile")
        failure = self._failure(now)
        if failure is not None:
            return Ended(False, failure)
        restarted = self._restarted()
        is_over = self.last.is_over and (self.shares is None or are_whole(self.shares))
        if not is_over or restarted:
            self.well_since = None
            if not is_over:
                return None
        if self.well_since is None:
            self.well_since = now
        return Ended(True, self.words) if now - self.well_since >= self._pace.settle else None

    def _new(self) -> list[SeenPod]:
        pods = () if self.last is None else self.last.pods
        return [
            pod
            for pod in pods
            if pod.phase != "Terminating"
            and any((one.name, one.image) in self._images for one in pod.containers)
        ]

    def _failure(self, now: float) -> str | None:
        still = {}
        found = None
        for pod in self._new():
            for container in pod.containers:
                what = container.waits_for
                if what is None or what in _PASSING:
                    continue
                key = (pod.name, container.name, "pull" if container.failure else what)
                still[key] = self._bad_since.get(key, now)
                if found is None and self._is_final(container, now - still[key]):
                    found = _words(pod, container)
        self._bad_since = still
        return found

    def _is_final(self, container: SeenContainer, seconds: float) -> bool:
        if container.waits_for == _CRASHES:
            return True
        if container.failure is not None and container.failure.part in _NEVER_MENDS:
            return True
        return seconds >= self._pace.patience

    def _restarted(self) -> bool:
        """Whether a new pod's container was started again since it was looked at last."""
        counts = {(pod.name, one.name): one.restarts for pod in self._new() for one in pod.containers}
        known, self._restarts = self._restarts, counts
        return any(count > known.get(key, 0) for key, count in counts.items())


def images_of(planned: Plan, *, before: bool = False) -> frozenset[tuple[str, str]]:
    """For `watch_rollout`."""
    return frozenset((one.container, one.before if before else one.after) for one in planned.changes)


def _words(pod: SeenPod, container: SeenContainer) -> str:
    if container.failure is not None:
        failure = container.failure
        return f"pod {pod.name}: {failure.reason}; {failure.mend} ({failure.words[:300]})"
    if container.waits_for == _CRASHES:
        said = f"pod {pod.name}: container {container.name} crashes again and again"
        return f"{said}, {container.restarts} restarts so far: {container.last_end or 'see its log'}"
    return f"pod {pod.name}: container {container.name} does not run: {container.waits_for}"
