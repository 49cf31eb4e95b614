"""``wherry access``: who may read, write and edit which images, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from wherry.cli.data_folder import change, open_database
from wherry.cli.options import ConfigOption, DataOption, JsonOption, fail
from wherry.cli.output import print_record, print_rows

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from wherry.access.actions import Action
    from wherry.access.resources import Resource

access = typer.Typer(no_args_is_help=True, help="Who may read, write and edit which images.")

UserArgument = Annotated[str, typer.Argument(metavar="USER", help="Name of the user.")]
LevelArgument = Annotated[
    str, typer.Argument(metavar="LEVEL", help="read (pull), write (push as well) or edit (delete as well).")
]
ResourceArgument = Annotated[
    str, typer.Argument(metavar="ON", help="An organization such as acme, or one image such as acme/web.")
]


@access.command()
def grant(
    user: UserArgument,
    level: LevelArgument,
    on: ResourceArgument,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Give a user a level on an organization or on one image, in place of the one before.

    Example: wherry access grant ci write acme/web
    """
    from wherry.access.grants import grant as give
    from wherry.access.levels import Level
    from wherry.access.resources import Resource
    from wherry.audit.entries import Target
    from wherry.identity.users import get_user
    from wherry.kit.clock import SystemClock

    try:
        wanted = Level.parse(level)
    except ValueError as error:
        fail(str(error), 2)
    with open_database(data, config) as database:
        resource, now = Resource.parse(on), SystemClock().now()
        change(
            database,
            _action(resource),
            Target.resource(resource),
            lambda tx: give(tx, get_user(tx, user).id, resource, wanted, None, now),
            {"user": user, "level": wanted.word},
        )
    typer.echo(f"{user} has {wanted.word} on the {resource} now.")


@access.command()
def revoke(
    user: UserArgument, on: ResourceArgument, data: DataOption = None, config: ConfigOption = None
) -> None:
    """Take back what a user was given on an organization or on one image; it ends with the next request.

    Example: wherry access revoke ci acme/web
    """
    from wherry.access.grants import revoke as take_back
    from wherry.access.levels import Level
    from wherry.access.resources import Resource
    from wherry.audit.entries import Target
    from wherry.identity.users import get_user

    with open_database(data, config) as database:
        resource = Resource.parse(on)

        def work(tx: Connection) -> None:
            if not take_back(tx, get_user(tx, user).id, resource):
                fail(f"{user} was given nothing on the {resource}.")

        told = {"user": user, "level": Level.NONE.word}
        change(database, _action(resource), Target.resource(resource), work, told)
    typer.echo(f"{user} has nothing on the {resource} any more.")


def _action(resource: Resource) -> Action:
    from wherry.access.actions import Action
    from wherry.access.resources import Kind

    return Action.IMAGE_GRANT if resource.kind is Kind.IMAGE else Action.ORGANIZATION_GRANT


@access.command("list")
def list_all(
    user: Annotated[str | None, typer.Option("--user", help="What this user was given.")] = None,
    on: Annotated[str | None, typer.Option("--on", help="Who was given what on this.")] = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print who was given which level on what.

    Example: wherry access list --on acme
    """
    from wherry.access.grants import list_grants
    from wherry.access.resources import Resource

    with open_database(data, config) as database:
        resource = Resource.parse(on) if on else None
        found = database.read_now(lambda tx: list_grants(tx, resource=resource, user=user))
    rows: list[dict[str, Any]] = [
        {
            "user": given.user,
            "level": given.level.word,
            "kind": given.resource.kind.value,
            "on": given.resource.name,
            "granted": given.granted_at,
        }
        for given in found
    ]
    print_rows(rows, ["user", "level", "kind", "on", "granted"], as_json=as_json)


@access.command()
def explain(
    user: UserArgument,
    action: Annotated[str, typer.Argument(metavar="ACTION", help="pull, push or delete.")],
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="Whole name of an image, such as acme/web.")],
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say whether a user may do something with an image, and why or why not.

    Example: wherry access explain ci push acme/web
    """
    from wherry.access.actions import Action
    from wherry.kit.clock import SystemClock
    from wherry.oci.names import RepositoryName
    from wherry.registry.explain import explain as decide

    actions = {"pull": Action.IMAGE_PULL, "push": Action.IMAGE_PUSH, "delete": Action.IMAGE_DELETE}
    if action not in actions:
        fail(f"{action!r} is no action; valid are {', '.join(actions)}.", 2)
    with open_database(data, config) as database:
        name, now = RepositoryName.parse(image), SystemClock().now()
        decision = database.read_now(lambda tx: decide(tx, user, actions[action], name, now))
    print_record({"allowed": decision.allowed, "reason": decision.reason}, as_json=as_json)
