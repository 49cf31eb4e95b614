"""Waiting for what a Karmada does in its own time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = 60) -> None:
    """Asks again and again; fails when the time is over."""
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110 (what is waited for is another program's doing)
            await asyncio.sleep(0.2)
