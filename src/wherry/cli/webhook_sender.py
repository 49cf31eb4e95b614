"""``wherry webhook sender``: who may tell of pushes elsewhere."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wherry.cli.cluster_calls import sealer_of
from wherry.cli.data_folder import change, open_database
from wherry.cli.options import ConfigOption, DataOption, JsonOption, fail, resolve
from wherry.cli.output import print_rows

if TYPE_CHECKING:
    from wherry.webhooks.pushes_in import Product
    from wherry.webhooks.senders import Sender

senders = typer.Typer(no_args_is_help=True, help="Who may tell of pushes elsewhere.")

NameArgument = Annotated[str, typer.Argument(metavar="SENDER", help="Its name.")]
OrganizationOption = Annotated[str, typer.Option("--organization", help="Whose sender it is.")]


@senders.command()
def add(
    name: NameArgument,
    product: Annotated[
        str, typer.Option("--product", help="dockerhub, ghcr, harbor, quay, ecr or wherry: who sends.")
    ],
    image: Annotated[str, typer.Option("--image", help="Its name elsewhere, such as docker.io/acme/web.")],
    repository: Annotated[
        str, typer.Option("--repository", help="The image here whose triggers fire, such as acme/web.")
    ],
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Let another registry tell of its pushes. Its address and secret are printed this once.

    Example: wherry webhook sender add hub --product quay --image quay.io/acme/web --repository acme/web
    """
    from wherry.app.told_events import source_of
    from wherry.audit.entries import Target
    from wherry.kit.clock import SystemClock
    from wherry.oci.names import RepositoryName
    from wherry.webhooks.senders import create_sender

    who, where = _product(product), RepositoryName.parse(repository)
    sealer, now = sealer_of(data, config), SystemClock().now()
    address = source_of(resolve(config=config, data=data).settings)
    with open_database(data, config) as database:
        _, made = change(
            database,
            "webhook.change",
            Target.org(where.organization),
            lambda tx: create_sender(tx, sealer, name, who, image, where, None, now),
            {"sender": name, "change": "created", "product": who.value},
        )
    typer.echo(f"The sender {name} is made. It sends to\n  {address}/hooks/{made.token}")
    if made.secret is not None:
        typer.echo(f"with the secret\n  {made.secret}")


@senders.command("list")
def list_all(
    organization: OrganizationOption,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print an organization's senders.

    Example: wherry webhook sender list --organization acme
    """
    from wherry.webhooks.senders import MAX_SENDERS, list_senders

    with open_database(data, config) as database:
        found = database.read_now(lambda tx: list_senders(tx, organization, size=MAX_SENDERS)).items
    columns = ["name", "product", "image", "repository", "is_enabled", "heard_at", "last_problem"]
    print_rows([_row(one) for one in found], columns, as_json=as_json)


@senders.command()
def remove(
    name: NameArgument,
    organization: OrganizationOption,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Remove a sender; its address is worth nothing from now on.

    Example: wherry webhook sender remove hub --organization acme
    """
    from wherry.audit.entries import Target
    from wherry.webhooks.senders import get_sender, remove_sender

    with open_database(data, config) as database:
        change(
            database,
            "webhook.change",
            Target.org(organization),
            lambda tx: remove_sender(tx, get_sender(tx, organization, name)),
            {"sender": name, "change": "deleted"},
        )
    typer.echo(f"The sender {name} is gone.")


def _row(sender: Sender) -> dict[str, Any]:
    return asdict(sender) | {"product": sender.product.value, "repository": sender.repository.text}


def _product(text: str) -> Product:
    from wherry.webhooks.pushes_in import Product

    if text not in list(Product):
        fail(f"--product {text}: valid are {', '.join(Product)}", 2)
    return Product(text)
