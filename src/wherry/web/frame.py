"""What stands around every face: request id, access log, metrics, and the last answer to a bug of ours."""

import logging
import random
import re
import secrets
import time

from starlette.types import ASGIApp, Receive, Scope, Send

from wherry.observability import AccessLog, Metrics, bind_request_id
from wherry.web.exchange import Exchange
from wherry.web.proxies import TrustedProxies

logger = logging.getLogger(__name__)

_FAILED = (
    b'{"errors":[{"code":"UNKNOWN","message":"the server failed; its log has this request id","detail":{}}]}'
)
_FAILED_SOCKET = {"type": "websocket.close", "code": 1011}
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")


class Frame:
    """The outermost application."""

    def __init__(
        self, app: ASGIApp, metrics: Metrics, access_log: AccessLog, proxies: TrustedProxies
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._access_log = access_log
        self._proxies = proxies
        # Unique, not secret: to ask the kernel for randomness is to let go of the interpreter each time.
        self._random_bits = random.Random(secrets.randbits(256)).getrandbits  # noqa: S311

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(receive, send, self._request_id(scope), self._proxies.client(scope))
        scope["wherry.exchange"] = exchange
        began = time.perf_counter()
        self._metrics.requests_in_flight.inc()
        try:
            with bind_request_id(exchange.request_id):
                await self._app(scope, exchange.receive, exchange.send)
        except Exception:
            logger.exception("request %s failed for a reason that nobody foresaw", exchange.request_id)
            await (_fail(exchange) if scope["type"] == "http" else exchange.send(_FAILED_SOCKET))
        finally:
            self._metrics.requests_in_flight.dec()
            self._record(scope, exchange, time.perf_counter() - began)

    def _request_id(self, scope: Scope) -> str:
        """The client's own id where it sent a harmless one, so that both logs can be laid side by side."""
        for name, value in scope["headers"]:
            if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
                return str(value, "ascii")
        return f"{self._random_bits(128):032x}"

    def _record(self, scope: Scope, exchange: Exchange, seconds: float) -> None:
        self._metrics.request(
            face=exchange.face,
            method=scope.get("method", "GET"),
            route=exchange.route,
            status=exchange.status,
            seconds=seconds,
            received=exchange.received,
            sent=exchange.sent,
        )
        # A probe every few seconds that finds all well is no news.
        if self._access_log.enabled and not (exchange.face == "operations" and exchange.status == 200):
            self._access_log.write(
                method=scope.get("method", "GET"),
                path=exchange.path or scope["path"],
                status=exchange.status,
                seconds=seconds,
                received=exchange.received,
                sent=exchange.sent,
                request_id=exchange.request_id,
                user=exchange.user,
                client=exchange.client or None,
            )


async def _fail(exchange: Exchange) -> None:
    if exchange.started:
        return  # the answer is under way; breaking it off is all that is left
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(_FAILED))]
    await exchange.send({"type": "http.response.start", "status": 500, "headers": headers})
    await exchange.send({"type": "http.response.body", "body": _FAILED})
