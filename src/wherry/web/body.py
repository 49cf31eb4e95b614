"""Request bodies as streams: bounded in length, and in the time a client may stay silent."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

from starlette.types import Receive


class BodyError(Exception):
    """Base of what a client can do wrong while it sends a body."""


class ClientGone(BodyError):
    """The body ended before it was whole; mostly nobody is left to answer."""


class BodyTooSlow(BodyError):
    """Nothing came for the idle time."""


class BodyTooLong(BodyError):
    """More came than `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"the body is longer than {limit} bytes")


async def body_chunks(receive: Receive, idle: timedelta, limit: int | None = None) -> AsyncIterator[bytes]:
    """The body as it arrives. Raises `ClientGone`, `BodyTooSlow`, `BodyTooLong`."""
    seconds, received, more = idle.total_seconds(), 0, True
    while more:
        try:
            async with asyncio.timeout(seconds):
                message = await receive()
        except TimeoutError:
            raise BodyTooSlow(f"no byte of the body came for {seconds:g} s") from None
        if message["type"] == "http.disconnect":
            raise ClientGone("the body ended before it was whole")
        chunk = message.get("body", b"")
        received += len(chunk)
        if limit is not None and received > limit:
            raise BodyTooLong(limit)
        if chunk:
            yield chunk
        more = message.get("more_body", False)


async def whole_body(receive: Receive, idle: timedelta, limit: int) -> bytes:
    """The whole body, of at most `limit` bytes. Raises as `body_chunks` does."""
    return b"".join([chunk async for chunk in body_chunks(receive, idle, limit)])
