"""What commands of triggers share: where the image's triggers are, and with whose rights one acts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from wherry.cli.data_folder import change, open_database
from wherry.cli.options import fail
from wherry.cli.server import ApiCall, Server, image_path

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
        help="On a data folder: with the rights of this user; else of the site's administrator, if there is"
        " one only.",
    ),
]


@dataclass(frozen=True, slots=True)
class Triggers:
    """An image's triggers, in a data folder or on a server. `user` is who acts; None: as `AsOption` says."""

    image: str
    server: Server | None
    data: str | None
    config: Path | None
    user: str | None = None

    def __post_init__(self) -> None:
        """Ends the program where somebody is to act on a server who is not logged in there."""
        if self.server is not None and self.user is not None:
            fail(f"--as {self.user} and --server do not go together: there {self.server.user} acts", 2)

    @property
    def path(self) -> tuple[str, ...]:
        """Where the image is in the API."""
        return image_path(self.image)

    def change(
        self,
        call: ApiCall,
        work: Callable[[Connection, Actor, RepositoryName, datetime], T],
        detail: Mapping[str, object],
        told: Callable[[Any], T],
    ) -> T:
        """Change something, on record: in the data folder by `work`; on a server by `call`, which begins at
        the image, and `told` reads from its answer what `work` tells."""
        if self.server is not None:
            return told(self.server.call(call.method, *self.path, *call.path, body=call.body))
        from wherry.audit.entries import Target
        from wherry.kit.clock import SystemClock
        from wherry.oci.names import RepositoryName

        with open_triggers(self.data, self.config) as database:
            image, now = RepositoryName.parse(self.image), SystemClock().now()
            return change(
                database,
                "image.trigger",
                Target.image(image),
                lambda tx: work(tx, _acting(tx, self.user), image, now),
                detail,
            )


@contextmanager
def open_triggers(data: str | None, config: Path | None) -> Iterator[Database]:
    """The database of a data folder; what triggers refuse ends the program with its own words."""
    from wherry.triggers.errors import TriggerError

    with open_database(data, config) as database:
        try:
            yield database
        except TriggerError as error:
            fail(str(error))


def _acting(tx: Connection, name: str | None) -> Actor:
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
