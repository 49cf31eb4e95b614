"""What stands around every face: request id, access log, metrics, and the last answer to a bug of ours."""

import logging
import re
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wherry.kit.clock import Clock
from wherry.kit.ids import new_id
from wherry.observability import AccessLog, Metrics, bind_request_id

logger = logging.getLogger(__name__)

_FAILED = (
    b'{"errors":[{"code":"UNKNOWN","message":"the server failed; its log has this request id","detail":{}}]}'
)
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")


class Frame:
    """The outermost application. Faces leave in `scope["state"]` what log and metrics want to know."""

    def __init__(self, app: ASGIApp, metrics: Metrics, access_log: AccessLog, clock: Clock) -> None:
        self._app = app
        self._metrics = metrics
        self._access_log = access_log
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = Exchange(receive, send, _request_id(scope))
        # A dictionary of our own: what the lifespan put in the state belongs to all requests.
        scope["state"] = state = {
            "request_id": exchange.request_id,
            "face": "none",
            "route": "none",
            "user": None,
        }
        began = time.perf_counter()
        self._metrics.requests_in_flight.inc()
        try:
            with bind_request_id(exchange.request_id):
                try:
                    await self._app(scope, exchange.receive, exchange.send)
                except Exception:
                    logger.exception("a request failed for a reason that nobody foresaw")
                    await exchange.fail()
        finally:
            seconds = time.perf_counter() - began
            self._metrics.requests_in_flight.dec()
            self._metrics.request(
                face=state["face"] or "none",
                method=scope["method"],
                route=state["route"] or "none",
                status=exchange.status,
                seconds=seconds,
                received=exchange.received,
                sent=exchange.sent,
            )
            if self._access_log.enabled:
                client = scope.get("client")
                self._access_log.write(
                    method=scope["method"],
                    path=scope["path"],
                    status=exchange.status,
                    seconds=seconds,
                    received=exchange.received,
                    sent=exchange.sent,
                    request_id=exchange.request_id,
                    user=state["user"],
                    client=client[0] if client else None,
                )


class Exchange:
    """Counts what goes over the wire, and marks the answer with the request id."""

    __slots__ = ("_inner_receive", "_inner_send", "received", "request_id", "sent", "status")

    def __init__(self, receive: Receive, send: Send, request_id: str) -> None:
        self._inner_receive = receive
        self._inner_send = send
        self.request_id = request_id
        # What the log shows if nobody answers because the client went away (as nginx writes it).
        self.status = 499
        self.received = 0
        self.sent = 0

    async def receive(self) -> Message:
        message = await self._inner_receive()
        if message["type"] == "http.request":
            self.received += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message["headers"], (b"x-request-id", self.request_id.encode())]
        elif kind == "http.response.body":
            self.sent += len(message.get("body", b""))
        elif kind == "http.response.pathsend":
            self.sent += message.get("size", 0)
        await self._inner_send(message)

    async def fail(self) -> None:
        if self.status != 499:
            return  # the answer is under way; breaking it off is all that is left
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(_FAILED)).encode())]
        await self.send({"type": "http.response.start", "status": 500, "headers": headers})
        await self.send({"type": "http.response.body", "body": _FAILED})


def _request_id(scope: Scope) -> str:
    """The client's own id where it sent a harmless one, so that both logs can be laid side by side."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return str(value, "ascii")
    return new_id()
