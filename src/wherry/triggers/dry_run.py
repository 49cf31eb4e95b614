"""What a push would change in each cluster: asked of the clusters, where nothing is changed."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime

from wherry.clusters.connection import ClusterConnection
from wherry.clusters.errors import ClusterError
from wherry.kit.secrets import UnreadableSecret
from wherry.triggers.plan import CannotUpdate, Image, Manner, plan
from wherry.triggers.preview import Previewed, PreviewedPlace
from wherry.triggers.trigger import Trigger
from wherry.triggers.workloads import look

# So long a cluster has to answer, and so many are asked: whoever asks waits for it.
SECONDS = 8.0
MAX_ASKED = 100
_AT_ONCE = 10

# A connection to the cluster of that name, where whoever asks may see it. Raises `ClusterError`.
Reach = Callable[[str], AbstractAsyncContextManager[ClusterConnection]]


@dataclass(frozen=True, slots=True)
class Told:
    """What a cluster said: `changes` in words, one for each workload; without any, `reason` is why not."""

    changes: tuple[str, ...] = ()
    reason: str | None = None


async def ask_clusters(
    found: Sequence[Previewed], reach: Reach, image: Image, now: datetime, *, seconds: float = SECONDS
) -> Mapping[tuple[str, str], Told]:
    """By trigger and cluster, for the places that a push would reach now. Never raises for a cluster's sake.

    Of an image that is not there yet, whose `digest` is empty, the tag alone is told.
    """
    turns = asyncio.Semaphore(_AT_ONCE)

    async def ask(trigger: Trigger, place: PreviewedPlace) -> Told:
        async with turns:
            return await _told(trigger, place, reach, image, now, seconds)

    wanted = [
        (one.trigger, place)
        for one in found
        for place in one.places
        if one.fires and place.problem is None and one.trigger.target.git is None
    ]
    asked, left = wanted[:MAX_ASKED], wanted[MAX_ASKED:]
    answers = await asyncio.gather(*(ask(trigger, place) for trigger, place in asked))
    told = {(trigger.name, place.cluster): one for (trigger, place), one in zip(asked, answers, strict=True)}
    too_many = Told(reason=f"not asked: {MAX_ASKED} clusters were asked before it")
    return told | {(trigger.name, place.cluster): too_many for trigger, place in left}


async def _told(
    trigger: Trigger, place: PreviewedPlace, reach: Reach, image: Image, now: datetime, seconds: float
) -> Told:
    manner = Manner.of(trigger)
    try:
        async with asyncio.timeout(seconds), reach(place.cluster) as connection:
            planned = [plan(each, image, manner, now) for each in await look(connection, trigger.target)]
    except TimeoutError:
        return Told(reason=f"the cluster did not answer within {seconds:g} s")
    except (CannotUpdate, ClusterError, UnreadableSecret) as error:
        return Told(reason=str(error))
    changes = tuple(one.words for one in planned if one.changes)
    return Told(changes, None if changes else "; ".join(one.reason for one in planned))
