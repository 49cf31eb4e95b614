"""`/join/TOKEN` hands out the manifest of an agent, once; `/tunnel` is the WebSocket that the agent holds."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from wherry.access.actions import Action
from wherry.access.decisions import ANONYMOUS
from wherry.audit.entries import SERVICE, Kind, Target
from wherry.clusters.agent.manifest import Running, manifest
from wherry.clusters.drivers.tunnel_frames import MAX_MESSAGE, TunnelBroken
from wherry.clusters.errors import JoinRefused
from wherry.clusters.joining import redeem_token
from wherry.clusters.tunnels import Tunnels
from wherry.clusters.yaml_text import write_yaml
from wherry.kit.clock import Clock
from wherry.web.audited import Attempt, Audited, source_of
from wherry.web.exchange import Exchange
from wherry.web.origin import Origin
from wherry.web.routes import Audit, Route, RouteTable

logger = logging.getLogger(__name__)

TUNNEL = "/tunnel"
_JOIN = "/join/"
# Before anybody has shown a credential nothing is held: the handshake is answered at once.
_UNKNOWN = b"this agent's credential is not known; join the cluster again\n"


@dataclass(frozen=True, slots=True)
class AgentServices:
    """What this face works with. `image` is the one that agents run in, `ca` what they trust Wherry by."""

    tunnels: Tunnels
    audited: Audited
    origin: Origin
    clock: Clock
    image: str
    ca: str | None


@dataclass(frozen=True, slots=True)
class Call:
    """One request, from whoever sends it: nobody logs in here."""

    services: AgentServices
    scope: Scope
    parameters: Mapping[str, str]


async def join(call: Call) -> Response:
    """The manifest of the agent that the token is for. The token is used up."""
    services, now = call.services, call.services.clock.now()
    attempt = Attempt(source_of(ANONYMOUS, call.scope), Action.AGENT_JOIN, SERVICE)
    try:
        cluster, credential = await services.audited.write(
            attempt,
            lambda tx: redeem_token(tx, call.parameters["token"], now),
            {"change": "manifest handed out"},
            lambda made: Target(Kind.CLUSTER, made[0].name, made[0].organization),
        )
    except JoinRefused as error:
        return PlainTextResponse(f"{error}\n", 404)
    running = Running(services.origin.of(call.scope), services.image, services.ca)
    text = write_yaml(*manifest(running, credential))
    logger.info("the manifest of the agent of %s was handed out", cluster.name)
    return Response(text, headers={"cache-control": "no-store"}, media_type="application/yaml")


async def tunnel(_call: Call) -> Response:
    """A WebSocket that an agent holds, by its own credential; anything else is told so."""
    return PlainTextResponse(
        "agents of clusters connect here, by WebSocket; a proxy in front of Wherry has to let that through\n",
        426,
        {"upgrade": "websocket", "connection": "upgrade"},
    )


ROUTES: tuple[Route[Call, Response], ...] = (
    # What it changes is on record; who nobody is, is not asked.
    Route("GET", _JOIN + "{token}", Action.AGENT_JOIN, join, Audit.CHANGE),
    Route("GET", TUNNEL, Action.AGENT_CONNECT, tunnel),
)


def concerns_agents(scope: Scope) -> bool:
    """WebSockets of any path: nobody else has one."""
    path: str = scope["path"]
    return scope["type"] == "websocket" or path == TUNNEL or path.startswith(_JOIN)


class AgentsFace:
    """Serves `ROUTES`, each by its own proof: a token, or a credential."""

    def __init__(self, services: AgentServices) -> None:
        self._services = services
        self._table: RouteTable[Call, Response] = RouteTable(ROUTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange.of(scope)
        exchange.face = "agents"
        if scope["type"] == "websocket":
            await self._tunnel(scope, receive, send, exchange)
            return
        found = self._table.find(scope["path"])
        response: Response = PlainTextResponse("there is nothing at this path\n", 404)
        if found is not None:
            methods, parameters = found
            route = methods.get(scope["method"])
            if "token" in parameters:
                exchange.path = next(iter(methods.values())).shown  # the token is not for a log
            if route is None:
                response = PlainTextResponse("only GET is supported here\n", 405, {"allow": "GET"})
            else:
                exchange.route = route.shown
                response = await route.handler(Call(self._services, scope, parameters))
        await response(scope, receive, send)

    async def _tunnel(self, scope: Scope, receive: Receive, send: Send, exchange: Exchange) -> None:
        await receive()  # websocket.connect
        if scope["path"] != TUNNEL:
            await send({"type": "websocket.close", "code": 1008})
            return
        exchange.route = TUNNEL
        credential = _credential(scope)
        admitted = None if credential is None else await self._services.tunnels.admit(credential)
        if admitted is None:
            await _refuse(send)
            return
        exchange.user = f"agent of {admitted.cluster.name}"
        await send({"type": "websocket.accept", "headers": []})

        async def send_message(message: bytes) -> None:
            try:
                await send({"type": "websocket.send", "bytes": message})
            except RuntimeError as error:  # what the server says of a line that is gone
                raise TunnelBroken("the line to the agent ended") from error

        async def next_message() -> bytes:
            message = await receive()
            content = message.get("bytes") if message["type"] == "websocket.receive" else None
            if content is None:
                raise TunnelBroken("the agent closed the line")
            if len(content) > MAX_MESSAGE:
                raise TunnelBroken("the agent sent a message that is too long")
            return bytes(content)

        ending = await self._services.tunnels.hold(admitted, send_message, next_message)
        try:
            await send({"type": "websocket.close", "code": ending.code, "reason": ending.words[:100]})
        except RuntimeError:
            logger.debug("the agent of %s was gone before it was told", admitted.cluster.name)


def _credential(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            return str(value[7:], "latin-1").strip()
    return None


async def _refuse(send: Send) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(_UNKNOWN))]
    await send({"type": "websocket.http.response.start", "status": 401, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": _UNKNOWN})
