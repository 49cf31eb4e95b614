"""The face as an ASGI application: what answers is loaded with the first request.

It is more than half of what a server would load at its start, and no node that only pulls ever needs it.
"""

import asyncio
from typing import TYPE_CHECKING

from starlette.types import Receive, Scope, Send

from wherry.web.api.services import ApiServices

if TYPE_CHECKING:
    from wherry.web.api.serving import ServingApi


class ApiFace:
    """Serves `wherry.web.api.routes.OPERATIONS`."""

    def __init__(self, services: ApiServices) -> None:
        self._services = services
        self._loading = asyncio.Lock()
        self._serving: ServingApi | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        serving = self._serving or await self._load()
        await serving(scope, receive, send)

    async def _load(self) -> "ServingApi":
        async with self._loading:
            if self._serving is None:
                # Beside the event loop: pulls go on meanwhile.
                self._serving = await asyncio.to_thread(_serving, self._services)
            return self._serving


def _serving(services: ApiServices) -> "ServingApi":
    from wherry.web.api.serving import ServingApi

    return ServingApi(services)
