"""Fills a stopped Wherry with users, their rights, and images of many organizations, by its own functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, insert, select, text

from bench.sides import PASSWORD
from wherry.access.grants import grant
from wherry.access.levels import Level
from wherry.access.resources import Resource
from wherry.access.team_grants import grant_to_team
from wherry.db.database import Database
from wherry.identity.organizations import ensure_organization
from wherry.identity.passwords import Passwords
from wherry.identity.teams import add_member, create_team
from wherry.identity.users import create_user
from wherry.registry.tables import repositories, repository_blobs, tags

OWNER = 1  # admin, whom the first start made


@contextmanager
def opened(data: Path) -> Iterator[Database]:
    """The database of a server that does not run now."""
    database = Database(f"sqlite:///{data / 'wherry.db'}")
    try:
        yield database
        database.write_now(lambda tx: tx.execute(text("ANALYZE")))
    finally:
        database.close()


def add_user(database: Database, name: str, rights: Sequence[str] = ()) -> int:
    """The id of a new user with the bench's password, who reads each of `rights`, images or organizations."""
    passwords = Passwords()
    hashed, now = passwords.hash_now(PASSWORD), datetime.now(UTC)
    passwords.close()
    user = database.write_now(lambda tx: create_user(tx, name, hashed, now))

    def give(tx: Connection) -> None:
        for right in rights:
            grant(tx, user.id, Resource.parse(right), Level.READ, OWNER, now)

    database.write_now(give)
    return user.id


def add_team(database: Database, organization: str, name: str, member: int, rights: Sequence[str]) -> None:
    """A team of one, which reads each of `rights`."""
    now = datetime.now(UTC)
    team = database.write_now(lambda tx: create_team(tx, organization, name, OWNER, now))
    database.write_now(lambda tx: add_member(tx, team, member, now))

    def give(tx: Connection) -> None:
        for right in rights:
            grant_to_team(tx, team, Resource.parse(right), Level.READ, OWNER, now)

    database.write_now(give)


def copy_images(database: Database, pushed: str, names: Sequence[str]) -> None:
    """Each of `names` gets the tags and blobs of `pushed`."""
    now = datetime.now(UTC)

    def work(tx: Connection) -> None:
        source = tx.execute(select(repositories.c.id).where(repositories.c.name == pushed)).scalar_one()
        its_tags = tx.execute(select(tags).where(tags.c.repository_id == source)).mappings().all()
        its_blobs = (
            tx.execute(select(repository_blobs).where(repository_blobs.c.repository_id == source))
            .mappings()
            .all()
        )
        owners = {name.partition("/")[0] for name in names}
        ids = {owner: ensure_organization(tx, owner, OWNER, now) for owner in sorted(owners)}
        last = tx.execute(select(repositories.c.id).order_by(repositories.c.id.desc()).limit(1)).scalar_one()
        numbered = {name: last + number for number, name in enumerate(names, 1)}
        tx.execute(
            insert(repositories),
            [
                {
                    "id": number,
                    "name": name,
                    "organization_id": ids[name.partition("/")[0]],
                    "is_public": False,
                    "created_by": OWNER,
                    "created_at": now,
                }
                for name, number in numbered.items()
            ],
        )
        for table, rows in ((tags, its_tags), (repository_blobs, its_blobs)):
            tx.execute(
                insert(table),
                [{**row, "repository_id": number} for number in numbered.values() for row in rows],
            )

    database.write_now(work)
