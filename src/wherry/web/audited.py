"""What faces say to the audit trail: a change with its record, and attempts that came to nothing.

The record of a change is in the change's own transaction. That of a refusal is written after it, never makes
the answer fail, and comes out of an allowance: nobody fills the disk by being refused.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import Scope

from wherry.access.decisions import Actor
from wherry.audit.chain import Head, chain_new, is_waiting, read_head
from wherry.audit.entries import (
    ANONYMOUS_NAME,
    LEFT_OUT,
    LOGIN_FAILED,
    SERVICE,
    Entry,
    Means,
    Result,
    Source,
    Target,
)
from wherry.audit.errors import ChainBroken
from wherry.audit.journal import plain, record
from wherry.db.database import Database
from wherry.db.errors import DatabaseError
from wherry.kit.clock import Clock
from wherry.observability import current_request_id
from wherry.observability.redaction import redact
from wherry.web.exchange import Exchange
from wherry.web.routes import Audit

logger = logging.getLogger(__name__)

T = TypeVar("T")
Detail = Mapping[str, object] | Callable[[T], Mapping[str, object]]

# Records of what came to nothing, of each user, and of all failed logins together.
A_MINUTE = 300
MAX_WATCHED = 10_000
# A name that nobody has, as far as it is kept.
MAX_TRIED = 64
MAX_SAID = 200
# So long an answer waits for the record of its refusal; the record is written in any case.
PATIENCE_SECONDS = 1.0

# The reason of what failed by a mistake of ours.
UNFORESEEN = "the server failed; its log has the request"

_NOTHING: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Attempt:
    """Who is about to do what, on what."""

    source: Source
    action: str
    target: Target


def source_of(actor: Actor, scope: Scope) -> Source:
    """Who sends the request, by what, and from where."""
    exchange = Exchange.of(scope)
    return Source(
        actor.name, actor.user_id, means_of(actor), actor.key_id, exchange.client, exchange.request_id
    )


def means_of(actor: Actor) -> Means:
    """What the actor was known by."""
    if actor.is_anonymous:
        return Means.NOTHING
    if actor.grant is not None or actor.by_token:
        return Means.TOKEN
    if actor.session_id is not None:
        return Means.SESSION
    return Means.PASSWORD if actor.key_id is None else Means.ACCESS_KEY


class Audited:
    """Belongs to one event loop. `written` is set when there may be something to chain.

    Close it before the database.
    """

    def __init__(self, database: Database, clock: Clock, seal_key: bytes, a_minute: int = A_MINUTE) -> None:
        self._database = database
        self._clock = clock
        self._seal_key = seal_key
        self._allowances = _Allowances(a_minute)
        self._running: set[asyncio.Task[None]] = set()
        self._is_broken = False
        self.written = asyncio.Event()

    async def write(
        self,
        attempt: Attempt,
        work: Callable[[Connection], T],
        detail: Detail[T] = _NOTHING,
        made: Callable[[T], Target] | None = None,
    ) -> T:
        """Run `work` as `Database.write` does, with its record.

        `detail` may be told from what `work` answers, and so may, with `made`, what the change was on.
        """
        result = await self._database.write(self.recorded(attempt, work, detail, made))
        self.written.set()
        return result

    def recorded(
        self,
        attempt: Attempt,
        work: Callable[[Connection], T],
        detail: Detail[T] = _NOTHING,
        made: Callable[[T], Target] | None = None,
    ) -> Callable[[Connection], T]:
        """`work` with its record, for who runs it as a part of something larger."""
        now = self._clock.now()

        def whole(tx: Connection) -> T:
            result = work(tx)
            told = detail(result) if callable(detail) else detail
            target = attempt.target if made is None else made(result)
            record(tx, Entry(attempt.source, attempt.action, target, Result.DONE, "", told), now)
            return result

        return whole

    async def answered_with_error(
        self,
        attempt: Attempt,
        audit: Audit | None,
        status: int,
        reason: str,
        detail: Mapping[str, object] = _NOTHING,
    ) -> None:
        """The attempt on a route was answered with an error of this HTTP status. Never raises.

        That nobody has logged in yet is the ordinary first step of every client, and is not recorded.
        """
        is_refused = status in (401, 403)
        if audit is Audit.CHANGE or (audit is Audit.STEP and is_refused):
            result = Result.REFUSED if is_refused else Result.FAILED
            await self.unsuccessful(attempt, result, reason, detail)

    async def unsuccessful(
        self, attempt: Attempt, result: Result, reason: str, detail: Mapping[str, object] = _NOTHING
    ) -> None:
        """The attempt of somebody who is logged in was refused or failed. Never raises."""
        source = attempt.source
        if source.actor_id is not None:
            # What was asked for and cannot be is any text at all.
            said = {name: plain(redact(str(value)), MAX_SAID) for name, value in detail.items()}
            entry = Entry(source, attempt.action, attempt.target, result, reason, said)
            await self._keep(source.actor_id, entry)

    async def login_failed(self, tried: str, key_id: str | None, address: str, reason: str) -> None:
        """Somebody came as `tried`, or with the access key `key_id`, and was not let in. Never raises."""
        means = Means.PASSWORD if key_id is None else Means.ACCESS_KEY
        name, key = tried[:MAX_TRIED], None if key_id is None else key_id[:MAX_TRIED]
        target = Target.user(name) if key is None else Target.access_key(key)
        source = Source(name, None, means, key, address, current_request_id() or "")
        await self._keep(None, Entry(source, LOGIN_FAILED, target, Result.REFUSED, reason))

    async def settle(self) -> None:
        """Chain all that waits, so that it is listed. A chain that was tampered with is told to the log.

        Raises `DatabaseError`.
        """
        await self._put(self._left_out())
        if not await self._database.read(is_waiting):
            return
        try:
            while await self._database.write(partial(chain_new, key=self._seal_key)):
                self._is_broken = False
        except ChainBroken as error:
            if not self._is_broken:
                logger.error("records of the audit trail wait and are not chained: %s", error)  # noqa: TRY400
            self._is_broken = True

    async def head(self) -> Head | None:
        """The end of the chain as it says it is; None where there is none. Raises `DatabaseError`."""
        found = await self._database.read(read_head)
        return None if found is None else found[0]

    async def close(self) -> None:
        """Waits for what is being written."""
        await self._put(self._left_out(at_once=True))
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _keep(self, whose: object, entry: Entry) -> None:
        allowed = self._allowances.take(whose, entry.source, self._clock.now())
        await self._put([*self._left_out(), *([entry] if allowed else [])])

    async def _put(self, entries: list[Entry]) -> None:
        """Write them beside the request: one that is broken off takes no record along."""
        if not entries:
            return
        task = asyncio.create_task(self._write(entries))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        await asyncio.wait({task}, timeout=PATIENCE_SECONDS)

    async def _write(self, entries: list[Entry]) -> None:
        now = self._clock.now()

        def work(tx: Connection) -> None:
            for entry in entries:
                record(tx, entry, now)

        try:
            await self._database.write(work, durable=False)
        except (DatabaseError, SQLAlchemyError) as error:
            for entry in entries:
                told = (entry.action, entry.result, entry.source.actor, entry.target.name, error)
                logger.warning("not recorded in the audit trail: %s %s by %s on %s: %s", *told)
        else:
            self.written.set()

    def _left_out(self, *, at_once: bool = False) -> list[Entry]:
        return [
            Entry(
                source,
                LEFT_OUT,
                SERVICE,
                Result.REFUSED,
                f"{count} further records within a minute were left out",
                {"left_out": count},
            )
            for source, count in self._allowances.ended(self._clock.now(), at_once=at_once)
        ]


@dataclass(slots=True)
class _Minute:
    """What somebody has used up since `began`."""

    source: Source
    began: datetime
    used: int = 0
    left_out: int = 0


class _Allowances:
    """So many records a minute of each; counts those that were too many."""

    def __init__(self, a_minute: int) -> None:
        self._a_minute = a_minute
        self._minutes: OrderedDict[object, _Minute] = OrderedDict()
        self._over: list[tuple[Source, int]] = []

    def take(self, whose: object, source: Source, now: datetime) -> bool:
        """Whether one more record may be written; `whose` None are the failed logins of all the world."""
        minute = self._minutes.get(whose)
        if minute is None or now - minute.began >= timedelta(minutes=1):
            self._end(whose)
            shown = Source(ANONYMOUS_NAME) if whose is None else source
            minute = self._minutes[whose] = _Minute(shown, now)
            while len(self._minutes) > MAX_WATCHED:
                self._end(next(iter(self._minutes)))
        if minute.used >= self._a_minute:
            minute.left_out += 1
            return False
        minute.used += 1
        return True

    def ended(self, now: datetime, *, at_once: bool) -> list[tuple[Source, int]]:
        """Who had records left out in a minute that is over, and how many; each is told once."""
        # In the order in which they began.
        while self._minutes:
            whose, minute = next(iter(self._minutes.items()))
            if not at_once and now - minute.began < timedelta(minutes=1):
                break
            self._end(whose)
        over, self._over = self._over, []
        return over

    def _end(self, whose: object) -> None:
        minute = self._minutes.pop(whose, None)
        if minute is not None and minute.left_out:
            self._over.append((minute.source, minute.left_out))
