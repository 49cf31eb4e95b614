"""Keeps all registered clusters: watches each, remembers what was seen, and renews their default secrets.

One of them runs in each process of a server, and one of all acts; the others only watch. A cluster that
fails or hangs slows no other.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select

from wherry.clusters.cluster import CLUSTERS, Cluster, cluster_of, open_login
from wherry.clusters.connection import ClusterConnection
from wherry.clusters.errors import ClusterError
from wherry.clusters.joining import tunnels_now
from wherry.clusters.keeper_lease import LEASE, give_lease_back, take_lease
from wherry.clusters.kubeconfig import ClusterLogin
from wherry.clusters.pull_secrets.default_secret import Reconciled, Step, plan, reconcile
from wherry.clusters.pull_secrets.keys import (
    LIFETIME,
    OVERLAP,
    PullLogins,
    current_logins,
    end_retired,
    rolled_out,
)
from wherry.clusters.used_by import Running, record_running, record_state, running_images_of
from wherry.clusters.watching.cluster_watch import ClusterWatch
from wherry.db.database import Database
from wherry.db.errors import DatabaseError
from wherry.kit.clock import Clock
from wherry.kit.ids import new_id
from wherry.kit.secrets import Sealer, UnreadableSecret

logger = logging.getLogger(__name__)

Connect = Callable[[Cluster, ClusterLogin], ClusterConnection]

LOOK_EVERY = 5.0
# Changes come in bursts; one look is good for all that came within this.
GATHER = 0.5
# Without any change: is a key due, is a namespace's failure gone?
SETTLE_EVERY = 10.0


@dataclass(frozen=True, slots=True)
class Registry:
    """`host` is what secrets log in to, empty where nobody said it; images of any of `names` are ours."""

    host: str
    names: Collection[str]


class Keeper:
    """Belongs to one event loop; `run` it until it is cancelled."""

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        clock: Clock,
        connect: Connect,
        registry: Registry,
        *,
        lifetime: timedelta = LIFETIME,
        overlap: timedelta = OVERLAP,
        look_every: float = LOOK_EVERY,
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._clock = clock
        self._connect = connect
        self._registry = registry
        self._lifetime = lifetime
        self._overlap = overlap
        self._look_every = look_every
        self._kept: dict[int, _Kept] = {}
        self._name = new_id()
        self._acts_until: datetime | None = None

    @property
    def watches(self) -> Mapping[str, ClusterWatch]:
        """By the cluster's name; those that could be begun."""
        return {kept.cluster.name: kept.watch for kept in self._kept.values()}

    def watch_of(self, cluster: Cluster) -> ClusterWatch | None:
        """What was seen of it, whatever it was called then; None where nothing was begun."""
        kept = self._kept.get(cluster.id)
        return None if kept is None else kept.watch

    def connection_of(self, cluster: Cluster) -> ClusterConnection | None:
        """The one that watches it, unless the cluster was changed since: the login may be another."""
        kept = self._kept.get(cluster.id)
        if kept is None or kept.cluster.changed_at != cluster.changed_at:
            return None
        return kept.watch.connection

    @property
    def registry(self) -> Registry:
        """By which names clusters know this registry."""
        return self._registry

    @property
    def acts(self) -> bool:
        """Whether this is the one that writes to clusters and remembers what was seen."""
        return self._acts_until is not None and self._clock.now() < self._acts_until

    async def run(self) -> None:
        """Follows the register: what is new is begun within seconds, what is gone ends."""
        try:
            while True:
                try:
                    await self._follow_register()
                    await self._keep_lease()
                except DatabaseError as error:
                    logger.warning("the register of clusters cannot be read: %s", error)
                await asyncio.sleep(self._look_every)
        finally:
            await asyncio.gather(*(kept.end() for kept in self._kept.values()))
            self._kept.clear()
            if self.acts:
                with contextlib.suppress(DatabaseError):
                    await self._database.write(lambda tx: give_lease_back(tx, self._name))

    async def _keep_lease(self) -> None:
        now = self._clock.now()
        # Where there is no cluster, there is nothing to write every few seconds.
        if not self._kept or (self._acts_until is not None and now < self._acts_until - LEASE / 2):
            return
        acted = self.acts
        taken = await self._database.write(lambda tx: take_lease(tx, self._name, now), durable=False)
        # A little less than what others see: clocks differ.
        self._acts_until = now + LEASE * 5 / 6 if taken else None
        if self.acts and not acted:
            for kept in self._kept.values():
                kept.look_again()

    async def _follow_register(self) -> None:
        registered = {cluster.id: cluster for cluster in await self._database.read(_all_clusters)}
        tunnels = await self._database.read(tunnels_now) if registered else {}
        for number, kept in list(self._kept.items()):
            found = registered.get(number)
            # An agent that came back is asked at once, not after the pause that its watches make.
            came_back = tunnels.get(number, kept.tunnel) != kept.tunnel
            if found is None or found.changed_at != kept.cluster.changed_at or came_back:
                del self._kept[number]
                await kept.end()
        for number, cluster in registered.items():
            if number not in self._kept:
                await self._begin(cluster, tunnels.get(number))

    async def _begin(self, cluster: Cluster, tunnel: str | None) -> None:
        try:
            login = await self._database.read(lambda tx: open_login(tx, self._sealer, cluster.name))
            connection = self._connect(cluster, login)
        except (ClusterError, UnreadableSecret) as error:
            logger.warning("the cluster %s cannot be watched: %s", cluster.name, error)
            return
        self._kept[cluster.id] = _Kept(self, cluster, connection, tunnel)

    async def logins(self, cluster: Cluster) -> PullLogins:
        """What belongs into the cluster's default secrets; issues a key where one is due.

        Nothing, for a cluster that was removed while its namespaces were looked at.
        """
        now = self._clock.now()

        def work(tx: Connection) -> PullLogins:
            if tx.execute(_registered(cluster)).first() is None:
                return PullLogins((), "", None)
            end_retired(tx, now, cluster)
            return current_logins(
                tx, self._sealer, cluster, self._registry.host, now, lifetime=self._lifetime
            )

        return await self._database.write(work)

    async def note_rolled_out(self, cluster: Cluster, source: str) -> None:
        """All of the cluster's namespaces have these keys."""
        now = self._clock.now()
        await self._database.write(lambda tx: rolled_out(tx, cluster, source, now, overlap=self._overlap))

    async def note_seen(self, cluster: Cluster, watch: ClusterWatch, running: tuple[Running, ...]) -> None:
        """Remember it, where the cluster is still registered; what runs, only once its pods were listed."""
        state, now, listed = watch.state, self._clock.now(), watch.pods.was_synced

        def work(tx: Connection) -> None:
            if tx.execute(_registered(cluster)).first() is None:
                return
            record_state(tx, cluster, state)
            if listed:
                record_running(tx, cluster, running, now)

        await self._database.write(work, durable=False)

    async def is_as_registered(self, cluster: Cluster) -> bool:
        """Whether nobody has changed or removed it since the register was followed."""
        row = await self._database.read(lambda tx: tx.execute(_registered(cluster)).first())
        return row is not None and cluster_of(row).changed_at == cluster.changed_at

    def running(self, watch: ClusterWatch) -> tuple[Running, ...]:
        """Images of this registry that the cluster's pods run."""
        return running_images_of(watch.pods.items.values(), self._registry.names)

    def now(self) -> datetime:
        """The clock's."""
        return self._clock.now()

    @property
    def knows_its_name(self) -> bool:
        """Whether there is a host that secrets could be for."""
        return bool(self._registry.host)

    @property
    def clock(self) -> Clock:
        """For the watches."""
        return self._clock


class _Kept:
    """One cluster: a task that watches, and one that acts on what was seen."""

    def __init__(
        self, keeper: Keeper, cluster: Cluster, connection: ClusterConnection, tunnel: str | None
    ) -> None:
        self.cluster = cluster
        self.tunnel = tunnel
        self._keeper = keeper
        self._connection = connection
        self._news = asyncio.Event()
        self.watch = ClusterWatch(connection, keeper.clock, changed=self._news.set)
        self._rolled_out: str | None = None
        self._remembered: object = None
        self._tasks = [
            asyncio.create_task(self._watch_for_ever(), name=f"watch {cluster.name}"),
            asyncio.create_task(self._settle_for_ever(), name=f"settle {cluster.name}"),
        ]

    def look_again(self) -> None:
        """Even though nothing is known to have changed."""
        self._news.set()

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._connection.close()

    async def _watch_for_ever(self) -> None:
        while True:
            try:
                await self.watch.run()
            except Exception:  # a mistake of ours must not end the watch for good
                logger.exception("watching the cluster %s failed", self.cluster.name)
                await asyncio.sleep(LOOK_EVERY)

    async def _settle_for_ever(self) -> None:
        while True:
            # Not `wait_for`: before Python 3.12 it can lose a cancellation that comes with the news.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SETTLE_EVERY):
                    await self._news.wait()
            await asyncio.sleep(GATHER)
            self._news.clear()
            if not self._keeper.acts:
                continue
            try:
                await self._remember()
                await self._settle_secrets()
            except Exception:  # as above; what is to be done is still to be done at the next look
                logger.exception("keeping the cluster %s failed", self.cluster.name)

    async def _remember(self) -> None:
        running, state = self._keeper.running(self.watch), self.watch.state
        minute = self._keeper.now().replace(second=0, microsecond=0)
        told = (
            running,
            state.version,
            state.nodes,
            state.nodes_ready,
            state.problem,
            state.stale_since,
            minute,
        )
        if told != self._remembered:
            await self._keeper.note_seen(self.cluster, self.watch, running)
            self._remembered = told

    async def _settle_secrets(self) -> None:
        namespaces, secrets = self.watch.namespaces, self.watch.default_secrets
        if not self._keeper.knows_its_name:
            return
        if namespaces.stale_since is not None or secrets.stale_since is not None:
            return  # acting on what may be old could undo what somebody did meanwhile
        switched_on = self.cluster.makes_default_secret
        logins = await self._keeper.logins(self.cluster) if switched_on else PullLogins((), "", None)
        planned = plan(namespaces.items.values(), secrets.items.values(), logins, switched_on=switched_on)
        done: Reconciled | None = None
        if any(one.step in (Step.CREATE, Step.UPDATE, Step.REMOVE) for one in planned):
            if not await self._keeper.is_as_registered(self.cluster):
                return  # a command may have switched this on or off, and acted on it already
            done = await reconcile(self._connection, planned)
            for namespace, problem in done.failed.items():
                logger.warning("no default secret in %s of %s: %s", namespace, self.cluster.name, problem)
        is_whole = done is None or done.is_whole
        if is_whole and logins.source and logins.source != self._rolled_out:
            await self._keeper.note_rolled_out(self.cluster, logins.source)
            self._rolled_out = logins.source


def _registered(cluster: Cluster) -> Select[Any]:
    return CLUSTERS.where(CLUSTERS.selected_columns[0] == cluster.id)


def _all_clusters(tx: Connection) -> list[Cluster]:
    return [cluster_of(row) for row in tx.execute(CLUSTERS)]
