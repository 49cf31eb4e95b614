"""``wherry robot``: logins for machines, which an organization holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from wherry.cli.data_folder import change, open_database
from wherry.cli.options import ConfigOption, DataOption, JsonOption, fail
from wherry.cli.output import print_rows
from wherry.cli.server import Server, ServerOption, moment
from wherry.cli.team import split

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from wherry.access.levels import Level
    from wherry.access.resources import Resource
    from wherry.audit.entries import Target

robots = typer.Typer(no_args_is_help=True, help="Logins for machines, which an organization holds.")

RobotArgument = Annotated[
    str, typer.Argument(metavar="ORGANIZATION/ROBOT", help="Whole name of the robot, such as acme/ci.")
]

_COLUMNS = ["user", "description", "disabled", "keys", "rights", "created"]


@robots.command()
def create(
    robot: RobotArgument,
    right: Annotated[
        list[str] | None,
        typer.Option("--right", help="What it may, such as acme/web=write; may be repeated."),
    ] = None,
    description: Annotated[str, typer.Option("--description", help="What the robot is for.")] = "",
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Make a robot with its rights. It is the user ORGANIZATION+ROBOT, and logs in by access keys only.

    Example: wherry robot create acme/ci --right acme/web=write
    """
    from wherry.access.actions import Action
    from wherry.access.grants import grant
    from wherry.identity.robots import Robot, create_robot
    from wherry.kit.clock import SystemClock

    organization, name = split(robot, "robot")
    rights, now = _rights(right or []), SystemClock().now()

    def work(tx: Connection) -> Robot:
        made = create_robot(tx, organization, name, description, None, now)
        for resource, level in rights:
            grant(tx, made.user_id, resource, level, None, now)
        return made

    if server is not None:
        given = [{"resource": on.scope, "level": level.word} for on, level in rights]
        wanted = {"name": name, "description": description, "rights": given}
        user = server.call("POST", "organizations", organization, "robots", body=wanted)["user"]
    else:
        with open_database(data, config) as database:
            user = change(
                database,
                Action.ROBOT_CHANGE,
                _target(robot),
                work,
                {"change": "created", "rights": [f"{on.scope}={level.word}" for on, level in rights]},
            ).user_name
    typer.echo(
        f"{organization} has the robot {name} now. Make a key for it:\n"
        f"  wherry key create --user {user} --csv credentials.csv"
    )


@robots.command("list")
def list_all(
    organization: Annotated[str, typer.Argument(metavar="ORGANIZATION", help="Which one's robots.")],
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print an organization's robots, and what each may.

    Example: wherry robot list acme
    """
    from wherry.access.grants import list_grants
    from wherry.identity.organizations import get_organization
    from wherry.identity.robots import list_robots

    def found(tx: Connection) -> list[dict[str, Any]]:
        get_organization(tx, organization)
        return [
            {
                "user": each.user_name,
                "description": each.description,
                "disabled": each.is_disabled,
                "keys": each.key_count,
                "rights": [
                    f"{given.resource.scope}={given.level.word}"
                    for given in list_grants(tx, user=each.user_name)
                ],
                "created": each.created_at,
            }
            for each in list_robots(tx, organization)
        ]

    if server is not None:
        rows = _told(server, organization)
    else:
        with open_database(data, config) as database:
            rows = database.read_now(found)
    print_rows(rows, _COLUMNS, as_json=as_json)


@robots.command()
def delete(
    robot: RobotArgument, server: ServerOption = None, data: DataOption = None, config: ConfigOption = None
) -> None:
    """Delete a robot with its keys and rights.

    Example: wherry robot delete acme/ci
    """
    from wherry.access.actions import Action
    from wherry.identity.robots import delete_robot

    organization, name = split(robot, "robot")
    if server is not None:
        server.call("DELETE", "organizations", organization, "robots", name)
    else:
        with open_database(data, config) as database:
            change(
                database,
                Action.ROBOT_CHANGE,
                _target(robot),
                lambda tx: delete_robot(tx, organization, name),
                {"change": "deleted"},
            )
    typer.echo(f"{organization} has no robot {name} any more.")


def _told(server: Server, organization: str) -> list[dict[str, Any]]:
    """Robots as the API shows them; it tells the rights with each one only."""
    path = ("organizations", organization, "robots")
    found = [server.get(*path, each["name"]) for each in server.list(*path).items]
    return [
        {
            "user": each["user"],
            "description": each["description"],
            "disabled": each["is_disabled"],
            "keys": each["key_count"],
            "rights": [f"{given['resource']}={given['level']}" for given in each["rights"]],
            "created": moment(each["created_at"]),
        }
        for each in found
    ]


def _rights(texts: list[str]) -> list[tuple[Resource, Level]]:
    from wherry.access.levels import Level
    from wherry.access.resources import Resource
    from wherry.oci.errors import InvalidName

    rights = []
    for text in texts:
        on, _, level = text.partition("=")
        try:
            rights.append((Resource.parse(on), Level.parse(level)))
        except (InvalidName, ValueError) as error:
            fail(f"--right {text}: {error}", 2)
    return rights


def _target(robot: str) -> Target:
    from wherry.audit.entries import Kind, Target

    return Target(Kind.ROBOT, robot, split(robot, "robot")[0])
