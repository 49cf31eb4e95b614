"""The face as an ASGI application: route, session, decision, handler, and every error as a page."""

import logging

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from wherry.access.decisions import ANONYMOUS, authorize
from wherry.web.console.call import HOME, Call, ConsoleServices
from wherry.web.console.paths import is_opening
from wherry.web.console.problems import Problem, problem_of
from wherry.web.console.routes import ROUTES
from wherry.web.console.sign_in import sign_in_path
from wherry.web.console.static_files import StaticFile
from wherry.web.exchange import Exchange
from wherry.web.routes import Route, RouteTable
from wherry.web.sessions import SAFE_METHODS

logger = logging.getLogger(__name__)

# Nothing but our own stylesheet is loaded, nothing runs, and no other site shows these pages in a frame.
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
LINKS = "/console/links/"
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    # Not `no-referrer`: with that, browsers send our own forms as from nowhere (`Origin: null`).
    (b"referrer-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)


class ConsoleFace:
    """Serves `ROUTES`, and the files that pages load."""

    def __init__(self, services: ConsoleServices) -> None:
        self._services = services
        self._table: RouteTable[Call, Response] = RouteTable(ROUTES)
        stylesheet = StaticFile("style.css", "text/css")
        icon = StaticFile("icon.svg", "image/svg+xml")
        self._files = {file.path: file for file in (stylesheet, icon)}
        self._templates = Environment(
            loader=PackageLoader("wherry.web.console"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(stylesheet=stylesheet.path, icon=icon.path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange.of(scope)
        exchange.face = "console"
        exchange.headers.extend(HEADERS)
        if self._services.sessions.is_secure(scope):  # elsewhere browsers only complain of it
            exchange.headers.append((b"cross-origin-opener-policy", b"same-origin"))
        if scope["path"].startswith(LINKS):  # whoever reads the log must not be let in by it
            exchange.path = f"{LINKS}{{token}}"
        file = self._files.get(scope["path"])
        if file is not None and scope["method"] in SAFE_METHODS:
            exchange.route = file.shown
            response = file.response()
        else:
            exchange.headers.append((b"cache-control", b"no-store"))
            response = await self._page(scope, receive)
        if scope["method"] == "HEAD":
            response.body = b""
        await response(scope, receive, send)

    async def _page(self, scope: Scope, receive: Receive) -> Response:
        call = Call(self._services, self._templates, scope, receive, {})
        try:
            return await self._answer(call)
        except Exception as error:
            problem = problem_of(error)
            if problem is None:
                raise
            if problem.status >= 500:
                logger.warning("%s: %s", type(error).__name__, error)
            response = call.page(
                "problem.html",
                problem.status,
                title=problem.title,
                advice=problem.advice,
                request_id=Exchange.of(scope).request_id,
            )
            response.headers.update(problem.headers)
            return response

    async def _answer(self, call: Call) -> Response:
        exchange, scope = Exchange.of(call.scope), call.scope
        if is_opening(scope):
            return call.redirect(HOME)
        route = self._route(call)
        exchange.route = route.shown
        self._services.sessions.refuse_cross_site(scope)
        call.actor = await self._services.sessions.actor(scope) or ANONYMOUS
        if not call.actor.is_anonymous:
            exchange.user = call.actor.name
        decision = authorize(call.actor, route.action)
        if decision.needs_login:
            return call.redirect(sign_in_path(scope))
        if not decision.allowed:
            raise Problem(403, decision.reason, "Ask an administrator if you need this.")
        return await route.handler(call)

    def _route(self, call: Call) -> Route[Call, Response]:
        found = self._table.find(call.scope["path"])
        if found is None:
            raise Problem(404, "There is no such page.", "Go to the first page and look from there.")
        methods, call.parameters = found
        method = "GET" if call.scope["method"] == "HEAD" else call.scope["method"]
        route = methods.get(method)
        if route is None:
            allowed = ", ".join(sorted(methods))
            raise Problem(405, "This page is not asked for in this way.", "Go back.", {"allow": allowed})
        return route
