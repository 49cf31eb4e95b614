"""How a roll-out goes: each change of the workload and its pods, until it is over or time is up."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from wherry.clusters.connection import ClusterConnection, Selection
from wherry.clusters.kinds import POD, Kind
from wherry.clusters.watching.mirror import Mirror
from wherry.clusters.watching.pull_failures import PullFailure
from wherry.clusters.watching.seen import SeenPod, SeenWorkload, Word, see_pod, see_workload
from wherry.clusters.workloads.build import SELECTOR
from wherry.kit.clock import Clock

_OVER = frozenset({Word.RUNNING, Word.COMPLETE, Word.FAILED, Word.SUSPENDED})


@dataclass(frozen=True, slots=True)
class Progress:
    """`is_over` with `word` Running or Complete is well; `workload` None where it is not there (any more)."""

    workload: SeenWorkload | None
    pods: tuple[SeenPod, ...]
    problem: str | None

    @property
    def is_over(self) -> bool:
        return self.workload is not None and self.workload.word in _OVER

    @property
    def failures(self) -> tuple[PullFailure, ...]:
        """Why images are not pulled, each reason once."""
        found = {failure.part: failure for pod in self.pods for failure in pod.failures}
        return tuple(found.values())


async def follow(
    connection: ClusterConnection, kind: Kind, name: str, namespace: str, clock: Clock, seconds: float
) -> AsyncIterator[Progress]:
    """What is different from the last; ends when it is over, or after `seconds`."""
    news = asyncio.Event()
    workloads = Mirror(
        connection,
        kind,
        see_workload,
        clock,
        which=Selection(namespace, fields=f"metadata.name={name}"),
        changed=lambda _key: news.set(),
    )
    pods = Mirror(
        connection,
        POD,
        see_pod,
        clock,
        which=Selection(namespace, labels=f"{SELECTOR}={name}"),
        changed=lambda _key: news.set(),
    )
    tasks = [asyncio.create_task(workloads.run()), asyncio.create_task(pods.run())]
    try:
        async with asyncio.timeout(seconds):
            last: Progress | None = None
            while last is None or not last.is_over:
                await news.wait()
                news.clear()
                mine = tuple(sorted(pods.items.values(), key=lambda pod: pod.name))
                now = Progress(
                    workloads.items.get((namespace, name)), mine, workloads.problem or pods.problem
                )
                if now != last and (workloads.was_synced or now.problem):
                    last = now
                    yield now
    except TimeoutError:
        return
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
