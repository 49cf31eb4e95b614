"""The tunnels of agents that this process holds: let in, looked through, published, and ended in time.

Others of this machine reach the cluster by a socket in the data folder, which is there once it is known that
the tunnel leads to the cluster that it is for.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

from wherry.clusters.agent.seen import AgentSeen
from wherry.clusters.cluster import Cluster
from wherry.clusters.connection import ClusterConnection
from wherry.clusters.drivers.tunnel import Receive, Send, Tunnel
from wherry.clusters.drivers.tunnel_frames import Hello, TunnelBroken
from wherry.clusters.drivers.tunnel_sockets import TunnelSockets
from wherry.clusters.errors import ClusterCallFailed, InvalidCluster, JoinRefused
from wherry.clusters.joining import (
    SERVER,
    Agent,
    find_by_credential,
    holds,
    is_good,
    note_connected,
    note_left,
    note_problem,
)
from wherry.clusters.kubeconfig import ClusterLogin
from wherry.clusters.probe import probe
from wherry.db.database import Database
from wherry.db.errors import DatabaseError
from wherry.kit.clock import Clock
from wherry.kit.ids import new_id

logger = logging.getLogger(__name__)

# A cluster that is removed, or whose agent is another one now, is left after so many seconds at the most.
CHECK_EVERY = 2.0
PROBE_AGAIN = 5.0
# How a WebSocket is closed; from 4001 on the agent takes its time before it asks again.
GOING_AWAY, NOT_THE_PROTOCOL, REPLACED, REMOVED, OTHER_CLUSTER = 1001, 1002, 4001, 4003, 4004


@dataclass(frozen=True, slots=True)
class Admitted:
    """An agent that showed a good credential."""

    cluster: Cluster
    agent: Agent
    credential: str


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a tunnel ended, as its WebSocket is closed."""

    code: int
    words: str


class Tunnels:
    """Belongs to one event loop. Close it before the database."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        sockets: TunnelSockets,
        connect: Callable[[str, ClusterLogin], ClusterConnection],
        *,
        check_every: float = CHECK_EVERY,
    ) -> None:
        self._database = database
        self._clock = clock
        self._sockets = sockets
        self._connect = connect
        self._check_every = check_every
        self._held: set[asyncio.Task[Ending]] = set()

    @property
    def held(self) -> int:
        """How many tunnels there are."""
        return len(self._held)

    async def admit(self, credential: str) -> Admitted | None:
        """None for a credential that is not good, or no more. Raises `DatabaseError`."""
        found = await self._database.read(lambda tx: find_by_credential(tx, credential))
        return None if found is None else Admitted(found[0], found[1], credential)

    async def hold(self, admitted: Admitted, send: Send, receive: Receive) -> Ending:
        """Until it ends, by whatever. `receive` raises `TunnelBroken` where the line has ended."""
        # A task of its own: the server drops what waits on a WebSocket when it stops, `close` does not.
        task = asyncio.create_task(self._hold(admitted, Tunnel(send, receive)), name="tunnel")
        self._held.add(task)
        task.add_done_callback(self._held.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.cancel()
            return Ending(GOING_AWAY, "Wherry stops")

    async def close(self) -> None:
        """All of them end."""
        tasks = list(self._held)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._sockets.close()

    async def _hold(self, admitted: Admitted, tunnel: Tunnel) -> Ending:
        name, cluster = new_id(), admitted.cluster.name
        server = None
        try:
            hello = await tunnel.greet()
            server = await asyncio.start_unix_server(tunnel.relay, sock=self._sockets.bind(name))
            logger.info("the agent of the cluster %s connects from %s", cluster, hello.host)
            ending = await self._first_of(tunnel.run(), self._keep(admitted, hello, name))
        except TunnelBroken as error:
            ending = Ending(NOT_THE_PROTOCOL, str(error))
        except OSError as error:
            logger.warning("the tunnel to the cluster %s has no socket: %s", cluster, error)
            ending = Ending(GOING_AWAY, "Wherry cannot hold the tunnel")
        finally:
            if server is not None:
                server.close()
            self._sockets.remove(name)
            with contextlib.suppress(DatabaseError):
                await self._database.write(lambda tx: note_left(tx, name, self._clock.now()))
        logger.info("the tunnel to the cluster %s ended: %s", cluster, ending.words)
        return ending

    async def _first_of(
        self, running: Coroutine[None, None, None], keeping: Coroutine[None, None, Ending]
    ) -> Ending:
        tasks: list[asyncio.Task[None] | asyncio.Task[Ending]] = [
            asyncio.create_task(running),
            asyncio.create_task(keeping),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return next(iter(done)).result() or Ending(GOING_AWAY, "the line ended")
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self, admitted: Admitted, hello: Hello, name: str) -> Ending:
        """Publishes the tunnel, and says when and why it is to end."""
        try:
            uid = await self._ask_uid(admitted, name)
            await self._database.write(
                lambda tx: note_connected(
                    tx,
                    admitted.agent,
                    admitted.credential,
                    tunnel=name,
                    machine=self._sockets.machine,
                    host=hello.host,
                    uid=uid,
                    now=self._clock.now(),
                )
            )
        except JoinRefused:
            return Ending(REMOVED, "this agent's credential is of no use any more")
        except InvalidCluster as error:
            words = str(error)
            await self._database.write(lambda tx: note_problem(tx, admitted.agent, words))
            return Ending(OTHER_CLUSTER, words[:100])
        number = self._sockets.publish(name, admitted.agent.socket)
        logger.info("the cluster %s is reached through its agent", admitted.cluster.name)
        try:
            return await self._until_over(admitted, name)
        finally:
            self._sockets.remove(admitted.agent.socket, number)

    async def _ask_uid(self, admitted: Admitted, name: str) -> str:
        """Which cluster it is, of its API server; asked again until it says so. Raises `JoinRefused`."""
        seen = AgentSeen(self._sockets.machine, None, None, None)
        connection = self._connect(admitted.cluster.name, ClusterLogin(SERVER, "", tunnel=name, agent=seen))
        try:
            while True:
                try:
                    found = (await probe(connection)).uid
                    problem = None if found else "the agent may not see the namespace kube-system"
                except ClusterCallFailed as error:
                    found, problem = None, str(error)
                if found is not None:
                    return found
                await self._still_waits(admitted, problem or "")
                await asyncio.sleep(PROBE_AGAIN)
        finally:
            await connection.close()

    async def _still_waits(self, admitted: Admitted, problem: str) -> None:
        agent, credential = admitted.agent, admitted.credential
        logger.warning("the agent of %s cannot be used yet: %s", admitted.cluster.name, problem)
        await self._database.write(lambda tx: note_problem(tx, agent, problem))
        if not await self._database.read(lambda tx: is_good(tx, agent.cluster_id, credential)):
            raise JoinRefused

    async def _until_over(self, admitted: Admitted, name: str) -> Ending:
        agent, credential = admitted.agent, admitted.credential
        while True:
            await asyncio.sleep(self._check_every)
            try:
                why = await self._database.read(lambda tx: holds(tx, agent, credential, name))
            except DatabaseError:
                continue  # what is true once it answers again counts
            if why == "replaced":
                return Ending(REPLACED, "another agent has connected for this cluster")
            if why is not None:
                return Ending(REMOVED, "this agent's credential is of no use any more")
