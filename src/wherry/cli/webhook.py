"""``wherry webhook``: who is told of what happens."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wherry.cli import webhook_deliveries
from wherry.cli.cluster_calls import sealer_of
from wherry.cli.data_folder import open_database
from wherry.cli.options import ConfigOption, DataOption, JsonOption, fail
from wherry.cli.output import print_record, print_rows
from wherry.cli.server import ApiCall, ServerOption, moment
from wherry.cli.webhook_calls import OrganizationOption, Owner, WebhookArgument
from wherry.cli.webhook_sender import senders

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from wherry.webhooks.webhook import Format, Webhook

webhooks = typer.Typer(no_args_is_help=True, help="Who is told of what happens.")
webhooks.add_typer(senders, name="sender")

KindsOption = Annotated[
    list[str] | None, typer.Option("--event", help="Such as tag.moved; may be repeated. Without: all.")
]


@webhooks.command()
def create(
    name: WebhookArgument,
    url: Annotated[str, typer.Argument(metavar="URL", help="Where events go; for mail, an address.")],
    organization: OrganizationOption = None,
    kinds: KindsOption = None,
    images: Annotated[str, typer.Option("--images", help="Glob pattern of images.")] = "*",
    tags: Annotated[str, typer.Option("--tags", help="Glob pattern of tags.")] = "*",
    form: Annotated[
        str, typer.Option("--format", help="cloudevents, slack, teams, mattermost or mail.")
    ] = "cloudevents",
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Make a webhook. The secret that its deliveries are signed with is printed this once.

    Example: wherry webhook create ci https://ci.example.com/hook --organization acme --event tag.moved
    """
    from wherry.webhooks.webhook import Wanted, create_webhook

    wanted = Wanted(url, _format(form), tuple(kinds or ()), images, tags)

    def work(tx: Connection, now: datetime) -> str:
        sealer, offered = sealer_of(data, config), _offered()
        return create_webhook(tx, sealer, name, organization, wanted, None, now, offered=offered)[1]

    secret = Owner(organization, server, data, config).change(
        ApiCall("POST", ("webhooks",), {"name": name, **asdict(wanted)}),
        work,
        {"webhook": name, "change": "created"},
        _secret,
    )
    typer.echo(f"The webhook {name} is made. Its deliveries are signed with\n  {secret}")


@webhooks.command("list")
def list_all(
    organization: OrganizationOption = None,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the webhooks of an organization, or of the site.

    Example: wherry webhook list --organization acme
    """
    from wherry.webhooks.webhook import MAX_WEBHOOKS, list_webhooks

    owner = Owner(organization, server, data, config)

    def look(tx: Connection) -> list[dict[str, Any]]:
        owner.require(tx)
        return [_row(one) for one in list_webhooks(tx, organization, size=MAX_WEBHOOKS).items]

    if server is not None:
        rows = [_told(one) for one in server.list(*owner.path, "webhooks").items]
    else:
        with open_database(data, config) as database:
            rows = database.read_now(look)
    columns = ["name", "url", "format", "kinds", "images", "tags", "is_enabled"]
    print_rows(rows, columns, as_json=as_json)


@webhooks.command()
def show(
    name: WebhookArgument,
    organization: OrganizationOption = None,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a webhook, without its secret.

    Example: wherry webhook show ci --organization acme
    """
    from wherry.webhooks.webhook import get_webhook

    if server is not None:
        owner = Owner(organization, server, data, config)
        record = _told(server.get(*owner.path, "webhooks", name))
    else:
        with open_database(data, config) as database:
            record = _row(database.read_now(lambda tx: get_webhook(tx, organization, name)))
    print_record(record, as_json=as_json)


@webhooks.command("change")
def change_one(
    name: WebhookArgument,
    organization: OrganizationOption = None,
    url: Annotated[str | None, typer.Option("--url", help="Where events go.")] = None,
    kinds: KindsOption = None,
    images: Annotated[str | None, typer.Option("--images", help="Glob pattern of images.")] = None,
    tags: Annotated[str | None, typer.Option("--tags", help="Glob pattern of tags.")] = None,
    enabled: Annotated[bool | None, typer.Option("--enable/--disable", help="Whether it is told.")] = None,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Change what a webhook is told of, and where. What is left out stays.

    Example: wherry webhook change ci --organization acme --tags 'v*'
    """
    from dataclasses import replace

    from wherry.webhooks.webhook import change_webhook, get_webhook

    asked: dict[str, Any] = {
        "url": url,
        "kinds": None if kinds is None else tuple(kinds),
        "images": images,
        "tags": tags,
        "is_enabled": enabled,
    }
    given = {field: value for field, value in asked.items() if value is not None}

    def work(tx: Connection, now: datetime) -> None:
        found = get_webhook(tx, organization, name)
        change_webhook(tx, found, replace(found.wanted, **given), now, offered=_offered())

    Owner(organization, server, data, config).change(
        ApiCall("PATCH", ("webhooks", name), given),
        work,
        {"webhook": name, "change": "changed", "fields": sorted(given)},
        _nothing,
    )
    typer.echo(f"The webhook {name} is changed.")


@webhooks.command("renew-secret")
def renew_one_secret(
    name: WebhookArgument,
    organization: OrganizationOption = None,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Sign with another secret from now on. It is printed this once.

    Example: wherry webhook renew-secret ci --organization acme
    """
    from wherry.webhooks.webhook import get_webhook, renew_secret

    def work(tx: Connection, now: datetime) -> str:
        return renew_secret(tx, sealer_of(data, config), get_webhook(tx, organization, name), now)

    secret = Owner(organization, server, data, config).change(
        ApiCall("POST", ("webhooks", name, "secret")),
        work,
        {"webhook": name, "change": "secret renewed"},
        _secret,
    )
    typer.echo(f"The webhook {name} has another secret. Its deliveries are signed with\n  {secret}")


@webhooks.command()
def delete(
    name: WebhookArgument,
    organization: OrganizationOption = None,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Delete a webhook with all that is kept of its deliveries.

    Example: wherry webhook delete ci --organization acme
    """
    from wherry.webhooks.webhook import get_webhook, remove_webhook

    Owner(organization, server, data, config).change(
        ApiCall("DELETE", ("webhooks", name)),
        lambda tx, _: remove_webhook(tx, get_webhook(tx, organization, name)),
        {"webhook": name, "change": "deleted"},
        _nothing,
    )
    typer.echo(f"The webhook {name} is gone.")


webhooks.command("ping")(webhook_deliveries.ping_one)
webhooks.command("deliveries")(webhook_deliveries.deliveries)
webhooks.command("redeliver")(webhook_deliveries.redeliver_one)


def _row(webhook: Webhook) -> dict[str, Any]:
    return {
        "name": webhook.name,
        "organization": webhook.organization,
        **asdict(webhook.wanted),
        "created_at": webhook.created_at,
        "changed_at": webhook.changed_at,
    }


def _told(webhook: dict[str, Any]) -> dict[str, Any]:
    """The same, of a webhook as the API shows it."""
    same = ("name", "organization", "url", "format", "kinds", "images", "tags", "is_enabled")
    times = {name: moment(webhook[name]) for name in ("created_at", "changed_at")}
    return {name: webhook[name] for name in same} | times


def _secret(answer: Any) -> str:
    return str(answer["secret"])


def _nothing(_: Any) -> None:
    """What an answer tells of which nothing is printed."""


def _format(text: str) -> Format:
    from wherry.webhooks.webhook import Format

    if text not in list(Format):
        fail(f"--format {text}: valid are {', '.join(Format)}", 2)
    return Format(text)


def _offered() -> frozenset[str]:
    from wherry.app.told_events import EVENT_KINDS

    return frozenset(kind.name for kind in EVENT_KINDS)
