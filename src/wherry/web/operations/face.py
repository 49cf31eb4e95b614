"""`/healthz`, `/readyz`, `/metrics`, and a friendly word at `/`."""

import json
import logging
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from wherry.access.actions import Action
from wherry.blobs.errors import BlobError
from wherry.blobs.store import BlobStore
from wherry.db.database import Database
from wherry.db.errors import DatabaseError
from wherry.events.dispatch import count_waiting
from wherry.jobs.history import figures as figures_of_jobs
from wherry.kit.clock import Clock
from wherry.observability import Metrics
from wherry.observability.backlog import Backlog, JobBacklog
from wherry.triggers.figures import figures as figures_of_triggers
from wherry.web.exchange import Exchange
from wherry.web.routes import Route, RouteTable

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OperationsServices:
    """What this face asks."""

    database: Database
    store: BlobStore
    metrics: Metrics
    clock: Clock
    version: str


async def healthz(_services: OperationsServices) -> Response:
    """The process answers."""
    return PlainTextResponse("ok\n")


async def readyz(services: OperationsServices) -> Response:
    """Database and store answer; 503 with the part that does not."""
    problems: dict[str, str] = {}
    try:
        await services.database.read(lambda tx: tx.exec_driver_sql("SELECT 1").scalar_one())
    except DatabaseError as error:
        problems["database"] = str(error)
    try:
        await services.store.check()
    except BlobError as error:
        problems["store"] = str(error)
    body = json.dumps({"ready": not problems, "problems": problems})
    return Response(body, 503 if problems else 200, media_type="application/json")


async def metrics(services: OperationsServices) -> Response:
    """Prometheus' text format."""
    body, content_type = services.metrics.render()
    now = services.clock.now()
    try:
        body += (await services.database.read(lambda tx: _backlog(tx, now))).render()
    except DatabaseError as error:
        # What this process counted is told all the same: now it is needed most.
        logger.warning("the metrics are without what waits in the database: %s", error)
    return Response(body, headers={"content-type": content_type})


def _backlog(tx: Connection, now: datetime) -> Backlog:
    jobs = tuple(
        JobBacklog(one.kind, one.state, one.count, max(0.0, (now - one.oldest_due).total_seconds()))
        for one in figures_of_jobs(tx)
    )
    triggers = figures_of_triggers(tx)
    runs = tuple((state.value, count) for state, count in triggers.open_runs.items())
    return Backlog(jobs, count_waiting(tx), runs, triggers.paused)


async def welcome(services: OperationsServices) -> Response:
    """Somebody opened the address in a browser."""
    return PlainTextResponse(
        f"Wherry {services.version}, a registry for container images. The registry API is at /v2/.\n"
    )


ROUTES: tuple[Route[OperationsServices, Response], ...] = (
    Route("GET", "/healthz", Action.SERVICE_WATCH, healthz),
    Route("GET", "/readyz", Action.SERVICE_WATCH, readyz),
    Route("GET", "/metrics", Action.SERVICE_WATCH, metrics),
    Route("GET", "/", Action.SERVICE_WATCH, welcome),
)


class OperationsFace:
    """Serves `ROUTES`, all of them open to everybody."""

    def __init__(self, services: OperationsServices) -> None:
        self._services = services
        self._table: RouteTable[OperationsServices, Response] = RouteTable(ROUTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange.of(scope)
        exchange.face = "operations"
        found = self._table.find(scope["path"])
        if found is None:
            response: Response = PlainTextResponse("there is nothing at this path\n", 404)
        else:
            methods, _ = found
            method = "GET" if scope["method"] == "HEAD" else scope["method"]
            route = methods.get(method)
            if route is None:
                response = PlainTextResponse("only GET is supported here\n", 405, {"allow": "GET, HEAD"})
            else:
                exchange.route = route.shown
                response = await route.handler(self._services)
        if scope["method"] == "HEAD":
            response.body = b""
        await response(scope, receive, send)
