"""The face as an ASGI application: route, actor, decision, handler, and every error in the OCI envelope."""

import logging

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from wherry.access.actions import Action
from wherry.identity.organizations import LIBRARY
from wherry.oci.errors import InvalidName
from wherry.oci.names import RepositoryName
from wherry.web.audited import UNFORESEEN
from wherry.web.authentication import BadCredentials, BadToken
from wherry.web.distribution.call import Call, Services
from wherry.web.distribution.errors import Code, Problem, problem_of
from wherry.web.distribution.permission import challenge, decide, refusal, scope_for
from wherry.web.distribution.routes import ROUTES
from wherry.web.exchange import Exchange
from wherry.web.routes import Audit, Route, RouteTable

logger = logging.getLogger(__name__)

# Old clients look for it before they believe that this is a registry.
_VERSION = (b"docker-distribution-api-version", b"registry/2.0")


class DistributionFace:
    """Serves `ROUTES`."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._table: RouteTable[Call, Response] = RouteTable(ROUTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange.of(scope)
        exchange.face = "distribution"
        exchange.headers.append(_VERSION)
        call = None
        try:
            call, route = self._route(scope, receive)
            exchange.route = route.shown
            await self._admit(call, route.action)
            exchange.user = call.actor.name
            response = await route.handler(call)
            await response(scope, receive, send)
        except Exception as error:
            problem = problem_of(error)
            if call is not None and not call.actor.is_anonymous and route.audit is not Audit.NOTHING:
                await self._note(call, route, problem)
            if problem is None or exchange.started:
                raise
            if problem.status >= 500:
                logger.error("%s: %s", type(error).__name__, error)  # noqa: TRY400
            await problem.response(with_body=scope["method"] != "HEAD")(scope, receive, send)

    def _route(self, scope: Scope, receive: Receive) -> tuple[Call, Route[Call, Response]]:
        if b"%" in scope["raw_path"] and b"%2f" in scope["raw_path"].lower():
            # What a proxy in front of us took for one segment must not become two here.
            raise Problem(400, Code.NAME_INVALID, "a slash in a name is not percent-encoded")
        found = self._table.find(scope["path"])
        if found is None:
            raise Problem(404, Code.UNSUPPORTED, "there is nothing at this path")
        methods, parameters = found
        route = methods.get(scope["method"])
        if route is None:
            allowed = ", ".join(sorted(methods))
            message = f"{scope['method'][:20]} is not supported here; supported are {allowed}"
            raise Problem(405, Code.UNSUPPORTED, message, headers={"allow": allowed})
        return Call(self._services, scope, receive, parameters), route

    async def _note(self, call: Call, route: Route[Call, Response], problem: Problem | None) -> None:
        """Leave a record of a change that was refused or failed."""
        if not call.is_recorded:
            detail = {name: text for name, text in call.parameters.items() if name in ("reference", "digest")}
            status, reason = (500, UNFORESEEN) if problem is None else (problem.status, problem.message)
            attempt = call.attempt(route.action)
            await self._services.audited.answered_with_error(attempt, route.audit, status, reason, detail)

    async def _admit(self, call: Call, action: Action) -> None:
        name = call.parameters.get("name")
        repository = None if name is None else _parse_name(name)
        if repository is not None:
            call.repository = repository
        try:
            call.actor = await self._services.authentication.actor(call.scope)
        except BadCredentials as error:
            kind = "invalid_token" if isinstance(error, BadToken) else None
            raise challenge(call, str(error), kind, scope_for(action, repository)) from None
        decision = await decide(call, action, repository)
        if not decision.allowed:
            raise refusal(call, action, repository, decision)


def _parse_name(text: str) -> RepositoryName:
    name = RepositoryName.parse(text)
    if name.text.startswith(f"{LIBRARY}/"):
        raise InvalidName(text, f"write {name.text.removeprefix(f'{LIBRARY}/')} without {LIBRARY}/")
    return name
