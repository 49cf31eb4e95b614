"""How a roll-out goes: each change of the workload and its pods, until it is over or time is up."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from wherry.clusters.connection import ClusterConnection, Selection
from wherry.clusters.kinds import POD, Kind, Object
from wherry.clusters.watching.mirror import Mirror
from wherry.clusters.watching.pull_failures import PullFailure
from wherry.clusters.watching.seen import SeenPod, SeenWorkload, Word, see_pod, see_workload
from wherry.clusters.workloads.build import SELECTOR
from wherry.kit.clock import Clock

_EXPRESSIONS = {
    "In": "{0} in ({1})",
    "NotIn": "{0} notin ({1})",
    "Exists": "{0}",
    "DoesNotExist": "!{0}",
}
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


def selector_of(workload: Object) -> str | None:
    """Which pods a workload takes for its own, as a list of pods is asked; None where it does not say."""
    selector = (workload.get("spec") or {}).get("selector") or {}
    terms = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
    for one in selector.get("matchExpressions") or ():
        terms.append(_EXPRESSIONS[one["operator"]].format(one["key"], ",".join(one.get("values") or ())))
    return ",".join(terms) or None


async def follow(
    connection: ClusterConnection,
    kind: Kind,
    name: str,
    namespace: str,
    clock: Clock,
    seconds: float,
    *,
    selector: str | None = None,
    to_the_end: bool = False,
) -> AsyncIterator[Progress]:
    """What is different from the last; ends when it is over, or after `seconds`, with `to_the_end` only then.

    `selector` chooses the pods of a workload that Wherry did not make.
    """
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
        which=Selection(namespace, labels=selector or f"{SELECTOR}={name}"),
        changed=lambda _key: news.set(),
    )
    tasks = [asyncio.create_task(workloads.run()), asyncio.create_task(pods.run())]
    try:
        async with asyncio.timeout(seconds):
            last: Progress | None = None
            while last is None or to_the_end or not last.is_over:
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
