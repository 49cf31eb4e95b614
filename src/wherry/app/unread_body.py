"""What is left of a body when its answer is already given: read away, so that the client gets that answer.

A server that closes while bytes still come in makes the kernel reset the connection, and the reset overtakes
the answer: a client that sends its whole body before it reads would see a reset, not "no room left".
"""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Reading on costs nothing but the client's bandwidth; one that stalls, or never ends, is cut off.
IDLE_SECONDS = 5.0
TOTAL_SECONDS = 60.0

_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class UnreadBody:
    """An application around another; the answer goes out first, then the rest of the body comes in."""

    def __init__(
        self, app: ASGIApp, *, idle_seconds: float = IDLE_SECONDS, total_seconds: float = TOTAL_SECONDS
    ) -> None:
        self._app = app
        self._idle_seconds = idle_seconds
        self._total_seconds = total_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in _WITH_BODY:
            await self._app(scope, receive, send)
            return
        ended = False

        async def watched_receive() -> Message:
            nonlocal ended
            message = await receive()
            ended = message["type"] != "http.request" or not message.get("more_body", False)
            return message

        await self._app(scope, watched_receive, send)
        if not ended and _may_be_sent(scope):
            await self._read_away(receive)

    async def _read_away(self, receive: Receive) -> None:
        try:
            async with asyncio.timeout(self._total_seconds):
                more = True
                while more:
                    async with asyncio.timeout(self._idle_seconds):
                        message = await receive()
                    more = message["type"] == "http.request" and message.get("more_body", False)
        except TimeoutError:
            return  # the server closes the connection


def _may_be_sent(scope: Scope) -> bool:
    """Not an empty one, nor one behind `Expect: 100-continue`: that comes when asked for; reading asks."""
    return not any(
        name == b"expect" or (name == b"content-length" and value == b"0") for name, value in scope["headers"]
    )
