"""The face as an ASGI application: route, signature, decision, handler, and every error in SWR's form."""

import logging

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from wherry.web.audited import UNFORESEEN
from wherry.web.exchange import Exchange
from wherry.web.routes import Route, RouteTable
from wherry.web.swr.call import Call, SwrServices
from wherry.web.swr.errors import Code, Problem, problem_of
from wherry.web.swr.permission import admit
from wherry.web.swr.routes import ROUTES

logger = logging.getLogger(__name__)


class SwrFace:
    """Serves `ROUTES`."""

    def __init__(self, services: SwrServices) -> None:
        self._services = services
        self._table: RouteTable[Call, Response] = RouteTable(ROUTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange.of(scope)
        exchange.face = "swr"
        call = None
        try:
            call, route = self._route(scope, receive)
            exchange.route = route.shown
            await admit(call, route.action)
            exchange.user = call.actor.name
            response = await route.handler(call)
            await response(scope, receive, send)
        except Exception as error:
            problem = problem_of(error)
            if call is not None and not call.is_recorded:
                status, reason = (
                    (500, UNFORESEEN) if problem is None else (problem.code.status, problem.message)
                )
                await self._services.audited.answered_with_error(call.attempt, route.audit, status, reason)
            if problem is None or exchange.started:
                raise
            if problem.code in (Code.UNAVAILABLE, Code.NO_ROOM):
                logger.error("%s: %s", type(error).__name__, error)  # noqa: TRY400
            refusal = problem.response()
            if scope["method"] == "HEAD":
                refusal.body = b""
            await refusal(scope, receive, send)

    def _route(self, scope: Scope, receive: Receive) -> tuple[Call, Route[Call, Response]]:
        # Not decoded before: %2F in a repository's name is no end of a segment.
        found = self._table.find(scope["raw_path"].decode("latin-1"))
        if found is None:
            raise Problem(Code.PATH_UNKNOWN, "there is nothing at this path")
        methods, parameters = found
        route = methods.get(scope["method"])
        if route is None:
            allowed = ", ".join(sorted(methods))
            message = f"{scope['method'][:20]} is not supported here; supported are {allowed}"
            raise Problem(Code.METHOD_UNKNOWN, message, {"allow": allowed})
        return Call(self._services, scope, receive, route.action, parameters), route
