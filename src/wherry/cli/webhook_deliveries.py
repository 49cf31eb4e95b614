"""``wherry webhook ping``, ``deliveries`` and ``redeliver``: what a webhook is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from wherry.cli.data_folder import open_database
from wherry.cli.options import ConfigOption, DataOption, JsonOption, fail, resolve
from wherry.cli.output import print_rows
from wherry.cli.server import ApiCall, ServerOption, moment
from wherry.cli.webhook_calls import OrganizationOption, Owner, WebhookArgument

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from wherry.webhooks.deliveries import Delivery

NumberArgument = Annotated[int, typer.Argument(metavar="DELIVERY", help="Number of the delivery.", min=1)]

_FACTS = (
    "id",
    "event_id",
    "kind",
    "subject",
    "state",
    "attempts",
    "status",
    "problem",
    "milliseconds",
    "created_at",
    "changed_at",
)


def ping_one(
    name: WebhookArgument,
    organization: OrganizationOption = None,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Send an event that says nothing but that it arrives. A server has to run for it.

    Example: wherry webhook ping ci --organization acme
    """
    from secrets import token_hex

    from wherry.app.told_events import source_of
    from wherry.webhooks.react import ping
    from wherry.webhooks.webhook import get_webhook

    def work(tx: Connection, now: datetime) -> int:
        source = source_of(resolve(config=config, data=data).settings)
        return ping(tx, get_webhook(tx, organization, name), source, token_hex(8), now)

    number = Owner(organization, server, data, config).change(
        ApiCall("POST", ("webhooks", name, "pings")),
        work,
        {"webhook": name, "change": "pinged"},
        lambda delivery: int(delivery["id"]),
    )
    typer.echo(f"Delivery {number} is on its way.")


def deliveries(
    name: WebhookArgument,
    organization: OrganizationOption = None,
    state: Annotated[str | None, typer.Option("--state", help="waiting, delivered or dead.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many.")] = 50,
    server: ServerOption = None,
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
    if server is not None:
        path = (*Owner(organization, server, data, config).path, "webhooks", name, "deliveries")
        rows = [_told(one) for one in server.list(*path, limit=limit, state=only).items]
    else:
        with open_database(data, config) as database:
            page = database.read_now(
                lambda tx: list_deliveries(tx, get_webhook(tx, organization, name), state=only, size=limit)
            )
        rows = [_row(one) for one in page.items]
    columns = ["id", "created_at", "kind", "subject", "state", "attempts", "status", "problem"]
    print_rows(rows, columns, as_json=as_json)


def redeliver_one(
    name: WebhookArgument,
    delivery: NumberArgument,
    organization: OrganizationOption = None,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Deliver an event once more, whatever became of it. A server has to run for it.

    Example: wherry webhook redeliver ci 17 --organization acme
    """
    from wherry.webhooks.deliveries import redeliver
    from wherry.webhooks.webhook import get_webhook

    def work(tx: Connection, now: datetime) -> None:
        redeliver(tx, get_webhook(tx, organization, name), delivery, now)

    Owner(organization, server, data, config).change(
        ApiCall("POST", ("webhooks", name, "deliveries", str(delivery), "redelivery")),
        work,
        {"webhook": name, "change": "delivered again", "delivery": delivery},
        lambda _: None,
    )
    typer.echo(f"Delivery {delivery} is on its way again.")


def _row(delivery: Delivery) -> dict[str, Any]:
    return {name: getattr(delivery, name) for name in _FACTS}


def _told(delivery: dict[str, Any]) -> dict[str, Any]:
    """The same, of a delivery as the API shows it."""
    return {name: moment(delivery[name]) if name.endswith("_at") else delivery[name] for name in _FACTS}
