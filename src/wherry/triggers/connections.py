"""Connections to clusters, kept open between runs: a push does not wait for a TLS handshake."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from wherry.clusters.cluster import Cluster
from wherry.clusters.connection import ClusterConnection
from wherry.clusters.keeping import Connect
from wherry.clusters.kubeconfig import ClusterLogin

IDLE_SECONDS = 300.0


@dataclass(slots=True)
class _Kept:
    connection: ClusterConnection
    changed_at: datetime
    users: int = 0
    used_at: float = 0.0
    is_stale: bool = False


class Connections:
    """One for each cluster; belongs to one event loop. Close it at the end."""

    def __init__(self, connect: Connect, idle: float = IDLE_SECONDS) -> None:
        self._connect = connect
        self._idle = idle
        self._kept: dict[int, _Kept] = {}

    @contextlib.asynccontextmanager
    async def use(self, cluster: Cluster, login: ClusterLogin) -> AsyncIterator[ClusterConnection]:
        """Raises what connecting raises: `ClusterError`."""
        loop = asyncio.get_running_loop()
        await self._close_idle(loop.time())
        kept = self._kept.get(cluster.id)
        if kept is None or kept.changed_at != cluster.changed_at:
            if kept is not None:
                kept.is_stale = True
                await self._close_unused(kept)
            kept = self._kept[cluster.id] = _Kept(self._connect(cluster, login), cluster.changed_at)
        kept.users += 1
        try:
            yield kept.connection
        finally:
            kept.users -= 1
            kept.used_at = loop.time()
            if kept.is_stale:
                await self._close_unused(kept)

    async def close(self) -> None:
        """All of them, used or not."""
        kept, self._kept = list(self._kept.values()), {}
        await asyncio.gather(*(one.connection.close() for one in kept), return_exceptions=True)

    async def _close_idle(self, now: float) -> None:
        for number, kept in list(self._kept.items()):
            if not kept.users and now - kept.used_at > self._idle:
                del self._kept[number]
                await kept.connection.close()

    async def _close_unused(self, kept: _Kept) -> None:
        if not kept.users:
            await kept.connection.close()
