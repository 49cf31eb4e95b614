"""``wherry tag``: the tags of a repository."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from wherry.cli.data_folder import open_database
from wherry.cli.options import ConfigOption, DataOption, JsonOption
from wherry.cli.output import note_more, print_rows
from wherry.cli.repository import AfterOption, LimitOption, NameArgument
from wherry.cli.server import ServerOption, image_path

tags = typer.Typer(no_args_is_help=True, help="Tags of a repository.")


@tags.callback()
def group() -> None:
    """Tags of a repository."""


@tags.command("list")
def list_all(
    repository: NameArgument,
    after: AfterOption = "",
    limit: LimitOption = 100,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the tags of a repository in the order of their names.

    Example: wherry tag list acme/web --limit 20
    """
    from wherry.oci.names import RepositoryName
    from wherry.registry.tags import list_tags

    names: Sequence[str]
    if server is not None:
        found, more = server.list(*image_path(repository), "tags", limit=limit, after=after)
        names = [each["name"] for each in found]
    else:
        with open_database(data, config) as database:
            name = RepositoryName.parse(repository)
            page = database.read_now(lambda tx: list_tags(tx, name, after=after, size=limit))
        names, more = page.items, page.more
    print_rows([{"tag": tag} for tag in names], ["tag"], as_json=as_json)
    note_more(more, names[-1] if names else "")
