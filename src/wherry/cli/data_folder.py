"""Opening a data folder for an administrative command, also while a server runs on it."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from wherry.cli.options import fail, resolve

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from wherry.audit.entries import Target
    from wherry.db.database import Database
    from wherry.settings import Settings

T = TypeVar("T")


@contextmanager
def open_database(data: str | None, config: Path | None) -> Iterator[Database]:
    """The database of a data folder; what a domain refuses ends the program with its own words."""
    settings = resolve(config=config, data=data).settings
    require_database(settings)
    from wherry.access.errors import AccessError
    from wherry.clusters.errors import ClusterError
    from wherry.db.database import Database
    from wherry.db.errors import DatabaseError
    from wherry.identity.errors import IdentityError
    from wherry.oci.errors import InvalidValue
    from wherry.registry.errors import RegistryError
    from wherry.webhooks.errors import WebhookError

    database = Database(settings.effective_database_url)
    try:
        yield database
    except (
        AccessError,
        ClusterError,
        DatabaseError,
        IdentityError,
        InvalidValue,
        RegistryError,
        WebhookError,
    ) as error:
        fail(str(error))
    finally:
        database.close()


def change(
    database: Database,
    action: str,
    target: Target | Callable[[T], Target],
    work: Callable[[Connection], T],
    detail: Mapping[str, object] | Callable[[T], Mapping[str, object]] = MappingProxyType({}),
) -> T:
    """Change something, on record: by the command line, with the name of the system's user in the detail."""
    from wherry.audit.entries import COMMAND_LINE_NAME, Entry, Means, Result, Source
    from wherry.audit.journal import record
    from wherry.kit.clock import SystemClock

    source, now = Source(COMMAND_LINE_NAME, means=Means.COMMAND_LINE), SystemClock().now()

    def whole(tx: Connection) -> T:
        result = work(tx)
        told = {**(detail(result) if callable(detail) else detail), "system_user": _system_user()}
        on = target(result) if callable(target) else target
        record(tx, Entry(source, action, on, Result.DONE, "", told), now)
        return result

    return database.write_now(whole)


def _system_user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # as in a container that was started with some number
        return str(os.getuid())


def require_database(settings: Settings) -> None:
    """A mistyped --data must not make an empty database in some other folder."""
    if settings.database_url is None and not (settings.data / "wherry.db").is_file():
        fail(
            f"there is no database in {settings.data}. Name the data folder with --data;"
            " a new one is made by `wherry serve` or `wherry db upgrade`."
        )
