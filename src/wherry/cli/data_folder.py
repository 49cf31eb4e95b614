"""Opening a data folder for an administrative command, also while a server runs on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from wherry.cli.options import fail, resolve

if TYPE_CHECKING:
    from wherry.db.database import Database
    from wherry.settings import Settings


@contextmanager
def open_database(data: str | None, config: Path | None) -> Iterator[Database]:
    """The database of a data folder; what a domain refuses ends the program with its own words."""
    settings = resolve(config=config, data=data).settings
    require_database(settings)
    from wherry.db.database import Database
    from wherry.db.errors import DatabaseError
    from wherry.identity.errors import IdentityError
    from wherry.oci.errors import InvalidValue
    from wherry.registry.errors import RegistryError

    database = Database(settings.effective_database_url)
    try:
        yield database
    except (DatabaseError, IdentityError, InvalidValue, RegistryError) as error:
        fail(str(error))
    finally:
        database.close()


def require_database(settings: Settings) -> None:
    """A mistyped --data must not make an empty database in some other folder."""
    if settings.database_url is None and not (settings.data / "wherry.db").is_file():
        fail(
            f"there is no database in {settings.data}. Name the data folder with --data;"
            " a new one is made by `wherry serve` or `wherry db upgrade`."
        )
