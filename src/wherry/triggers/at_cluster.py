"""A run at its cluster: the connection to it, and how roll-outs are watched there."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from wherry.clusters.connection import ClusterConnection
from wherry.clusters.kinds import Object
from wherry.kit.clock import Clock
from wherry.triggers.begin import Begun
from wherry.triggers.held_run import HeldRun
from wherry.triggers.overtaking import Overtaking
from wherry.triggers.plan import Plan
from wherry.triggers.rollout import Ended, Pace, images_of, watch_rollout
from wherry.triggers.runs import Run
from wherry.triggers.trigger import Trigger


@dataclass(frozen=True, slots=True)
class AtCluster:
    """What setting images and rolling them back have in common."""

    begun: Begun
    held: HeldRun
    connection: ClusterConnection
    clock: Clock
    overtaking: Overtaking
    pace: Pace

    @property
    def run(self) -> Run:
        return self.begun.run

    @property
    def trigger(self) -> Trigger:
        return self.begun.trigger

    def watching(self) -> AbstractContextManager[Callable[[], bool]]:
        """Answers what tells whether a newer push has come by now."""
        return self.overtaking.watching(self.run.id)

    async def watch(
        self,
        workload: Object,
        planned: Plan,
        seconds: float,
        is_overtaken: Callable[[], bool],
        *,
        before: bool = False,
    ) -> Ended:
        """Until its pods have what was planned; with `before`, what stood there before."""
        return await watch_rollout(
            self.connection,
            workload,
            images_of(planned, before=before),
            self.clock,
            seconds,
            is_overtaken,
            pace=self.pace,
            in_members=self.begun.is_federation,
        )
