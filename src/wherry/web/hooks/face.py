"""`POST /hooks/TOKEN`: a registry elsewhere tells of a push, and triggers of the image that stands in fire.

Nobody logs in here. The address is the first proof, the product's own signature or key the second; nothing
that a sender names is called back.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from http import HTTPStatus

from sqlalchemy import Connection
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from wherry.access.actions import Action
from wherry.access.decisions import ANONYMOUS
from wherry.audit.entries import Target
from wherry.audit.journal import plain
from wherry.db.database import Database
from wherry.identity.errors import TooManyLogins
from wherry.identity.failed_logins import FailedLogins
from wherry.kit.clock import Clock
from wherry.kit.secrets import Sealer, UnreadableSecret
from wherry.observability import Metrics
from wherry.triggers.react import Push, fire_matching
from wherry.web.audited import Attempt, Audited, source_of
from wherry.web.body import BodyError, BodyTooLong, BodyTooSlow, whole_body
from wherry.web.exchange import Exchange
from wherry.web.routes import Route, RouteTable
from wherry.webhooks.errors import InvalidHook, NotAuthentic
from wherry.webhooks.hear import hear, verify_sender, why_ignored
from wherry.webhooks.pushes_in import PushIn, read_push
from wherry.webhooks.senders import Sender, note_problem, secret_of, sender_with

logger = logging.getLogger(__name__)

MAX_BODY = 1024 * 1024
_HOOKS = "/hooks/"


@dataclass(frozen=True, slots=True)
class HooksServices:
    """What this face works with. `idle` is how long a body may stay silent."""

    database: Database
    audited: Audited
    sealer: Sealer
    clock: Clock
    idle: timedelta
    failures: FailedLogins
    metrics: Metrics


class Result(StrEnum):
    """What came of a request, as the metrics count it."""

    HEARD = "heard"
    REPEATED = "repeated"
    IGNORED = "ignored"
    REFUSED = "refused"


class Refused(Exception):
    """How a request is answered that does nothing."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = dict(headers or {})


@dataclass(frozen=True, slots=True)
class Call:
    """One request, from whoever sends it."""

    services: HooksServices
    scope: Scope
    receive: Receive
    token: str

    @property
    def now(self) -> datetime:
        return self.services.clock.now()


async def tell(call: Call) -> Response:
    """A push elsewhere. Raises `Refused`."""
    count, product = call.services.metrics.webhook_heard, "unknown"
    try:
        sender, secret = await _sender(call)
        product = sender.product.value
        result, response = await _told(call, sender, secret)
    except Refused:
        count(product, Result.REFUSED.value)
        raise
    count(product, result.value)
    return response


async def _told(call: Call, sender: Sender, secret: str) -> tuple[Result, Response]:
    body = await _body(call)
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in call.scope["headers"]}
    try:
        signed_id = verify_sender(sender.product, secret, headers, body, call.now)
    except NotAuthentic as error:
        _count_failure(call, f"sender {sender.id}")
        await _keep(call, sender, f"not authentic: {error}")
        raise Refused(401, "it is not proved that this comes from the sender") from None
    if not sender.is_enabled:
        raise Refused(403, "the sender is disabled")
    try:
        push = read_push(sender.product, body)
    except InvalidHook as error:
        await _keep(call, sender, f"not read: {error}")
        raise Refused(422, str(error)) from None
    ignored = "it tells of no push" if push is None else why_ignored(sender, push)
    if push is None or ignored is not None:
        return Result.IGNORED, _accepted(0, ignored)
    attempt = Attempt(source_of(ANONYMOUS, call.scope), Action.WEBHOOK_HEAR, Target.image(sender.repository))
    tags = [one.tag for one in push.tagged]
    told = {"sender": sender.name, "image": sender.image, "tags": tags}
    is_new, runs = await call.services.audited.write(
        attempt,
        lambda tx: _fire(tx, sender, push, signed_id, call.now),
        lambda made: {**told, "runs": made[1]},
    )
    if not is_new:
        return Result.REPEATED, _accepted(0, "it was told before")
    nobody = None if runs else f"no trigger of {sender.repository} is for it"
    return Result.HEARD, _accepted(len(runs), nobody)


ROUTES: tuple[Route[Call, Response], ...] = (Route("POST", _HOOKS + "{token}", Action.WEBHOOK_HEAR, tell),)


def concerns_hooks(scope: Scope) -> bool:
    """Whether a request is for this face."""
    path: str = scope["path"]
    return path.startswith(_HOOKS)


class HooksFace:
    """Serves `ROUTES`."""

    def __init__(self, services: HooksServices) -> None:
        self._services = services
        self._table: RouteTable[Call, Response] = RouteTable(ROUTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange.of(scope)
        exchange.face = "hooks"
        exchange.path = ROUTES[0].shown  # the token is not for a log
        try:
            response = await self._answer(scope, receive, exchange)
        except Refused as error:
            document = {
                "type": "about:blank",
                "title": HTTPStatus(error.status).phrase,
                "status": error.status,
                "detail": str(error),
                "request_id": exchange.request_id,
            }
            text = json.dumps(document)
            response = Response(text, error.status, error.headers, media_type="application/problem+json")
        await response(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, exchange: Exchange) -> Response:
        found = self._table.find(scope["path"])
        if found is None:
            raise Refused(404, "there is nothing at this path")
        methods, parameters = found
        route = methods.get(scope["method"])
        if route is None:
            raise Refused(405, "only POST is supported here", {"allow": "POST"})
        exchange.route = route.shown
        return await route.handler(Call(self._services, scope, receive, parameters["token"]))


async def _sender(call: Call) -> tuple[Sender, str]:
    sealer = call.services.sealer

    def work(tx: Connection) -> tuple[Sender, str] | None:
        found = sender_with(tx, call.token)
        return None if found is None else (found, secret_of(tx, sealer, found))

    try:
        found = await call.services.database.read(work)
    except UnreadableSecret as error:
        logger.error("a sender's secret cannot be read: %s", error)  # noqa: TRY400
        raise Refused(503, "the sender's secret cannot be read; the server's log tells more") from None
    if found is None:
        # Who knows an address is not asked how many wrong ones came from the same machine.
        _count_failure(call, Exchange.of(call.scope).client)
        raise Refused(404, "there is no such address")
    return found


def _count_failure(call: Call, whose: str) -> None:
    """Raises `Refused` after too many."""
    try:
        call.services.failures.refuse_if_many(whose, whose)
    except TooManyLogins as error:
        raise Refused(429, "too many failures; wait", {"retry-after": str(error.retry_after)}) from None
    call.services.failures.record(whose, whose)


async def _body(call: Call) -> bytes:
    try:
        return await whole_body(call.receive, call.services.idle, MAX_BODY)
    except BodyTooLong as error:
        raise Refused(413, str(error)) from None
    except BodyTooSlow as error:
        raise Refused(408, str(error)) from None
    except BodyError as error:
        raise Refused(400, str(error)) from None


async def _keep(call: Call, sender: Sender, problem: str) -> None:
    said = plain(problem, 500)
    await call.services.database.write(lambda tx: note_problem(tx, sender, said), durable=False)


def _fire(
    tx: Connection, sender: Sender, push: PushIn, signed_id: str | None, now: datetime
) -> tuple[bool, list[int]]:
    """Whether anything is new, and the runs."""
    heard = hear(tx, sender, push, signed_id, now)
    runs: list[int] = []
    for one in heard:
        tag, digest = one.tagged.tag, one.tagged.digest
        by, name = f"sender {sender.name}", f"webhook:{one.receipt}"
        runs += fire_matching(tx, Push(name, sender.repository, tag, digest, by, now, sender.image), now)
    return bool(heard), runs


def _accepted(fired: int, ignored: str | None) -> Response:
    document: dict[str, object] = {"fired": fired}
    if ignored is not None:
        document["ignored"] = ignored
    return Response(json.dumps(document), 202, media_type="application/json")
