"""One connection that listens on a channel of PostgreSQL, for as long as it holds."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import psycopg

_PATIENCE = timedelta(seconds=2)


async def hear(
    address: str, channel: str, heard: Callable[[], None], *, name: str, silence: timedelta
) -> None:
    """Call `heard` once the channel is listened to, and for each notice.

    `name` shows the connection in pg_stat_activity. After `silence` without a notice it asks whether the
    server is still there. Ends by psycopg.Error or TimeoutError when the connection broke, or cancelled.
    """
    async with await _connected(address, name) as connection:
        await connection.execute(f"LISTEN {channel}")
        heard()
        while True:
            async for _ in connection.notifies(timeout=silence.total_seconds()):
                heard()
            # Nothing came: is nothing new, or is nobody there any more?
            async with asyncio.timeout(_PATIENCE.total_seconds()):
                await connection.execute("SELECT 1")


async def _connected(address: str, name: str) -> psycopg.AsyncConnection:
    # Cancelled while it connects, psycopg leaves the socket to whoever collects the garbage.
    connecting = asyncio.ensure_future(
        psycopg.AsyncConnection.connect(address, autocommit=True, application_name=name)
    )
    try:
        return await asyncio.shield(connecting)
    except asyncio.CancelledError:
        await asyncio.wait({connecting}, timeout=_PATIENCE.total_seconds())
        if connecting.done() and connecting.exception() is None:
            await connecting.result().close()
        raise
