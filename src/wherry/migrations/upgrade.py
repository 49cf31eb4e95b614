"""Brings a database to the schema that this version of Wherry works with."""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from wherry.db.engines import open_engine
from wherry.db.errors import translated
from wherry.db.turns import SCHEMA, take_turn

# The newest version. A test compares it with Alembic's, so that a start need not load Alembic to know it.
HEAD = "0012"


class SchemaTooNew(Exception):
    """The database was upgraded by a newer Wherry; going back would lose what that one has written."""


def upgrade(url: str) -> str:
    """Apply what is missing in one transaction; tells the version. Raises `DatabaseError`, `SchemaTooNew`."""
    engine = open_engine(url, writer=True)
    try:
        with engine.begin() as connection:
            take_turn(connection, SCHEMA)
            if current_version(connection) != HEAD:
                _apply(connection)
        return HEAD
    except DBAPIError as error:
        raise translated(error) from error
    finally:
        engine.dispose()


def current_version(connection: Connection) -> str | None:
    """The version that the database is at; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return None if found is None else str(found)


def alembic_config(connection: Connection | None = None) -> Any:
    """Alembic's configuration, made here instead of in a file."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    return config


def _apply(connection: Connection) -> None:
    from alembic import command
    from alembic.util import CommandError

    try:
        command.upgrade(alembic_config(connection), HEAD)
    except CommandError as error:
        if "Can't locate revision" in str(error):
            raise SchemaTooNew(
                "the database was upgraded by a newer version of Wherry; start that one"
            ) from error
        raise
