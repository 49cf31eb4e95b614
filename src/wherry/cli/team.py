"""``wherry team``: people who have rights together, by organization."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from wherry.cli.data_folder import change, open_database
from wherry.cli.options import ConfigOption, DataOption, JsonOption, fail
from wherry.cli.output import print_record, print_rows
from wherry.cli.server import Server, ServerOption, moment

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from wherry.audit.entries import Target

teams = typer.Typer(no_args_is_help=True, help="People who have rights together, by organization.")

TeamArgument = Annotated[
    str, typer.Argument(metavar="ORGANIZATION/TEAM", help="Whole name of the team, such as acme/web.")
]
UserArgument = Annotated[str, typer.Argument(metavar="USER", help="Name of the user.")]

_COLUMNS = ["organization", "name", "description", "oidc_group", "members", "created"]


@teams.command()
def create(
    team: TeamArgument,
    description: Annotated[str, typer.Option("--description", help="What the team is for.")] = "",
    group: Annotated[
        str | None,
        typer.Option("--group", help="People of this group of the sign-in service become members."),
    ] = None,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Make a team; add members, and give it rights with `wherry access grant --team`.

    Example: wherry team create acme/web --description "who builds the site"
    """
    from wherry.access.actions import Action
    from wherry.identity.teams import create_team
    from wherry.kit.clock import SystemClock

    organization, name = split(team)
    now = SystemClock().now()
    if server is not None:
        wanted = {"name": name, "description": description, "oidc_group": group}
        server.call("POST", "organizations", organization, "teams", body=wanted)
    else:
        with open_database(data, config) as database:
            change(
                database,
                Action.TEAM_CHANGE,
                _target(team),
                lambda tx: create_team(
                    tx, organization, name, None, now, description=description, oidc_group=group
                ),
                {"change": "created", "oidc_group": group},
            )
    typer.echo(f"{organization} has the team {name} now.")


@teams.command("list")
def list_all(
    organization: Annotated[
        str | None, typer.Argument(metavar="[ORGANIZATION]", help="Teams of this one only.")
    ] = None,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print teams.

    Example: wherry team list acme
    """
    from wherry.identity.organizations import get_organization
    from wherry.identity.teams import list_teams

    def found(tx: Connection) -> list[dict[str, Any]]:
        if organization is not None:
            get_organization(tx, organization)
        return [
            {
                "organization": each.organization,
                "name": each.name,
                "description": each.description,
                "oidc_group": each.oidc_group,
                "members": each.member_count,
                "created": each.created_at,
            }
            for each in list_teams(tx, organization=organization)
        ]

    if server is not None:
        rows = _told_teams(server, organization)
    else:
        with open_database(data, config) as database:
            rows = database.read_now(found)
    print_rows(rows, _COLUMNS, as_json=as_json)


@teams.command()
def show(
    team: TeamArgument,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print who is in a team, and what the team may.

    Example: wherry team show acme/web
    """
    from wherry.access.team_grants import list_team_grants
    from wherry.identity.teams import get_team, list_members

    organization, name = split(team)

    def found(tx: Connection) -> dict[str, Any]:
        one = get_team(tx, organization, name)
        return {
            "organization": one.organization,
            "name": one.name,
            "description": one.description,
            "oidc_group": one.oidc_group,
            "created": one.created_at,
            "members": [each.user for each in list_members(tx, one)],
            "rights": [f"{each.resource.scope}={each.level.word}" for each in list_team_grants(tx, team=one)],
        }

    if server is not None:
        record = _told_team(server, organization, name)
    else:
        with open_database(data, config) as database:
            record = database.read_now(found)
    print_record(record, as_json=as_json)


@teams.command()
def delete(
    team: TeamArgument, server: ServerOption = None, data: DataOption = None, config: ConfigOption = None
) -> None:
    """Delete a team; what its members had by it ends with the next request.

    Example: wherry team delete acme/web
    """
    from wherry.access.actions import Action
    from wherry.identity.teams import delete_team

    organization, name = split(team)
    if server is not None:
        server.call("DELETE", "organizations", organization, "teams", name)
    else:
        with open_database(data, config) as database:
            change(
                database,
                Action.TEAM_CHANGE,
                _target(team),
                lambda tx: delete_team(tx, organization, name),
                {"change": "deleted"},
            )
    typer.echo(f"{organization} has no team {name} any more.")


@teams.command()
def add(
    team: TeamArgument,
    user: UserArgument,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Let a user be in a team; no sign-in takes them away.

    Example: wherry team add acme/web ann
    """
    from wherry.access.actions import Action
    from wherry.identity.teams import add_member, get_team
    from wherry.identity.users import get_user
    from wherry.kit.clock import SystemClock

    organization, name = split(team)
    now = SystemClock().now()
    if server is not None:
        server.call("PUT", "organizations", organization, "teams", name, "members", user)
    else:
        with open_database(data, config) as database:
            change(
                database,
                Action.TEAM_CHANGE,
                _target(team),
                lambda tx: add_member(tx, get_team(tx, organization, name), get_user(tx, user).id, now),
                {"added": user},
            )
    typer.echo(f"{user} is in {team} now.")


@teams.command()
def remove(
    team: TeamArgument,
    user: UserArgument,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Take a user out of a team; what they had by it ends with the next request.

    Example: wherry team remove acme/web ann
    """
    from wherry.access.actions import Action
    from wherry.identity.teams import get_team, remove_member
    from wherry.identity.users import get_user

    organization, name = split(team)

    def work(tx: Connection) -> None:
        if not remove_member(tx, get_team(tx, organization, name), get_user(tx, user).id):
            fail(f"{user} is not in {team}.")

    if server is not None:
        server.call("DELETE", "organizations", organization, "teams", name, "members", user)
    else:
        with open_database(data, config) as database:
            change(database, Action.TEAM_CHANGE, _target(team), work, {"removed": user})
    typer.echo(f"{user} is not in {team} any more.")


def _told_teams(server: Server, organization: str | None) -> list[dict[str, Any]]:
    """Teams as the API shows them, of one organization or of all."""
    wanted = [organization] if organization else [each["name"] for each in server.list("organizations").items]
    return [
        {
            "organization": each["organization"],
            "name": each["name"],
            "description": each["description"],
            "oidc_group": each["oidc_group"],
            "members": each["member_count"],
            "created": moment(each["created_at"]),
        }
        for name in wanted
        for each in server.list("organizations", name, "teams").items
    ]


def _told_team(server: Server, organization: str, name: str) -> dict[str, Any]:
    """One team as the API shows it."""
    path = ("organizations", organization, "teams", name)
    team, members = server.get(*path), server.list(*path, "members").items
    return {
        "organization": team["organization"],
        "name": team["name"],
        "description": team["description"],
        "oidc_group": team["oidc_group"],
        "created": moment(team["created_at"]),
        "members": [each["user"] for each in members],
        "rights": [f"{given['resource']}={given['level']}" for given in team["rights"]],
    }


def split(text: str, kind: str = "team") -> tuple[str, str]:
    """Organization and name of `acme/web`; ends the program where it is something else."""
    organization, slash, name = text.partition("/")
    if not organization or not slash or not name or "/" in name:
        fail(f"{text!r} is no {kind}: write its organization and its name, such as acme/web.", 2)
    return organization, name


def _target(team: str) -> Target:
    from wherry.audit.entries import Kind, Target

    return Target(Kind.TEAM, team, split(team)[0])
