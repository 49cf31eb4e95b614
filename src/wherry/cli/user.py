"""``wherry user``: who may log in."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wherry.cli.data_folder import change, open_database
from wherry.cli.options import ConfigOption, DataOption, JsonOption, fail
from wherry.cli.output import print_rows
from wherry.cli.server import Server, ServerOption, moment

if TYPE_CHECKING:
    from pathlib import Path

    from wherry.identity.users import User

users = typer.Typer(no_args_is_help=True, help="Who may log in.")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name that the user logs in with.")]
PasswordStdin = Annotated[
    bool,
    typer.Option("--password-stdin", help="Read the password from standard input instead of asking for it."),
]

_COLUMNS = ["name", "admin", "disabled", "created"]


@users.command("list")
def list_all(
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print every user.

    Example: wherry user list --data /srv/wherry
    """
    from wherry.identity.users import list_users

    if server is not None:
        rows = [_told(user) for user in server.list("users").items]
    else:
        with open_database(data, config) as database:
            rows = [_row(user) for user in database.read_now(list_users)]
    print_rows(rows, _COLUMNS, as_json=as_json)


@users.command()
def create(
    name: NameArgument,
    password_stdin: PasswordStdin = False,
    admin: Annotated[bool, typer.Option("--admin", help="May do everything.")] = False,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a user.

    Example: wherry user create ci --password-stdin < password.txt
    """
    from wherry.access.actions import Action
    from wherry.audit.entries import Target
    from wherry.identity.passwords import Passwords
    from wherry.identity.users import create_user
    from wherry.kit.clock import SystemClock

    if server is not None:
        wanted = {"name": name, "role": "admin" if admin else "user"}
        wanted["password"] = _ask_password(name, password_stdin)
        print_rows([_told(server.call("POST", "users", body=wanted))], _COLUMNS, as_json=as_json)
        return
    with open_database(data, config) as database:
        password_hash = Passwords().hash_now(_ask_password(name, password_stdin))
        now = SystemClock().now()
        made = change(
            database,
            Action.USER_CHANGE,
            Target.user(name),
            lambda tx: create_user(tx, name, password_hash, now, is_admin=admin),
            {"change": "created", "is_admin": admin},
        )
    print_rows([_row(made)], _COLUMNS, as_json=as_json)


@users.command()
def password(
    name: NameArgument,
    password_stdin: PasswordStdin = False,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Give a user another password; logins with the old one end at once.

    Example: wherry user password admin --password-stdin < password.txt
    """
    from wherry.access.actions import Action
    from wherry.audit.entries import Target
    from wherry.identity.passwords import Passwords
    from wherry.identity.users import set_password

    if server is not None:
        given = {"password": _ask_password(name, password_stdin)}
        server.call("PUT", "users", name, "password", body=given)
    else:
        with open_database(data, config) as database:
            password_hash = Passwords().hash_now(_ask_password(name, password_stdin))
            change(
                database,
                Action.USER_CHANGE,
                Target.user(name),
                lambda tx: set_password(tx, name, password_hash),
                {"change": "another password"},
            )
    typer.echo(f"{name} has another password now.")


@users.command()
def disable(
    name: NameArgument, server: ServerOption = None, data: DataOption = None, config: ConfigOption = None
) -> None:
    """Refuse a user's logins and tokens from now on.

    Example: wherry user disable ci
    """
    _set_disabled(name, True, server, data, config)
    typer.echo(f"{name} cannot log in any more.")


@users.command()
def enable(
    name: NameArgument, server: ServerOption = None, data: DataOption = None, config: ConfigOption = None
) -> None:
    """Let a disabled user log in again.

    Example: wherry user enable ci
    """
    _set_disabled(name, False, server, data, config)
    typer.echo(f"{name} can log in.")


def _set_disabled(
    name: str, disabled: bool, server: Server | None, data: str | None, config: Path | None
) -> None:
    if server is not None:
        server.call("PATCH", "users", name, body={"is_disabled": disabled})
        return
    from wherry.access.actions import Action
    from wherry.audit.entries import Target
    from wherry.identity.users import set_disabled

    with open_database(data, config) as database:
        change(
            database,
            Action.USER_CHANGE,
            Target.user(name),
            lambda tx: set_disabled(tx, name, disabled),
            {"change": "disabled" if disabled else "enabled"},
        )


def _ask_password(name: str, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        fail("there is no terminal to ask for the password on: give it with --password-stdin.", 2)
    return str(typer.prompt(f"Password for {name}", hide_input=True, confirmation_prompt=True))


def _row(user: User) -> dict[str, Any]:
    return {
        "name": user.name,
        "admin": user.is_admin,
        "disabled": user.is_disabled,
        "created": user.created_at,
    }


def _told(user: dict[str, Any]) -> dict[str, Any]:
    """The same, of a user as the API shows them."""
    return {
        "name": user["name"],
        "admin": user["role"] == "admin",
        "disabled": user["is_disabled"],
        "created": moment(user["created_at"]),
    }
