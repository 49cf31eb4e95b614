"""What commands of triggers share: the image, and the user with whose rights a command acts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from wherry.cli.data_folder import change, open_database
from wherry.cli.options import fail

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from wherry.access.decisions import Actor
    from wherry.db.database import Database
    from wherry.oci.names import RepositoryName

T = TypeVar("T")

ImageArgument = Annotated[str, typer.Argument(metavar="IMAGE", help="The whole name, such as acme/web.")]
TriggerArgument = Annotated[str, typer.Argument(metavar="TRIGGER", help="Name of the trigger.")]
AsOption = Annotated[
    str | None,
    typer.Option(
        "--as",
        metavar="USER",
        help="With the rights of this user; else of the site's administrator, if there is one only.",
    ),
]


@contextmanager
def open_triggers(data: str | None, config: Path | None) -> Iterator[Database]:
    """The database of a data folder; what triggers refuse ends the program with its own words."""
    from wherry.triggers.errors import TriggerError

    with open_database(data, config) as database:
        try:
            yield database
        except TriggerError as error:
            fail(str(error))


def change_triggers(
    database: Database,
    image: RepositoryName,
    user: str | None,
    work: Callable[[Connection, Actor, datetime], T],
    detail: Mapping[str, object] | Callable[[T], Mapping[str, object]] = MappingProxyType({}),
) -> T:
    """Change something of the image's triggers as `user`, on record."""
    from wherry.audit.entries import Target
    from wherry.kit.clock import SystemClock

    now = SystemClock().now()
    return change(
        database, "image.trigger", Target.image(image), lambda tx: work(tx, acting(tx, user), now), detail
    )


def acting(tx: Connection, name: str | None) -> Actor:
    """A trigger is somebody's: it acts with their rights, and the command line itself is nobody."""
    from wherry.identity.users import get_user, list_users
    from wherry.triggers.owners import owner_of

    if name is not None:
        user = get_user(tx, name)
        return owner_of(tx, user.id, user.name)
    found = [each for each in list_users(tx) if each.is_admin and not each.is_disabled]
    if len(found) != 1:
        fail("there is more than one administrator, or none: --as says with whose rights", 2)
    return owner_of(tx, found[0].id, found[0].name)
