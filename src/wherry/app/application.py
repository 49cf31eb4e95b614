"""The ASGI application: built from settings, opened and closed by the server's lifespan."""

import asyncio
import logging
from contextlib import AsyncExitStack

from starlette.types import Message, Receive, Scope, Send

import wherry
from wherry.app.audit_chain import chain_for_ever
from wherry.app.job_working import open_work
from wherry.app.pull_recording import record_pulls, record_pulls_for_ever
from wherry.app.trigger_running import open_performer
from wherry.app.unread_body import UnreadBody
from wherry.app.upload_expiry import expire_uploads_for_ever
from wherry.app.wiring import Wired, open_services
from wherry.kit.clock import SystemClock
from wherry.observability import AccessLog, Metrics
from wherry.settings import Settings
from wherry.web.agents.face import AgentsFace, concerns_agents
from wherry.web.api.face import ApiFace
from wherry.web.console.face import ConsoleFace
from wherry.web.console.paths import concerns_console
from wherry.web.distribution.face import DistributionFace
from wherry.web.frame import Frame
from wherry.web.hooks.face import HooksFace, concerns_hooks
from wherry.web.operations.face import OperationsFace, OperationsServices
from wherry.web.proxies import TrustedProxies
from wherry.web.swr.face import SwrFace
from wherry.web.swr.paths import concerns_swr

logger = logging.getLogger(__name__)


def create_app(settings: Settings) -> "Application":
    """The application for `settings`; nothing is opened before the server starts its lifespan."""
    return Application(settings)


class Application:
    """Sends each request to its face. The lifespan opens what the faces need, and closes it in reverse."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clock = SystemClock()
        self._metrics = Metrics(
            version=wherry.__version__,
            multiprocess_dir=settings.data / "metrics" if settings.workers > 1 else None,
        )
        access_log = AccessLog(format=settings.log.format, level=settings.log.level)
        frame = Frame(self._dispatch, self._metrics, access_log, TrustedProxies(settings.trusted_proxies))
        self._http = UnreadBody(frame)
        self._distribution: DistributionFace
        self._swr: SwrFace
        self._api: ApiFace
        self._console: ConsoleFace
        self._agents: AgentsFace
        self._hooks: HooksFace
        self._operations: OperationsFace

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await self._http(scope, receive, send)

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if concerns_agents(scope):
            await self._agents(scope, receive, send)
        elif concerns_swr(scope):
            await self._swr(scope, receive, send)
        elif path.startswith("/v2/") or path in ("/v2", "/token"):
            await self._distribution(scope, receive, send)
        elif path.startswith("/api/"):
            await self._api(scope, receive, send)
        elif concerns_hooks(scope):
            await self._hooks(scope, receive, send)
        elif concerns_console(scope):
            await self._console(scope, receive, send)
        else:
            await self._operations(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        async with AsyncExitStack() as stack:
            try:
                wired = await open_services(self._settings, self._metrics, self._clock, stack)
                self._distribution = DistributionFace(wired.distribution)
                self._swr = SwrFace(wired.swr)
                self._api = ApiFace(wired.api)
                self._console = ConsoleFace(wired.console)
                self._agents = AgentsFace(wired.agents)
                self._hooks = HooksFace(wired.hooks)
                self._operations = OperationsFace(
                    OperationsServices(
                        wired.database, wired.store, self._metrics, self._clock, wherry.__version__
                    )
                )
                self._start_chores(wired, stack)
            except Exception as error:
                logger.exception("the server cannot start")
                await _say(send, "lifespan.startup.failed", str(error))
                raise
            await _say(send, "lifespan.startup.complete")
            await receive()
        await _say(send, "lifespan.shutdown.complete")

    def _start_chores(self, wired: Wired, stack: AsyncExitStack) -> None:
        expiring = expire_uploads_for_ever(
            wired.database, wired.distribution.intake, self._clock, self._settings.uploads.expiry
        )
        performer = open_performer(wired.api.clusters, wired.database, self._clock)
        chores = (
            asyncio.create_task(expiring, name="expire-uploads"),
            asyncio.create_task(chain_for_ever(wired.distribution.audited), name="chain-audit-trail"),
            asyncio.create_task(record_pulls_for_ever(wired.distribution.pull_counts), name="record-pulls"),
            asyncio.create_task(wired.api.clusters.keeper.run(), name="keep-clusters"),
            asyncio.create_task(
                open_work(
                    self._settings, wired.database, wired.store, self._clock, performer, self._metrics
                ).run(),
                name="work-behind-requests",
            ),
        )

        async def stop() -> None:
            for chore in chores:
                chore.cancel()
            await asyncio.gather(*chores, return_exceptions=True)
            await performer.close()
            await record_pulls(wired.distribution.pull_counts)

        stack.push_async_callback(stop)


async def _say(send: Send, kind: str, message: str | None = None) -> None:
    said: Message = {"type": kind}
    if message is not None:
        said["message"] = message
    await send(said)
