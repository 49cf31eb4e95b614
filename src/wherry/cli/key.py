"""``wherry key`` and ``wherry login-key``: access keys for programs, and the passwords made of them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from wherry.cli.data_folder import change, open_database
from wherry.cli.options import ConfigOption, DataOption, JsonOption, fail, resolve
from wherry.cli.output import print_json, print_rows
from wherry.cli.server import Server, ServerOption, moment

if TYPE_CHECKING:
    from sqlalchemy import Connection

keys = typer.Typer(no_args_is_help=True, help="Access keys: logins for programs, each with its own limits.")

KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help="Id of the access key.")]

OwnerOption = Annotated[
    str | None,
    typer.Option("--user", help="With --server: whose key it is; else it is your own.", show_default=False),
]

_COLUMNS = ["id", "user", "name", "scope", "expires", "disabled", "last_used", "last_used_from"]
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


@keys.command()
def create(
    user: Annotated[str, typer.Option("--user", help="Whose key it is: it may what the user may.")],
    csv: Annotated[Path, typer.Option("--csv", help="File for the key and its secret; must not exist.")],
    name: Annotated[str, typer.Option("--name", help="What it is for.")] = "key",
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", help="At the most this, such as acme/web=write; may be repeated."),
    ] = None,
    expires: Annotated[str | None, typer.Option("--expires", help="Ends after this long: 12h, 90d.")] = None,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Make an access key and write its credentials.csv. The secret is shown nowhere else, and never again.

    Example: wherry key create --user ci --csv credentials.csv --scope acme=write --expires 90d
    """
    from wherry.access.actions import Action
    from wherry.app import open_sealer
    from wherry.audit.entries import Target
    from wherry.identity.access_keys import create_access_key
    from wherry.identity.credentials_csv import Credentials, write_credentials
    from wherry.identity.users import get_user
    from wherry.kit.clock import SystemClock

    limits, lifetime = _scope(scope), lifetime_of(expires)
    now = SystemClock().now()
    ends = None if lifetime is None else now + lifetime
    if server is not None:
        wanted = {
            "name": name,
            "scope": _told_scope(limits),
            "expires_at": None if ends is None else ends.isoformat(),
        }
        with _new_file(csv) as file:
            told = server.call("POST", *_maker_path(server, user), body=wanted)
            file.write(write_credentials(Credentials(user, told["id"], told["secret"])))
        key_id = told["id"]
    else:
        with open_database(data, config) as database, _new_file(csv) as file:
            sealer = open_sealer(resolve(config=config, data=data).settings)
            made = change(
                database,
                Action.KEY_CHANGE,
                lambda key: Target.access_key(key.id),
                lambda tx: create_access_key(
                    tx, sealer, get_user(tx, user).id, name, now, scope=limits, expires_at=ends
                ),
                {"change": "created", "user": user, "name": name, "scope": limits, "expires": expires},
            )
            file.write(write_credentials(Credentials(user, made.id, made.secret)))
        key_id = made.id
    typer.echo(f"The access key {key_id} of {user} is in {csv}. Keep it safe: there is no second copy.")


@keys.command()
def rotate(
    key: KeyArgument,
    csv: Annotated[Path, typer.Option("--csv", help="File for the new key; must not exist.")],
    overlap: Annotated[
        str, typer.Option("--overlap", help="How long the old key still works: 0h, 12h, 7d; at most 30d.")
    ] = "24h",
    expires: Annotated[
        str | None,
        typer.Option("--expires", help="The new key ends after this long; else it lives as the old one."),
    ] = None,
    user: OwnerOption = None,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Make a key of the same owner, name and scope; the old one works for a while more, then no longer.

    Example: wherry key rotate 0O3NR0C2YB7J6VUXTZ1K --csv credentials.csv --overlap 7d
    """
    from wherry.access.actions import Action
    from wherry.app import open_sealer
    from wherry.audit.entries import Target
    from wherry.identity.access_keys import AccessKey, NewAccessKey, get_access_key, rotate_access_key
    from wherry.identity.credentials_csv import Credentials, write_credentials
    from wherry.kit.clock import SystemClock

    aside, lifetime = _duration("--overlap", overlap), lifetime_of(expires)
    now = SystemClock().now()
    ends = None if lifetime is None else now + lifetime
    if server is not None:
        path = _maker_path(server, user or server.user)
        wanted = {
            "overlap_seconds": int(aside.total_seconds()),
            "expires_at": None if ends is None else ends.isoformat(),
        }
        with _new_file(csv) as file:
            told = server.call("POST", *path, key, "rotation", body=wanted)
            file.write(write_credentials(Credentials(told["user"], told["id"], told["secret"])))
        _print_rotated(told["id"], told["user"], csv, key, moment(server.get(*path, key)["expires_at"]))
        return
    with open_database(data, config) as database, _new_file(csv) as file:
        sealer = open_sealer(resolve(config=config, data=data).settings)

        def work(tx: Connection) -> tuple[AccessKey, NewAccessKey]:
            new = rotate_access_key(tx, sealer, key, now, overlap=aside, expires_at=ends)
            return get_access_key(tx, key), new

        old, new = change(
            database,
            Action.KEY_CHANGE,
            Target.access_key(key),
            work,
            lambda made: {"change": "rotated", "key": made[1].id, "overlap": overlap, "expires": expires},
        )
        file.write(write_credentials(Credentials(old.user, new.id, new.secret)))
    _print_rotated(new.id, old.user, csv, key, old.expires_at)


def _print_rotated(new: str, user: str, csv: Path, old: str, old_ends: datetime | None) -> None:
    typer.echo(
        f"The access key {new} of {user} is in {csv}. Keep it safe: there is no second copy.\n"
        f"{old} works until {old_ends:%Y-%m-%d %H:%M:%S} UTC."
    )


@keys.command("list")
def list_all(
    user: Annotated[str | None, typer.Option("--user", help="Keys of this user only.")] = None,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print access keys, without their secrets.

    Example: wherry key list --user ci
    """
    from wherry.access.levels import Level
    from wherry.identity.access_keys import list_access_keys

    if server is not None:
        told = server.list(*_keys_path(server, user)).items
        print_rows([_told(key) for key in told], _COLUMNS, as_json=as_json)
        return
    with open_database(data, config) as database:
        found = database.read_now(lambda tx: list_access_keys(tx, user))
    rows: list[dict[str, Any]] = [
        {
            "id": key.id,
            "user": key.user,
            "name": key.name,
            "scope": None
            if key.scope is None
            else [f"{on}={Level(level).word}" for on, level in key.scope.items()],
            "expires": key.expires_at,
            "disabled": key.is_disabled,
            "created": key.created_at,
            "last_used": key.last_used_at,
            "last_used_from": key.last_used_from,
        }
        for key in found
    ]
    print_rows(rows, _COLUMNS, as_json=as_json)


@keys.command()
def disable(
    key: KeyArgument,
    user: OwnerOption = None,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Refuse a key from now on, also tokens that it has got; `enable` brings it back.

    Example: wherry key disable 0O3NR0C2YB7J6VUXTZ1K
    """
    if server is not None:
        server.call("PATCH", *_keys_path(server, user), key, body={"is_disabled": True})
    else:
        _set_disabled(key, True, data, config)
    typer.echo(f"{key} is disabled.")


@keys.command()
def enable(
    key: KeyArgument,
    user: OwnerOption = None,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Let a disabled key log in again.

    Example: wherry key enable 0O3NR0C2YB7J6VUXTZ1K
    """
    if server is not None:
        server.call("PATCH", *_keys_path(server, user), key, body={"is_disabled": False})
    else:
        _set_disabled(key, False, data, config)
    typer.echo(f"{key} is enabled.")


@keys.command()
def delete(
    key: KeyArgument,
    user: OwnerOption = None,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Delete a key for ever.

    Example: wherry key delete 0O3NR0C2YB7J6VUXTZ1K
    """
    from wherry.access.actions import Action
    from wherry.audit.entries import Target
    from wherry.identity.access_keys import delete_access_key

    if server is not None:
        server.call("DELETE", *_keys_path(server, user), key)
    else:
        with open_database(data, config) as database:
            change(
                database,
                Action.KEY_CHANGE,
                Target.access_key(key),
                lambda tx: delete_access_key(tx, key),
                {"change": "deleted"},
            )
    typer.echo(f"{key} is deleted.")


def _set_disabled(key: str, disabled: bool, data: str | None, config: Path | None) -> None:
    from wherry.access.actions import Action
    from wherry.audit.entries import Target
    from wherry.identity.access_keys import set_key_disabled

    with open_database(data, config) as database:
        change(
            database,
            Action.KEY_CHANGE,
            Target.access_key(key),
            lambda tx: set_key_disabled(tx, key, disabled),
            {"change": "disabled" if disabled else "enabled"},
        )


def show_login_key(
    csv: Annotated[Path, typer.Argument(metavar="CREDENTIALS.CSV", help="The file of the key.")],
    region: Annotated[
        str, typer.Option("--region", help="What stands before @ in the user name.")
    ] = "wherry",
    host: Annotated[
        str | None,
        typer.Option(
            "--host",
            help="Print the lines that log in there: registry.example.com, or http://10.0.0.5:5000 where it"
            " has no TLS; 127.0.0.1 and localhost have none unless https:// is before them.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Work out user name and password for any client from a credentials.csv, without a server.

    Example: wherry login-key credentials.csv --host registry.example.com
    """
    from dataclasses import asdict

    from wherry.identity.credentials_csv import InvalidCredentialsFile, read_credentials
    from wherry.identity.login_commands import RegistryLogin, login_commands
    from wherry.identity.login_keys import login_key

    try:
        credentials = read_credentials(csv.read_text(encoding="utf-8"))
    except (InvalidCredentialsFile, UnicodeDecodeError, OSError) as error:
        fail(f"{csv}: {error}")
    user = f"{region}@{credentials.access_key_id}"
    password = login_key(credentials.access_key_id, credentials.secret)
    commands: dict[str, str] = {}
    if host is not None:
        commands = asdict(login_commands(RegistryLogin.at(host, user, password)))
    if as_json:
        print_json({"user": user, "password": password} | ({"commands": commands} if commands else {}))
        return
    typer.echo(f"user      {user}\npassword  {password}")
    for name, line in commands.items():
        typer.echo(f"\n# {name.replace('_', ' ')}\n{line.rstrip()}")


def _keys_path(server: Server, user: str | None) -> tuple[str, ...]:
    """Where the keys of a user or robot are in the API; None is whoever asks."""
    if user in (None, server.user):
        return "me", "keys"
    assert user is not None
    organization, plus, robot = user.partition("+")
    if plus:
        return "organizations", organization, "robots", robot, "keys"
    return "users", user, "keys"


def _maker_path(server: Server, user: str) -> tuple[str, ...]:
    """The same, where keys are made: a server gives nobody the secrets of another person."""
    path = _keys_path(server, user)
    if path[0] == "users":
        fail(f"over the API only {user} can make a key of {user}; without --server it works on the folder.")
    return path


def _told(key: dict[str, Any]) -> dict[str, Any]:
    """A key as the API shows it."""
    scope = key["scope"]
    return {
        "id": key["id"],
        "user": key["user"],
        "name": key["name"],
        "scope": None if scope is None else [f"{each['resource']}={each['level']}" for each in scope],
        "expires": moment(key["expires_at"]),
        "disabled": key["is_disabled"],
        "created": moment(key["created_at"]),
        "last_used": moment(key["last_used_at"]),
        "last_used_from": key["last_used_from"],
    }


def _told_scope(limits: dict[str, int] | None) -> list[dict[str, str]] | None:
    from wherry.access.levels import Level

    if limits is None:
        return None
    return [{"resource": on, "level": Level(level).word} for on, level in limits.items()]


def _scope(texts: list[str] | None) -> dict[str, int] | None:
    from wherry.access.levels import Level
    from wherry.access.resources import Resource
    from wherry.oci.errors import InvalidName

    if not texts:
        return None
    limits: dict[str, int] = {}
    for text in texts:
        on, _, level = text.partition("=")
        try:
            limits[Resource.parse(on).scope] = int(Level.parse(level or "read"))
        except (InvalidName, ValueError) as error:
            fail(f"--scope {text}: {error}", 2)
    return limits


def lifetime_of(text: str | None) -> timedelta | None:
    """Of an option `--expires`; ends the program where it cannot be read."""
    return None if text is None else _duration("--expires", text)


def _duration(option: str, text: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,5})([hdw])", text)
    if match is None:
        fail(f"{option} {text}: write hours, days or weeks, such as 12h, 90d or 4w", 2)
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


@contextmanager
def _new_file(path: Path) -> Iterator[TextIO]:
    """A file for its owner alone, which is not there yet: no credentials are ever overwritten.

    Where nothing came of it, it goes again: the next try would find it in its way.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        fail(f"{path} is there already, and credentials are never overwritten. Choose another file.")
    except OSError as error:
        fail(f"{path} cannot be written: {error.strerror}")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            yield file
    except BaseException:
        path.unlink(missing_ok=True)
        raise
