"""The commands of ``wherry user`` on how people get in: links, sessions in browsers, ties to a provider."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wherry.cli.data_folder import change, open_database
from wherry.cli.greeting import public_address
from wherry.cli.options import ConfigOption, DataOption, JsonOption, fail, resolve
from wherry.cli.output import print_record, print_rows
from wherry.cli.user import NameArgument, users

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from wherry.access.levels import Level
    from wherry.access.resources import Resource
    from wherry.identity.one_time_links import Link

LifetimeOption = Annotated[
    str | None,
    typer.Option(
        "--lifetime",
        help="How long the link can be used, 1h to 7d (default: 7d for an invitation, 24h for a reset).",
        show_default=False,
        metavar="DURATION",
    ),
]
UrlOption = Annotated[
    str | None,
    typer.Option(
        "--url",
        help="Address of the registry in the link (default: public_url, or host and port of the settings).",
        show_default=False,
    ),
]

__all__ = ["users"]

_SESSION_COLUMNS = ["signed_in", "by", "last_seen", "ends", "address", "browser"]


@users.command()
def invite(
    name: NameArgument,
    grant: Annotated[
        list[str] | None,
        typer.Option(
            "--grant", help="Give this right at once, such as acme=read or acme/web=write; may be repeated."
        ),
    ] = None,
    admin: Annotated[bool, typer.Option("--admin", help="May do everything.")] = False,
    auditor: Annotated[bool, typer.Option("--auditor", help="Sees everything, changes nothing.")] = False,
    lifetime: LifetimeOption = None,
    url: UrlOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a user and print a link to send them: they open it once and set a password.

    Example: wherry user invite ann --grant acme=read
    """
    from wherry.access.actions import Action
    from wherry.access.grants import grant as give
    from wherry.audit.entries import Target
    from wherry.identity.one_time_links import invite_user
    from wherry.kit.clock import SystemClock

    lasts, rights, now = _duration(lifetime), _rights(grant), SystemClock().now()

    def work(tx: Connection) -> Link:
        link = invite_user(tx, name, now, lifetime=lasts, is_admin=admin, is_auditor=auditor)
        for resource, level in rights:
            give(tx, link.user.id, resource, level, None, now)
        return link

    with open_database(data, config) as database:
        detail = {"change": "invited", "is_admin": admin, "is_auditor": auditor}
        given = {str(resource): level.word for resource, level in rights}
        made = change(database, Action.USER_CHANGE, Target.user(name), work, {**detail, "grants": given})
    _print_link(made, url, data, config, as_json=as_json)


@users.command("reset-link")
def reset_link(
    name: NameArgument,
    lifetime: LifetimeOption = None,
    url: UrlOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a link by which a user sets another password; for who was invited it is a new invitation.

    Links that were made for the user before are not valid any more.

    Example: wherry user reset-link ann
    """
    from wherry.access.actions import Action
    from wherry.audit.entries import Target
    from wherry.identity.one_time_links import make_reset_link
    from wherry.kit.clock import SystemClock

    lasts, now = _duration(lifetime), SystemClock().now()
    with open_database(data, config) as database:
        made = change(
            database,
            Action.USER_CHANGE,
            Target.user(name),
            lambda tx: make_reset_link(tx, name, now, lifetime=lasts),
            {"change": "a link to set a password"},
        )
    _print_link(made, url, data, config, as_json=as_json)


@users.command()
def sessions(
    name: NameArgument,
    end: Annotated[bool, typer.Option("--end", help="End all of them.")] = False,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the browsers that a user is signed in with.

    Example: wherry user sessions ann --end
    """
    from wherry.access.actions import Action
    from wherry.audit.entries import Target
    from wherry.identity.sessions import SessionRules, end_sessions, list_sessions
    from wherry.identity.users import get_user
    from wherry.kit.clock import SystemClock

    auth, now = resolve(config=config, data=data).settings.auth, SystemClock().now()
    rules = SessionRules(auth.session_lifetime, auth.session_idle)
    with open_database(data, config) as database:
        user = database.read_now(lambda tx: get_user(tx, name))
        found = database.read_now(lambda tx: list_sessions(tx, user.id, now, rules))
        if end:
            change(
                database,
                Action.USER_CHANGE,
                Target.user(name),
                lambda tx: end_sessions(tx, user.id),
                {"change": "sessions ended"},
            )
    rows: list[dict[str, Any]] = [
        {
            "id": session.id,
            "signed_in": session.made_at,
            "by": session.way.value,
            "last_seen": session.seen_at,
            "ends": now if end else session.ends_at,
            "address": session.address,
            "browser": session.agent,
        }
        for session in found
    ]
    print_rows(rows, _SESSION_COLUMNS, as_json=as_json, empty=f"{name} is signed in nowhere.")


@users.command()
def link(
    name: NameArgument,
    subject: Annotated[
        str, typer.Option("--subject", help="The provider's id of the person, as its refusal showed it.")
    ],
    issuer: Annotated[
        str | None,
        typer.Option("--issuer", help="The provider (default: oidc.issuer).", show_default=False),
    ] = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Let a person of the OpenID Connect provider sign in as this user.

    Example: wherry user link ann --subject 00u1a2b3c4
    """
    from wherry.access.actions import Action
    from wherry.audit.entries import Target
    from wherry.identity.federated_users import link_user
    from wherry.kit.clock import SystemClock

    whose = issuer or resolve(config=config, data=data).settings.oidc.issuer
    if whose is None:
        fail("oidc.issuer is not set: name the provider with --issuer.", 2)
    now = SystemClock().now()
    with open_database(data, config) as database:
        change(
            database,
            Action.USER_CHANGE,
            Target.user(name),
            lambda tx: link_user(tx, name, whose, subject, now),
            {"change": "linked", "issuer": whose, "subject": subject},
        )
    typer.echo(f"The subject {subject} of {whose} signs in as {name} now.")


@users.command()
def unlink(name: NameArgument, data: DataOption = None, config: ConfigOption = None) -> None:
    """Take a user's ties to the provider away, and end their sessions.

    Example: wherry user unlink ann
    """
    from wherry.access.actions import Action
    from wherry.audit.entries import Target
    from wherry.identity.federated_users import unlink_user
    from wherry.identity.sessions import end_sessions
    from wherry.identity.users import get_user

    def work(tx: Connection) -> int:
        end_sessions(tx, get_user(tx, name).id)
        return unlink_user(tx, name)

    with open_database(data, config) as database:
        count = change(database, Action.USER_CHANGE, Target.user(name), work, {"change": "unlinked"})
    typer.echo(f"{name} was linked to {count} and is linked to nobody now.")


def _print_link(made: Link, url: str | None, data: str | None, config: Path | None, *, as_json: bool) -> None:
    address = (url or public_address(resolve(config=config, data=data).settings)).rstrip("/")
    record = {
        "user": made.user.name,
        "purpose": made.purpose.value,
        "link": f"{address}/console/links/{made.token}",
        "expires": made.expires_at,
    }
    print_record(record, as_json=as_json)


def _duration(text: str | None) -> timedelta | None:
    from wherry.settings.kinds import DURATION

    if text is None:
        return None
    try:
        return DURATION.parse(text)
    except ValueError:
        fail(f"--lifetime {text}: must be {DURATION.accepts}.", 2)


def _rights(texts: list[str] | None) -> list[tuple[Resource, Level]]:
    from wherry.access.levels import Level
    from wherry.access.resources import Resource
    from wherry.oci.errors import InvalidName

    rights = []
    for text in texts or []:
        on, _, level = text.partition("=")
        try:
            rights.append((Resource.parse(on), Level.parse(level or "read")))
        except (InvalidName, ValueError) as error:
            fail(f"--grant {text}: {error}", 2)
    return rights
