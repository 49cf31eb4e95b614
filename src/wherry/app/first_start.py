"""What happens before the first request is served: the schema, the keys, the first user."""

import fcntl
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from wherry.access.actions import Action
from wherry.access.signing_keys import ensure_signing_key, load_signing_keys
from wherry.app.wiring import open_sealer
from wherry.audit.entries import Entry, Result, Source, Target
from wherry.audit.journal import record
from wherry.clusters.drivers.tunnel_sockets import TunnelSockets
from wherry.clusters.joining import forget_tunnels
from wherry.db.database import Database
from wherry.db.turns import FIRST_ROWS, take_turn
from wherry.identity.passwords import Passwords
from wherry.identity.users import create_user, find_user
from wherry.kit.clock import SystemClock
from wherry.kit.secrets import write_secret
from wherry.migrations.upgrade import upgrade
from wherry.settings import Settings

ADMIN = "admin"
PASSWORD_FILE = "admin-password"  # noqa: S105 (a file name)


@dataclass(frozen=True, slots=True)
class Prepared:
    """`admin_password` is there once: when this start made the user and the password with it."""

    admin_password: str | None


def prepare(settings: Settings) -> Prepared:
    """Bring data folder and database to where the server can start; safe to run again and side by side.

    Leaves nothing open. Raises `DatabaseError`, `SchemaTooNew`, `UnreadableSecret`, `InvalidPassword`.
    """
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _alone(settings.data):
        upgrade(settings.effective_database_url)
        database = Database(settings.effective_database_url)
        try:
            return database.write_now(lambda tx: _first_rows(tx, settings))
        finally:
            database.close()


def _first_rows(tx: Connection, settings: Settings) -> Prepared:
    # Replicas have a data folder each and one database: the first to start makes key and user for all.
    take_turn(tx, FIRST_ROWS)
    now, sealer = SystemClock().now(), open_sealer(settings)
    ensure_signing_key(tx, sealer, now)
    load_signing_keys(tx, sealer)  # here it can still be told that the master key is another one
    forget_tunnels(tx, TunnelSockets(settings.data).machine, now)
    return Prepared(_ensure_admin(tx, settings, now))


def _ensure_admin(tx: Connection, settings: Settings, now: datetime) -> str | None:
    """Make the first user, unless it is there; answers the password if it had to be generated."""
    if find_user(tx, ADMIN) is not None:
        return None
    generated = None if settings.admin_password else secrets.token_urlsafe(18)
    passwords = Passwords()
    try:
        hashed = passwords.hash_now(settings.admin_password or generated or "")
    finally:
        passwords.close()
    if generated:
        write_secret(settings.data / PASSWORD_FILE, generated)
    create_user(tx, ADMIN, hashed, now, is_admin=True)
    said = {"change": "created", "is_admin": True}
    made = Entry(Source("server"), Action.USER_CHANGE, Target.user(ADMIN), Result.DONE, "first start", said)
    record(tx, made, now)
    return generated


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One start at a time on a data folder; the lock ends with the process that holds it."""
    with (folder / ".starting").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
