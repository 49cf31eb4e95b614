"""Sessions of browsers: begun by a sign-in, found by a cookie's token, ended. The token is nowhere kept."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from wherry.db.pull_reader import Prepared, PullReader
from wherry.identity.logins import Account
from wherry.identity.tables import sessions, users
from wherry.kit.clock import Clock

# More than a person has browsers; the one that was not seen for longest makes room.
MAX_SESSIONS = 50
MAX_AGENT = 200
SEEN_EVERY = 60  # seconds


class Way(StrEnum):
    """How the user signed in."""

    PASSWORD = "password"  # noqa: S105 (a word, no secret)
    LINK = "link"
    OIDC = "oidc"


@dataclass(frozen=True, slots=True)
class SessionRules:
    """A session ends `lifetime` after it was begun, and when nothing came of it for `idle`."""

    lifetime: timedelta
    idle: timedelta


@dataclass(frozen=True, slots=True)
class Session:
    """`id` names it, and opens nothing."""

    id: str
    user_id: int
    way: Way
    made_at: datetime
    seen_at: datetime
    ends_at: datetime
    address: str
    agent: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Whose browser it is, as of now, and by which session."""

    account: Account
    session_id: str


class Sessions:
    """Answers, with each request of a browser, who signed in there.

    Read from the database each time: a session that was ended is over with the next request, on every
    replica. `note` is told, at most about once a minute for each, that a session was seen.
    """

    def __init__(
        self, reader: PullReader, clock: Clock, rules: SessionRules, note: Callable[[str], None]
    ) -> None:
        self._reader = reader
        self._clock = clock
        self.rules = rules
        self._note = note
        query = select(
            users.c.id, users.c.name, users.c.is_admin, users.c.is_auditor, sessions.c.seen, sessions.c.ends
        ).join(sessions, sessions.c.user_id == users.c.id)
        one = (sessions.c.id == bindparam("session_id"), users.c.is_disabled.is_(False))
        self._by_id = Prepared(query.where(*one))

    async def find(self, token: str) -> SignedIn | None:
        """None where the session is over, or its user disabled. Raises `DatabaseUnavailable`."""
        session_id = session_id_of(token)
        row = await self._reader.row(self._by_id, {"session_id": session_id})
        if row is None:
            return None
        user_id, name, is_admin, is_auditor, seen, ends = row
        now = int(self._clock.now().timestamp())
        if now >= ends or now >= seen + int(self.rules.idle.total_seconds()):
            return None
        if now - seen >= SEEN_EVERY:
            self._note(session_id)
        account = Account(user_id, name, bool(is_admin), is_auditor=bool(is_auditor))
        return SignedIn(account, session_id)


def session_id_of(token: str) -> str:
    """Looked up by hash, so that no comparison of secrets takes a time that tells something."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def begin_session(
    tx: Connection, user_id: int, way: Way, now: datetime, rules: SessionRules, *, address: str, agent: str
) -> str:
    """The token for the cookie, 256 random bits; it is not to be had again."""
    token, moment = secrets.token_urlsafe(32), int(now.timestamp())
    tx.execute(delete(sessions).where(sessions.c.ends <= moment))
    theirs = select(sessions.c.id).where(sessions.c.user_id == user_id)
    spare = theirs.order_by(sessions.c.seen.desc(), sessions.c.id).offset(MAX_SESSIONS - 1)
    tx.execute(delete(sessions).where(sessions.c.id.in_(tx.execute(spare).scalars().all())))
    tx.execute(
        insert(sessions).values(
            id=session_id_of(token),
            user_id=user_id,
            way=way.value,
            made=moment,
            seen=moment,
            ends=moment + int(rules.lifetime.total_seconds()),
            address=address[:64],
            agent="".join(character for character in agent[:MAX_AGENT] if character.isprintable()),
        )
    )
    return token


def list_sessions(tx: Connection, user_id: int, now: datetime, rules: SessionRules) -> tuple[Session, ...]:
    """Those that can still be used, the one seen last first."""
    moment = int(now.timestamp())
    rows = tx.execute(
        select(
            sessions.c.id,
            sessions.c.user_id,
            sessions.c.way,
            sessions.c.made,
            sessions.c.seen,
            sessions.c.ends,
            sessions.c.address,
            sessions.c.agent,
        )
        .where(
            sessions.c.user_id == user_id,
            sessions.c.ends > moment,
            sessions.c.seen > moment - int(rules.idle.total_seconds()),
        )
        .order_by(sessions.c.seen.desc(), sessions.c.id)
    )
    return tuple(
        Session(
            row[0], row[1], Way(row[2]), _moment(row[3]), _moment(row[4]), _moment(row[5]), row[6], row[7]
        )
        for row in rows
    )


def end_session(tx: Connection, user_id: int, session_id: str) -> bool:
    """False where the user has no such session."""
    one = (sessions.c.user_id == user_id, sessions.c.id == session_id)
    return tx.execute(delete(sessions).where(*one)).rowcount > 0


def end_sessions(tx: Connection, user_id: int, *, but: str | None = None) -> int:
    """End all sessions of a user, but the one of that id; how many there were."""
    query = delete(sessions).where(sessions.c.user_id == user_id)
    return tx.execute(query if but is None else query.where(sessions.c.id != but)).rowcount


def record_seen(tx: Connection, session_id: str, now: datetime) -> None:
    """Something came of the session."""
    tx.execute(update(sessions).where(sessions.c.id == session_id).values(seen=int(now.timestamp())))


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
