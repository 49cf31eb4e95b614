"""What happens before the first request is served: the schema, the keys, the first user."""

import fcntl
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from wherry.access.signing_keys import ensure_signing_key, load_signing_keys
from wherry.app.wiring import open_sealer
from wherry.db.database import Database
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

    Leaves nothing open. Raises `DatabaseError`, `StoreMisconfigured`, `UnreadableSecret`, `InvalidPassword`.
    """
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _alone(settings.data):
        upgrade(settings.effective_database_url)
        database = Database(settings.effective_database_url)
        try:
            now, sealer = SystemClock().now(), open_sealer(settings)
            database.write_now(lambda tx: ensure_signing_key(tx, sealer, now))
            database.read_now(lambda tx: load_signing_keys(tx, sealer))
            return Prepared(_ensure_admin(settings, database))
        finally:
            database.close()


def _ensure_admin(settings: Settings, database: Database) -> str | None:
    """Make the first user, unless it is there; answers the password if it had to be generated."""
    if database.read_now(lambda tx: find_user(tx, ADMIN)) is not None:
        return None
    generated = None if settings.admin_password else secrets.token_urlsafe(18)
    passwords = Passwords()
    try:
        hashed, now = passwords.hash_now(settings.admin_password or generated or ""), SystemClock().now()
    finally:
        passwords.close()
    if generated:
        write_secret(settings.data / PASSWORD_FILE, generated)
    database.write_now(lambda tx: create_user(tx, ADMIN, hashed, now, is_admin=True))
    return generated


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One start at a time on a data folder; the lock ends with the process that holds it."""
    with (folder / ".starting").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
