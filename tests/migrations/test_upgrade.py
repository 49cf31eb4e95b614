"""Bringing a database to the schema: from nothing, twice, at once, and never back from a newer one."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from wherry.db.engines import open_engine
from wherry.db.errors import DatabaseUnavailable
from wherry.migrations.schema import whole_metadata
from wherry.migrations.upgrade import HEAD, SchemaTooNew, alembic_config, current_version, upgrade


def test_head_is_the_newest_version() -> None:
    assert ScriptDirectory.from_config(alembic_config()).get_heads() == [HEAD]


def test_an_empty_database_gets_every_table(empty_database_url: str) -> None:
    assert upgrade(empty_database_url) == HEAD
    engine = open_engine(empty_database_url, writer=True)
    with engine.begin() as connection:
        assert current_version(connection) == HEAD
        made = set(inspect(connection).get_table_names())
    engine.dispose()
    assert made == {*whole_metadata().tables, "alembic_version"}


def test_the_migrated_schema_is_the_declared_one(database_url: str) -> None:
    engine = open_engine(database_url, writer=True)
    with engine.begin() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, whole_metadata()) == []
    engine.dispose()


def test_constraints_are_named_as_declared(database_url: str) -> None:
    """Else a later migration could not name them on both databases."""
    engine = open_engine(database_url, writer=True)
    with engine.begin() as connection:
        found = inspect(connection)
        for table in whole_metadata().sorted_tables:
            # SQLite takes no name for the key of a table whose ids are never given twice.
            kept_ids = engine.dialect.name == "sqlite" and table.dialect_options["sqlite"]["autoincrement"]
            assert found.get_pk_constraint(table.name)["name"] == (
                None if kept_ids else table.primary_key.name
            )
            declared = {(key.name, key.ondelete) for key in table.foreign_key_constraints}
            made = {
                (key["name"], key.get("options", {}).get("ondelete"))
                for key in found.get_foreign_keys(table.name)
            }
            assert made == declared
    engine.dispose()


def test_names_are_in_ascii_order_on_every_database(database_url: str) -> None:
    engine = open_engine(database_url, writer=True)
    with engine.begin() as connection:
        for name in ("b", "A", "a", "-", "_", "Z"):
            connection.execute(
                text("INSERT INTO blobs VALUES (:name, 1, 'at', CURRENT_TIMESTAMP)"), {"name": name}
            )
        ordered = connection.execute(text("SELECT digest FROM blobs ORDER BY digest")).scalars().all()
        connection.rollback()
    engine.dispose()
    assert ordered == ["-", "A", "Z", "_", "a", "b"]


def test_a_second_upgrade_changes_nothing(empty_database_url: str) -> None:
    assert upgrade(empty_database_url) == upgrade(empty_database_url) == HEAD


def test_two_starts_at_once(empty_database_url: str) -> None:
    with ThreadPoolExecutor(4) as starts:
        assert list(starts.map(upgrade, [empty_database_url] * 4)) == [HEAD] * 4


def test_a_newer_schema_is_refused_and_left_alone(empty_database_url: str) -> None:
    upgrade(empty_database_url)
    engine = open_engine(empty_database_url, writer=True)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaTooNew, match="newer version"):
        upgrade(empty_database_url)
    with engine.begin() as connection:
        assert current_version(connection) == "9999"
    engine.dispose()


def test_a_database_that_does_not_answer() -> None:
    with pytest.raises(DatabaseUnavailable):
        upgrade("postgresql://nobody@127.0.0.1:1/x")


def test_a_database_that_we_do_not_know() -> None:
    with pytest.raises(ValueError, match=r"sqlite:///PATH and postgresql://…"):
        upgrade("mysql://root:secret@localhost/x")
