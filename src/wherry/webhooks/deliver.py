"""The job that makes one attempt at a delivery."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from wherry.db.database import Database
from wherry.jobs.errors import GiveUp, Retry
from wherry.jobs.running import Running
from wherry.kit.clock import Clock
from wherry.kit.secrets import Sealer, UnreadableSecret
from wherry.webhooks.deliveries import DeliveryState, find_delivery, note_attempt
from wherry.webhooks.drivers.mail import MailServer
from wherry.webhooks.errors import DeliveryFailed
from wherry.webhooks.formats import body_of, mail_of
from wherry.webhooks.signature import signed
from wherry.webhooks.webhook import Format, Webhook, open_secret, webhook_by_id

# After each failure; when they are used up, about a day later, nobody tries any more.
PAUSES = tuple(timedelta(seconds=s) for s in (5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800, 28800))

# Address, headers and body; answers the status, or raises `DeliveryFailed`.
Post = Callable[[str, Mapping[str, str], bytes], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class _Found:
    """What is to be delivered. A secret that does not open is told by the attempt, as any failure is."""

    webhook: Webhook
    secret: str | UnreadableSecret
    event: dict[str, Any]
    message_id: str


class Deliver:
    """A handler of jobs. A delivery that was made and not noted is made again; receivers know its id."""

    def __init__(
        self, database: Database, sealer: Sealer, clock: Clock, post: Post, mail_server: MailServer | None
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._clock = clock
        self._post = post
        self._mail_server = mail_server

    async def __call__(self, running: Running) -> None:
        number = int(running.payload["delivery"])
        found = await self._database.read(lambda tx: self._look(tx, number))
        if found is None:
            return  # it was removed with its webhook
        webhook = found.webhook
        began = time.monotonic()
        failure: DeliveryFailed | None = None
        status: int | None = None
        try:
            status = await self._send(found)
        except DeliveryFailed as error:
            failure, status = error, error.status
        milliseconds = int((time.monotonic() - began) * 1000)
        pause = None if failure is None or failure.is_final else _pause(running.attempt)
        state = _state(failure, pause)
        problem = "" if failure is None else failure.reason
        now = self._clock.now()

        def note(tx: Connection) -> None:
            running.require_held(tx)
            note_attempt(tx, webhook, number, state, status, problem, milliseconds, now)

        await self._database.write(note)
        if failure is not None and pause is not None:
            raise Retry(failure.reason, pause)
        if failure is not None:
            raise GiveUp(failure.reason)

    def _look(self, tx: Connection, number: int) -> _Found | None:
        found = find_delivery(tx, number)
        if found is None or found[0].state is DeliveryState.DELIVERED:
            return None
        webhook = webhook_by_id(tx, found[0].webhook_id)
        if webhook is None:
            return None
        secret: str | UnreadableSecret
        try:
            secret = open_secret(tx, self._sealer, webhook)
        except UnreadableSecret as error:
            secret = error
        return _Found(webhook, secret, found[1], f"wherry_{found[0].event_id}")

    async def _send(self, found: _Found) -> int | None:
        now, event, wanted = self._clock.now(), found.event, found.webhook.wanted
        if wanted.format is Format.MAIL:
            if self._mail_server is None:
                raise DeliveryFailed("no mail server is set (mail.host)", is_final=True)
            await self._mail_server.send(mail_of(event, self._mail_server.sender, wanted.url, now))
            return None
        if isinstance(found.secret, UnreadableSecret):
            raise DeliveryFailed(f"{found.secret}; renew the webhook's secret", is_final=True)
        body, content_type = body_of(event, wanted.format)
        headers = {"Content-Type": content_type, **signed(found.secret, found.message_id, now, body)}
        return await self._post(wanted.url, headers, body)


def _pause(attempt: int) -> timedelta | None:
    return PAUSES[attempt - 1] if attempt <= len(PAUSES) else None


def _state(failure: DeliveryFailed | None, pause: timedelta | None) -> DeliveryState:
    if failure is None:
        return DeliveryState.DELIVERED
    return DeliveryState.DEAD if pause is None else DeliveryState.WAITING
