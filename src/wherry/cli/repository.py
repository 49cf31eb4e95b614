"""``wherry repository``: which repositories there are, and who may pull from them without a login."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from wherry.cli.data_folder import change, open_database
from wherry.cli.options import ConfigOption, DataOption, JsonOption
from wherry.cli.output import note_more, print_record, print_rows
from wherry.cli.server import ServerOption, image_path, moment

if TYPE_CHECKING:
    from wherry.registry.repositories import Repository

repositories = typer.Typer(no_args_is_help=True, help="Repositories, public and private.")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Whole name, such as acme/web.")]
AfterOption = Annotated[
    str, typer.Option("--after", help="Go on behind this name.", metavar="NAME", show_default=False)
]
LimitOption = Annotated[
    int, typer.Option("--limit", min=1, max=100_000, metavar="N", help="Print at most this many.")
]


@repositories.command("list")
def list_all(
    organization: Annotated[
        str | None,
        typer.Option(
            "--organization", help="Only those of one organization.", metavar="NAME", show_default=False
        ),
    ] = None,
    public: Annotated[bool, typer.Option("--public", help="Only those that anybody may pull from.")] = False,
    after: AfterOption = "",
    limit: LimitOption = 100,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print repositories in the order of their names.

    Example: wherry repository list --organization acme --json
    """
    from wherry.registry.repositories import list_repositories

    if server is not None:
        narrowed = {"organization": organization, "is_public": True if public else None}
        images, more = server.list("images", limit=limit, after=after, **narrowed)
        rows = [_told(image) for image in images]
    else:
        with open_database(data, config) as database:
            page = database.read_now(
                lambda tx: list_repositories(
                    tx, after=after, size=limit, only_public=public, organization=organization
                )
            )
        rows, more = [_row(repository) for repository in page.items], page.more
    print_rows(rows, ["name", "public", "created"], as_json=as_json)
    note_more(more, rows[-1]["name"] if rows else "")


@repositories.command()
def show(
    name: NameArgument,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the facts of one repository.

    Example: wherry repository show acme/web
    """
    from wherry.oci.names import RepositoryName
    from wherry.registry.repositories import get_repository

    if server is not None:
        print_record(_told(server.get(*image_path(name))), as_json=as_json)
        return
    with open_database(data, config) as database:
        parsed = RepositoryName.parse(name)
        found = database.read_now(lambda tx: get_repository(tx, parsed))
    print_record(_row(found), as_json=as_json)


@repositories.command("set")
def set_attributes(
    name: NameArgument,
    public: Annotated[
        bool, typer.Option("--public/--private", help="Whether anybody may pull without a login.")
    ],
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Make a repository public or private; it takes effect with the next request.

    Example: wherry repository set acme/web --public
    """
    from wherry.access.actions import Action
    from wherry.audit.entries import Target
    from wherry.oci.names import RepositoryName
    from wherry.registry.repositories import set_public

    if server is not None:
        server.call("PUT", *image_path(name), "visibility", body={"is_public": public})
    else:
        with open_database(data, config) as database:
            parsed = RepositoryName.parse(name)
            change(
                database,
                Action.IMAGE_PUBLISH,
                Target.image(parsed),
                lambda tx: set_public(tx, parsed, public),
                {"is_public": public},
            )
    typer.echo(f"{name} is {'public' if public else 'private'} now.")


def _row(repository: Repository) -> dict[str, Any]:
    return {
        "name": str(repository.name),
        "public": repository.is_public,
        "created": repository.created_at,
    }


def _told(image: dict[str, Any]) -> dict[str, Any]:
    """The same, of an image as the API shows it."""
    return {"name": image["name"], "public": image["is_public"], "created": moment(image["created_at"])}
