"""``wherry access``: who may read, write and edit which images, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from wherry.cli.data_folder import change, open_database
from wherry.cli.options import ConfigOption, DataOption, JsonOption, fail
from wherry.cli.output import print_record, print_rows
from wherry.cli.server import Server, ServerOption, moment, resource_path
from wherry.cli.team import split

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from wherry.access.actions import Action
    from wherry.access.resources import Resource

access = typer.Typer(no_args_is_help=True, help="Who may read, write and edit which images.")

UserArgument = Annotated[str, typer.Argument(metavar="USER", help="Name of the user.")]
HolderArgument = Annotated[
    str, typer.Argument(metavar="USER", help="Name of the user; with --team of the team, such as acme/web.")
]
TeamOption = Annotated[bool, typer.Option("--team", help="A team, whose members all have the right.")]
LevelArgument = Annotated[
    str, typer.Argument(metavar="LEVEL", help="read (pull), write (push as well) or edit (delete as well).")
]
ResourceArgument = Annotated[
    str, typer.Argument(metavar="ON", help="An organization such as acme, or one image such as acme/web.")
]

_COLUMNS = ["user", "team", "level", "kind", "on", "granted"]


@access.command()
def grant(
    holder: HolderArgument,
    level: LevelArgument,
    on: ResourceArgument,
    team: TeamOption = False,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Give a user or a team a level on an organization or on one image, in place of the one before.

    Example: wherry access grant ci write acme/web
    """
    from wherry.access.grants import grant as give
    from wherry.access.levels import Level
    from wherry.access.resources import Resource
    from wherry.access.team_grants import grant_to_team
    from wherry.audit.entries import Target
    from wherry.identity.teams import get_team
    from wherry.identity.users import get_user
    from wherry.kit.clock import SystemClock

    try:
        wanted = Level.parse(level)
    except ValueError as error:
        fail(str(error), 2)
    if server is not None:
        path = _permission_path(on, holder, is_team=team)
        server.call("PUT", *path, body={"level": wanted.word})
        typer.echo(f"{holder} has {wanted.word} on the {Resource.parse(on)} now.")
        return
    with open_database(data, config) as database:
        resource, now = Resource.parse(on), SystemClock().now()

        def work(tx: Connection) -> None:
            if team:
                grant_to_team(tx, get_team(tx, *split(holder)), resource, wanted, None, now)
            else:
                give(tx, get_user(tx, holder).id, resource, wanted, None, now)

        told = {"team" if team else "user": holder, "level": wanted.word}
        change(database, _action(resource), Target.resource(resource), work, told)
    typer.echo(f"{holder} has {wanted.word} on the {resource} now.")


@access.command()
def revoke(
    holder: HolderArgument,
    on: ResourceArgument,
    team: TeamOption = False,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Take back what was given on an organization or on one image; it ends with the next request.

    Example: wherry access revoke ci acme/web
    """
    from wherry.access.grants import revoke as take_back
    from wherry.access.levels import Level
    from wherry.access.resources import Resource
    from wherry.access.team_grants import revoke_from_team
    from wherry.audit.entries import Target
    from wherry.identity.teams import get_team
    from wherry.identity.users import get_user
    from wherry.kit.clock import SystemClock

    if server is not None:
        server.call("DELETE", *_permission_path(on, holder, is_team=team))
        typer.echo(f"{holder} has nothing on the {Resource.parse(on)} any more.")
        return
    with open_database(data, config) as database:
        resource, now = Resource.parse(on), SystemClock().now()

        def work(tx: Connection) -> None:
            if team:
                had = revoke_from_team(tx, get_team(tx, *split(holder)), resource, None, now)
            else:
                had = take_back(tx, get_user(tx, holder).id, resource, None, now)
            if not had:
                fail(f"{holder} was given nothing on the {resource}.")

        told = {"team" if team else "user": holder, "level": Level.NONE.word}
        change(database, _action(resource), Target.resource(resource), work, told)
    typer.echo(f"{holder} has nothing on the {resource} any more.")


def _action(resource: Resource) -> Action:
    from wherry.access.actions import Action
    from wherry.access.resources import Kind

    return Action.IMAGE_GRANT if resource.kind is Kind.IMAGE else Action.ORGANIZATION_GRANT


@access.command("list")
def list_all(
    user: Annotated[str | None, typer.Option("--user", help="What this user was given.")] = None,
    on: Annotated[str | None, typer.Option("--on", help="Who was given what on this.")] = None,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print which users were given which level on what, and without --user which teams.

    Example: wherry access list --on acme
    """
    from wherry.access.grants import Grant, list_grants
    from wherry.access.resources import Resource
    from wherry.access.team_grants import TeamGrant, list_team_grants

    def found(tx: Connection) -> list[Grant | TeamGrant]:
        resource = Resource.parse(on) if on else None
        given = [*list_grants(tx, resource=resource, user=user)]
        teams = [] if user else [*list_team_grants(tx, resource=resource)]
        return sorted([*given, *teams], key=lambda each: (each.resource.name, each.resource.kind))

    if server is not None:
        print_rows(_told_rights(server, user, on), _COLUMNS, as_json=as_json)
        return
    with open_database(data, config) as database:
        rights = database.read_now(found)
    rows: list[dict[str, Any]] = [
        {
            "user": given.user if isinstance(given, Grant) else None,
            "team": None if isinstance(given, Grant) else f"{given.organization}/{given.team}",
            "level": given.level.word,
            "kind": given.resource.kind.value,
            "on": given.resource.name,
            "granted": given.granted_at,
        }
        for given in rights
    ]
    print_rows(rows, _COLUMNS, as_json=as_json)


@access.command()
def explain(
    user: UserArgument,
    action: Annotated[
        str,
        typer.Argument(
            metavar="ACTION", help="pull, push or delete, or any action of the API such as image.publish."
        ),
    ],
    on: Annotated[
        str | None,
        typer.Argument(
            metavar="ON", help="An organization such as acme, or an image such as acme/web; none for some."
        ),
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", metavar="KEY", help="For a login by this access key of the user.")
    ] = None,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say whether a user or robot may do something, why or why not, and where each right comes from.

    Example: wherry access explain ci push acme/web
    """
    from wherry.access.resources import Resource
    from wherry.kit.clock import SystemClock
    from wherry.registry.explain import explain as decide

    wanted = _named(action)
    if server is not None:
        told = server.get("explanations", action=wanted.value, user=user, resource=on, key=key)
        _print_explanation(told["allowed"], told["reason"], told["rights"], as_json=as_json)
        return
    with open_database(data, config) as database:
        resource, now = None if on is None else Resource.parse(on), SystemClock().now()
        found = database.read_now(lambda tx: decide(tx, user, wanted, resource, now, key_id=key))
    rights = [
        {
            "source": right.source.value,
            "level": right.level.word,
            "words": right.words,
            "suffices": right.suffices,
        }
        for right in found.rights
    ]
    _print_explanation(found.allowed, found.reason, rights, as_json=as_json)


def _print_explanation(allowed: bool, reason: str, rights: list[dict[str, Any]], *, as_json: bool) -> None:
    shown: dict[str, Any] = {"allowed": allowed, "reason": reason}
    if as_json:
        print_record(shown | {"rights": rights}, as_json=True)
        return
    print_record(shown, as_json=False)
    for right in rights:
        typer.echo(f"{'limit' if right['source'] == 'key' else 'right':<7}  {right['words']}")


def _permission_path(on: str, holder: str, *, is_team: bool) -> tuple[str, ...]:
    """What a user or team was given on it, in the API. A team has rights in its organization only."""
    path = resource_path(on)
    if not is_team:
        return *path, "permissions", "users", holder
    organization, name = split(holder)
    if organization != path[1]:
        fail(f"the team {holder} can have rights on {organization} and on images of it only.")
    return *path, "permissions", "teams", name


def _told_rights(server: Server, user: str | None, on: str | None) -> list[dict[str, Any]]:
    """Rights as the API shows them: those of users first, then those of teams."""
    if on is None:
        fail("a server tells who has rights on one thing: say on which, with --on.", 2)
    path = resource_path(on)
    found = [each for each in server.list(*path, "permissions").items if not each["inherited"]]
    rows = [
        {
            "user": None if each["holder"] == "team" else each["name"],
            "team": f"{path[1]}/{each['name']}" if each["holder"] == "team" else None,
            "level": each["level"],
            "kind": each["on"],
            "on": on,
            "granted": moment(each["granted_at"]),
        }
        for each in found
        if user is None or (each["holder"] != "team" and each["name"] == user)
    ]
    return sorted(rows, key=lambda row: (row["user"] is None, row["user"] or row["team"]))


def _named(text: str) -> Action:
    """By its name, or by the word that people have for it."""
    from wherry.access.actions import Action

    words = {"pull": Action.IMAGE_PULL, "push": Action.IMAGE_PUSH, "delete": Action.IMAGE_DELETE}
    try:
        return words.get(text) or Action(text)
    except ValueError:
        valid = ", ".join([*words, *(action.value for action in Action)])
        fail(f"{text!r} is no action; valid are {valid}.", 2)
