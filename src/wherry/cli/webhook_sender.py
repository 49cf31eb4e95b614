"""``wherry webhook sender``: who may tell of pushes elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from wherry.cli.cluster_calls import sealer_of
from wherry.cli.data_folder import open_database
from wherry.cli.options import ConfigOption, DataOption, JsonOption, fail, resolve
from wherry.cli.output import print_rows
from wherry.cli.server import ApiCall, ServerOption, image_path, moment
from wherry.cli.webhook_calls import Owner

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from wherry.webhooks.pushes_in import Product
    from wherry.webhooks.senders import Credentials, Sender

senders = typer.Typer(no_args_is_help=True, help="Who may tell of pushes elsewhere.")

NameArgument = Annotated[str, typer.Argument(metavar="SENDER", help="Its name.")]
OrganizationOption = Annotated[str, typer.Option("--organization", help="Whose sender it is.")]


class _Given(NamedTuple):
    """What the product elsewhere is to be given; without `secret` it knows none."""

    address: str
    secret: str | None


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
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Let another registry tell of its pushes. Its address and secret are printed this once.

    Example: wherry webhook sender add hub --product quay --image quay.io/acme/web --repository acme/web
    """
    from wherry.oci.names import RepositoryName
    from wherry.webhooks.senders import create_sender

    who = _product(product)
    _, organization, _, bare = image_path(repository)

    def work(tx: Connection, now: datetime) -> _Given:
        sealer, where = sealer_of(data, config), RepositoryName.parse(repository)
        _, made = create_sender(tx, sealer, name, who, image, where, None, now)
        return _given(owner, made)

    owner = Owner(organization, server, data, config)
    body = {"name": name, "product": who.value, "image": image, "repository": bare}
    given = owner.change(
        ApiCall("POST", ("webhook-senders",), body),
        work,
        {"sender": name, "change": "created", "product": who.value},
        _told_given,
    )
    typer.echo(f"The sender {name} is made. It sends to\n  {given.address}")
    _print_secret(given)


@senders.command("list")
def list_all(
    organization: OrganizationOption,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print an organization's senders.

    Example: wherry webhook sender list --organization acme
    """
    from wherry.webhooks.senders import MAX_SENDERS, list_senders

    owner = Owner(organization, server, data, config)

    def look(tx: Connection) -> list[dict[str, Any]]:
        owner.require(tx)
        return [_row(one) for one in list_senders(tx, organization, size=MAX_SENDERS).items]

    if server is not None:
        rows = [_told(one) for one in server.list(*owner.path, "webhook-senders").items]
    else:
        with open_database(data, config) as database:
            rows = database.read_now(look)
    columns = ["name", "product", "image", "repository", "is_enabled", "heard_at", "last_problem"]
    print_rows(rows, columns, as_json=as_json)


@senders.command()
def renew(
    name: NameArgument,
    organization: OrganizationOption,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Make another address and secret, printed this once; those before are worth nothing from now on.

    Example: wherry webhook sender renew hub --organization acme
    """
    from wherry.webhooks.senders import get_sender, rotate_sender

    def work(tx: Connection, _: datetime) -> _Given:
        sealer = sealer_of(data, config)
        return _given(owner, rotate_sender(tx, sealer, get_sender(tx, organization, name)))

    owner = Owner(organization, server, data, config)
    given = owner.change(
        ApiCall("POST", ("webhook-senders", name, "rotation")),
        work,
        {"sender": name, "change": "credentials renewed"},
        _told_given,
    )
    typer.echo(f"The sender {name} has another address. It sends to\n  {given.address}")
    _print_secret(given)


@senders.command()
def remove(
    name: NameArgument,
    organization: OrganizationOption,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Remove a sender; its address is worth nothing from now on.

    Example: wherry webhook sender remove hub --organization acme
    """
    from wherry.webhooks.senders import get_sender, remove_sender

    Owner(organization, server, data, config).change(
        ApiCall("DELETE", ("webhook-senders", name)),
        lambda tx, _: remove_sender(tx, get_sender(tx, organization, name)),
        {"sender": name, "change": "deleted"},
        lambda _: None,
    )
    typer.echo(f"The sender {name} is gone.")


def _given(owner: Owner, made: Credentials) -> _Given:
    from wherry.app.told_events import source_of

    here = source_of(resolve(config=owner.config, data=owner.data).settings)
    return _Given(f"{here}/hooks/{made.token}", made.secret)


def _told_given(answer: dict[str, Any]) -> _Given:
    """The same, as the API tells it."""
    return _Given(answer["url"], answer["secret"])


def _print_secret(given: _Given) -> None:
    if given.secret is not None:
        typer.echo(f"with the secret\n  {given.secret}")


def _row(sender: Sender) -> dict[str, Any]:
    return {
        "name": sender.name,
        "organization": sender.organization,
        "product": sender.product.value,
        "image": sender.image,
        "repository": sender.repository.text,
        "is_enabled": sender.is_enabled,
        "created_at": sender.created_at,
        "heard_at": sender.heard_at,
        "last_problem": sender.last_problem,
    }


def _told(sender: dict[str, Any]) -> dict[str, Any]:
    """The same, of a sender as the API shows it."""
    from wherry.identity.organizations import LIBRARY

    organization, bare = sender["organization"], sender["repository"]
    same = ("name", "organization", "product", "image")
    return {name: sender[name] for name in same} | {
        "repository": bare if organization == LIBRARY else f"{organization}/{bare}",
        "is_enabled": sender["is_enabled"],
        "created_at": moment(sender["created_at"]),
        "heard_at": moment(sender["heard_at"]),
        "last_problem": sender["last_problem"],
    }


def _product(text: str) -> Product:
    from wherry.webhooks.pushes_in import Product

    if text not in list(Product):
        fail(f"--product {text}: valid are {', '.join(Product)}", 2)
    return Product(text)
