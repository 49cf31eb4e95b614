"""What answers requests to the native API: route, sender, decision, handler, every error as problem+json.

Loading it takes as long as all else that a server loads, so `wherry.web.api.face` does it when somebody asks.
"""

import asyncio
import json
import logging
from urllib.parse import unquote

from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from wherry.audit.entries import Result
from wherry.web.api.call import Call
from wherry.web.api.openapi import DOCUMENT_PATH, build_fastapi, openapi_of, query_parameters
from wherry.web.api.operations import Operation
from wherry.web.api.permission import admit, sender
from wherry.web.api.problems import Problem, problem_of
from wherry.web.api.routes import OPERATIONS, PREFIX
from wherry.web.api.services import ApiServices
from wherry.web.audited import UNFORESEEN
from wherry.web.exchange import Exchange
from wherry.web.routes import Audit, Route, RouteTable

logger = logging.getLogger(__name__)


class ServingApi:
    """Serves `OPERATIONS`. FastAPI reads and checks parameters and bodies, after the decision."""

    def __init__(self, services: ApiServices) -> None:
        self._services = services
        self._app = build_fastapi()
        # Without FastAPI's own stack: what goes wrong is answered here.
        self._read = AsyncExitStackMiddleware(self._app.router)
        self._queries = query_parameters(self._app)
        self._described = asyncio.Lock()
        self._openapi: bytes | None = None
        self._operations = {(each.method, PREFIX + each.path): each for each in OPERATIONS}
        self._table: RouteTable[Call, Response] = RouteTable(
            [Route(each.method, PREFIX + each.path, each.action, each.handler) for each in OPERATIONS]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange.of(scope)
        exchange.face = "api"
        try:
            await self._answer(scope, receive, send, exchange)
        except Exception as error:
            problem = problem_of(error)
            if problem is None or exchange.started:
                raise
            if problem.status >= 500:
                logger.error("%s: %s", type(error).__name__, error)  # noqa: TRY400
            await problem.response(exchange.request_id)(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, exchange: Exchange) -> None:
        scope["path"] = _one_segment_each(scope["raw_path"])
        if scope["path"] == DOCUMENT_PATH and scope["method"] == "GET":
            exchange.route = DOCUMENT_PATH
            await Response(await self._document(), media_type="application/json")(scope, receive, send)
            return
        operation, parameters = self._route(scope)
        exchange.route = PREFIX + operation.path
        if "token" in parameters:
            exchange.path = exchange.route  # a one-time link's token is not for a log
        actor, body = await sender(self._services, scope, receive)
        exchange.user = actor.name
        call = Call(self._services, operation.action, scope, actor, body, parameters)
        try:
            await admit(call, operation.action)
            self._refuse_unknown_query(call, operation)
            scope["wherry.call"] = call
            scope["app"] = self._app
            await self._read(scope, _again(body, receive), send)
        except Exception as error:
            await self._note(call, operation, problem_of(error))
            raise

    async def _document(self) -> bytes:
        """Made when first asked for, beside the event loop: it takes a quarter of a second and 8 MiB."""
        async with self._described:
            if self._openapi is None:
                described = await asyncio.to_thread(openapi_of, self._app)
                self._openapi = json.dumps(described).encode()
            return self._openapi

    def _route(self, scope: Scope) -> tuple[Operation, dict[str, str]]:
        found = self._table.find(scope["path"])
        if found is None:
            raise Problem(404, "path_unknown", "there is nothing at this path")
        methods, parameters = found
        route = methods.get(scope["method"])
        if route is None:
            allowed = ", ".join(sorted(methods))
            message = f"{scope['method'][:20]} is not supported here; supported are {allowed}"
            raise Problem(405, "method_unknown", message, headers={"allow": allowed})
        return self._operations[route.method, route.template], parameters

    async def _note(self, call: Call, operation: Operation, problem: Problem | None) -> None:
        """Leave a record of a change that was refused or failed. Never raises."""
        if call.actor.is_anonymous or call.is_recorded or operation.audited is Audit.NOTHING:
            return
        is_refused = problem is not None and problem.status in (401, 403)
        await self._services.audited.unsuccessful(
            call.attempt,
            Result.REFUSED if is_refused else Result.FAILED,
            UNFORESEEN if problem is None else problem.detail,
        )

    def _refuse_unknown_query(self, call: Call, operation: Operation) -> None:
        """A mistyped filter would be ignored in silence, and the list would be another one than asked for."""
        known = self._queries[operation.method, PREFIX + operation.path]
        for name in call.request.query_params:
            if name not in known:
                says = ", ".join(sorted(known)) or "none"
                raise Problem(
                    422, "invalid_request", f"query.{name[:80]}: no such parameter; there are: {says}"
                )


def _one_segment_each(raw_path: bytes) -> str:
    """The decoded path, in which an encoded slash is no end of a segment: `%2F` becomes `$`.

    No name has a `$`, so an image `web/api` can be written as `web%2Fapi` and as `web$api`.
    """
    try:
        segments = [unquote(part, errors="strict") for part in raw_path.decode("latin-1").split("/")]
    except UnicodeDecodeError:
        raise Problem(400, "invalid_request", "the path is UTF-8, percent-encoded") from None
    if any("\0" in segment for segment in segments):
        raise Problem(400, "invalid_request", "the path has a zero byte")
    return "/".join(segment.replace("/", "$") for segment in segments)


def _again(body: bytes, receive: Receive) -> Receive:
    """The body once more, for those who read it after us, and then what else comes: that the client left."""
    left: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return left.pop() if left else await receive()

    return again
