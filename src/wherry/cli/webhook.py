"""``wherry webhook``: who is told of what happens, and what became of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wherry.cli.cluster_calls import sealer_of
from wherry.cli.data_folder import change, open_database
from wherry.cli.options import ConfigOption, DataOption, JsonOption, fail, resolve
from wherry.cli.output import print_record, print_rows
from wherry.cli.webhook_sender import senders

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from wherry.audit.entries import Target
    from wherry.webhooks.webhook import Wanted, Webhook

webhooks = typer.Typer(no_args_is_help=True, help="Who is told of what happens.")
webhooks.add_typer(senders, name="sender")

NameArgument = Annotated[str, typer.Argument(metavar="WEBHOOK", help="Its name.")]
NumberArgument = Annotated[int, typer.Argument(metavar="DELIVERY", help="Number of the delivery.")]
OrganizationOption = Annotated[
    str | None, typer.Option("--organization", help="Whose webhook it is; else the site's.")
]
KindsOption = Annotated[
    list[str] | None, typer.Option("--event", help="Such as tag.moved; may be repeated. Without: all.")
]


@webhooks.command()
def create(
    name: NameArgument,
    url: Annotated[str, typer.Argument(metavar="URL", help="Where events go; for mail, an address.")],
    organization: OrganizationOption = None,
    kinds: KindsOption = None,
    images: Annotated[str, typer.Option("--images", help="Glob pattern of images.")] = "*",
    tags: Annotated[str, typer.Option("--tags", help="Glob pattern of tags.")] = "*",
    form: Annotated[
        str, typer.Option("--format", help="cloudevents, slack, teams, mattermost or mail.")
    ] = "cloudevents",
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Make a webhook. The secret that its deliveries are signed with is printed this once.

    Example: wherry webhook create ci https://ci.example.com/hook --organization acme --event tag.moved
    """
    from wherry.kit.clock import SystemClock
    from wherry.webhooks.webhook import Wanted, create_webhook

    wanted = Wanted(url, _format(form), tuple(kinds or ()), images, tags)
    sealer, now, offered = sealer_of(data, config), SystemClock().now(), _offered()
    with open_database(data, config) as database:
        _, secret = change(
            database,
            _action(organization),
            _target(organization),
            lambda tx: create_webhook(tx, sealer, name, organization, wanted, None, now, offered=offered),
            {"webhook": name, "change": "created"},
        )
    typer.echo(f"The webhook {name} is made. Its deliveries are signed with\n  {secret}")


@webhooks.command("list")
def list_all(
    organization: OrganizationOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the webhooks of an organization, or of the site.

    Example: wherry webhook list --organization acme
    """
    from wherry.webhooks.webhook import MAX_WEBHOOKS, list_webhooks

    with open_database(data, config) as database:
        found = database.read_now(lambda tx: list_webhooks(tx, organization, size=MAX_WEBHOOKS)).items
    columns = ["name", "url", "format", "kinds", "images", "tags", "is_enabled"]
    print_rows([_row(one) for one in found], columns, as_json=as_json)


@webhooks.command()
def show(
    name: NameArgument,
    organization: OrganizationOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a webhook, without its secret.

    Example: wherry webhook show ci --organization acme
    """
    from wherry.webhooks.webhook import get_webhook

    with open_database(data, config) as database:
        found = database.read_now(lambda tx: get_webhook(tx, organization, name))
    print_record(_row(found), as_json=as_json)


@webhooks.command("change")
def change_one(
    name: NameArgument,
    organization: OrganizationOption = None,
    url: Annotated[str | None, typer.Option("--url", help="Where events go.")] = None,
    kinds: KindsOption = None,
    images: Annotated[str | None, typer.Option("--images", help="Glob pattern of images.")] = None,
    tags: Annotated[str | None, typer.Option("--tags", help="Glob pattern of tags.")] = None,
    enabled: Annotated[bool | None, typer.Option("--enable/--disable", help="Whether it is told.")] = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Change what a webhook is told of, and where. What is left out stays.

    Example: wherry webhook change ci --organization acme --tags 'v*'
    """
    from dataclasses import replace

    from wherry.kit.clock import SystemClock
    from wherry.webhooks.webhook import change_webhook, get_webhook

    asked: dict[str, Any] = {
        "url": url,
        "kinds": None if kinds is None else tuple(kinds),
        "images": images,
        "tags": tags,
        "is_enabled": enabled,
    }
    given = {field: value for field, value in asked.items() if value is not None}
    now, offered = SystemClock().now(), _offered()

    def work(tx: Connection) -> Webhook:
        found = get_webhook(tx, organization, name)
        wanted: Wanted = replace(found.wanted, **given)
        return change_webhook(tx, found, wanted, now, offered=offered)

    with open_database(data, config) as database:
        told = {"webhook": name, "change": "changed", "fields": sorted(given)}
        change(database, _action(organization), _target(organization), work, told)
    typer.echo(f"The webhook {name} is changed.")


@webhooks.command()
def delete(
    name: NameArgument,
    organization: OrganizationOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Delete a webhook with all that is kept of its deliveries.

    Example: wherry webhook delete ci --organization acme
    """
    from wherry.webhooks.webhook import get_webhook, remove_webhook

    with open_database(data, config) as database:
        change(
            database,
            _action(organization),
            _target(organization),
            lambda tx: remove_webhook(tx, get_webhook(tx, organization, name)),
            {"webhook": name, "change": "deleted"},
        )
    typer.echo(f"The webhook {name} is gone.")


@webhooks.command("ping")
def ping_one(
    name: NameArgument,
    organization: OrganizationOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Send an event that says nothing but that it arrives. A server has to run for it.

    Example: wherry webhook ping ci --organization acme
    """
    from secrets import token_hex

    from wherry.app.told_events import source_of
    from wherry.kit.clock import SystemClock
    from wherry.webhooks.react import ping
    from wherry.webhooks.webhook import get_webhook

    source, now = source_of(resolve(config=config, data=data).settings), SystemClock().now()
    with open_database(data, config) as database:
        number = change(
            database,
            _action(organization),
            _target(organization),
            lambda tx: ping(tx, get_webhook(tx, organization, name), source, token_hex(8), now),
            {"webhook": name, "change": "pinged"},
        )
    typer.echo(f"Delivery {number} is on its way.")


@webhooks.command()
def deliveries(
    name: NameArgument,
    organization: OrganizationOption = None,
    state: Annotated[str | None, typer.Option("--state", help="waiting, delivered or dead.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many.")] = 50,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print what a webhook was told, newest first, and what became of it.

    Example: wherry webhook deliveries ci --organization acme --state dead
    """
    from wherry.webhooks.deliveries import DeliveryState, list_deliveries
    from wherry.webhooks.webhook import get_webhook

    if state is not None and state not in list(DeliveryState):
        fail(f"--state {state}: valid are {', '.join(DeliveryState)}", 2)
    only = None if state is None else DeliveryState(state)
    with open_database(data, config) as database:
        found = database.read_now(
            lambda tx: list_deliveries(tx, get_webhook(tx, organization, name), state=only, size=limit)
        ).items
    columns = ["id", "created_at", "kind", "subject", "state", "attempts", "status", "problem"]
    print_rows([asdict(one) for one in found], columns, as_json=as_json)


@webhooks.command("redeliver")
def redeliver_one(
    name: NameArgument,
    delivery: NumberArgument,
    organization: OrganizationOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Deliver an event once more, whatever became of it. A server has to run for it.

    Example: wherry webhook redeliver ci 17 --organization acme
    """
    from wherry.kit.clock import SystemClock
    from wherry.webhooks.deliveries import redeliver
    from wherry.webhooks.webhook import get_webhook

    now = SystemClock().now()
    with open_database(data, config) as database:
        change(
            database,
            _action(organization),
            _target(organization),
            lambda tx: redeliver(tx, get_webhook(tx, organization, name), delivery, now),
            {"webhook": name, "change": "delivered again", "delivery": delivery},
        )
    typer.echo(f"Delivery {delivery} is on its way again.")


def _row(webhook: Webhook) -> dict[str, Any]:
    return {
        "name": webhook.name,
        "organization": webhook.organization,
        **asdict(webhook.wanted),
        "created_at": webhook.created_at,
        "changed_at": webhook.changed_at,
    }


def _format(text: str) -> Any:
    from wherry.webhooks.webhook import Format

    if text not in list(Format):
        fail(f"--format {text}: valid are {', '.join(Format)}", 2)
    return Format(text)


def _offered() -> frozenset[str]:
    from wherry.app.told_events import EVENT_KINDS

    return frozenset(kind.name for kind in EVENT_KINDS)


def _action(organization: str | None) -> str:
    return "webhook.change" if organization is not None else "site.webhook.change"


def _target(organization: str | None) -> Target:
    from wherry.audit.entries import SERVICE, Target

    return SERVICE if organization is None else Target.org(organization)
