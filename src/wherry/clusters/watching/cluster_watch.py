"""One cluster, watched: its nodes, namespaces, workloads and pods, and whether it answers at all."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

from wherry.clusters.cluster import State
from wherry.clusters.connection import ClusterConnection
from wherry.clusters.errors import ClusterError
from wherry.clusters.kinds import NAMESPACE, NODE, POD, SECRET, SERVICE_ACCOUNT, WORKLOADS, Object
from wherry.clusters.pull_secrets.default_secret import WHICH as DEFAULT_SECRETS
from wherry.clusters.pull_secrets.seen import WHICH as PULL_SECRETS
from wherry.clusters.pull_secrets.seen import SeenSecret, see_secret
from wherry.clusters.watching.mirror import Key, Mirror, Sleep
from wherry.clusters.watching.seen import (
    SeenAccount,
    SeenNode,
    SeenPod,
    SeenWorkload,
    see_account,
    see_node,
    see_pod,
    see_workload,
)
from wherry.kit.clock import Clock

LOOK_EVERY = 10.0


class ClusterWatch:
    """Runs until cancelled. What it answers is what it has seen last; `state` says since when that is old."""

    def __init__(
        self,
        connection: ClusterConnection,
        clock: Clock,
        *,
        changed: Callable[[], None] = lambda: None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.connection = connection
        self._clock = clock
        self._sleep = sleep
        self._changed = changed
        self.nodes: Mirror[SeenNode] = Mirror(
            connection, NODE, see_node, clock, changed=self._on_change, sleep=sleep
        )
        self.namespaces: Mirror[Object] = Mirror(
            connection, NAMESPACE, _whole, clock, changed=self._on_change, sleep=sleep
        )
        self.default_secrets: Mirror[Object] = Mirror(
            connection,
            SECRET,
            _whole,
            clock,
            which=DEFAULT_SECRETS,
            changed=self._on_change,
            sleep=sleep,
        )
        self.pull_secrets: Mirror[SeenSecret] = Mirror(
            connection,
            SECRET,
            see_secret,
            clock,
            which=PULL_SECRETS,
            changed=self._on_change,
            sleep=sleep,
        )
        self.accounts: Mirror[SeenAccount] = Mirror(
            connection, SERVICE_ACCOUNT, see_account, clock, changed=self._on_change, sleep=sleep
        )
        self.pods: Mirror[SeenPod] = Mirror(
            connection, POD, see_pod, clock, changed=self._on_change, sleep=sleep
        )
        self.workloads: dict[str, Mirror[SeenWorkload]] = {
            str(kind): Mirror(connection, kind, see_workload, clock, changed=self._on_change, sleep=sleep)
            for kind in WORKLOADS
        }
        self._version: str | None = None
        self._latency: float | None = None
        self._seen_at: datetime | None = None
        self._stale_since: datetime | None = clock.now()
        self._problem: str | None = None

    @property
    def mirrors(self) -> tuple[Mirror[Any], ...]:
        """All that is watched."""
        return (
            self.nodes,
            self.namespaces,
            self.default_secrets,
            self.pull_secrets,
            self.accounts,
            self.pods,
            *self.workloads.values(),
        )

    @property
    def state(self) -> State:
        """What is kept in the database, and shown."""
        nodes = self.nodes.items.values()
        synced = self.nodes.was_synced
        return State(
            version=self._version,
            nodes=len(nodes) if synced else None,
            nodes_ready=sum(node.is_ready for node in nodes) if synced else None,
            architectures=tuple(sorted({node.architecture for node in nodes if node.architecture})),
            latency=self._latency,
            problem=self._problem or self.nodes.problem,
            seen_at=self._seen_at,
            stale_since=self._stale_since,
        )

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for mirror in self.mirrors:
                tasks.create_task(mirror.run())
            tasks.create_task(self._look())

    def list_workloads(
        self, *, namespace: str | None = None, after: tuple[str, str, str] = ("", "", ""), size: int = 100
    ) -> tuple[SeenWorkload, ...]:
        """A page by namespace, kind and name. Jobs that a CronJob made are found by their CronJob."""
        found = [
            one
            for mirror in self.workloads.values()
            for one in mirror.items.values()
            if (namespace is None or one.namespace == namespace)
            and (one.namespace, one.kind, one.name) > after
            and not (one.kind == "Job" and one.owner)
        ]
        found.sort(key=lambda one: (one.namespace, one.kind, one.name))
        return tuple(found[:size])

    def pods_of(self, workload: SeenWorkload) -> tuple[SeenPod, ...]:
        """By name."""
        owners = {(workload.kind, workload.name)}
        if workload.kind == "CronJob":
            jobs = self.workloads["Job"].items.values()
            owners = {
                ("Job", job.name)
                for job in jobs
                if job.owner == workload.name and job.namespace == workload.namespace
            }
        pods = (pod for (space, _), pod in self.pods.items.items() if space == workload.namespace)
        return tuple(sorted((pod for pod in pods if pod.owner in owners), key=lambda pod: pod.name))

    def using_secret(self, namespace: str, secret: str) -> tuple[SeenWorkload, ...]:
        """Workloads that pull with it."""
        return tuple(
            one
            for mirror in self.workloads.values()
            for one in mirror.items.values()
            if one.namespace == namespace and secret in one.pull_secrets
        )

    def _on_change(self, _key: Key | None) -> None:
        self._changed()

    async def _look(self) -> None:
        """Asks now and then, so that a cluster that went silent is noticed before its watches are."""
        while True:
            try:
                version = await self.connection.version()
            except ClusterError as error:
                self._problem = str(error)
                if self._stale_since is None:
                    self._stale_since = self._clock.now()
                self._changed()
            else:
                news = self._problem is not None or self._version != version.git_version
                self._version, self._latency = version.git_version, version.latency
                self._seen_at = self._clock.now()
                self._problem = self._stale_since = None
                if news:
                    self._changed()
            await self._sleep(LOOK_EVERY)


def _whole(live: Object) -> Object:
    live["metadata"].pop("managedFields", None)
    return live
