"""Arguments and options that the commands of `wherry workload` share, and how they are read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wherry.cli.cluster_calls import target_of
from wherry.cli.data_folder import change
from wherry.cli.options import fail, resolve

if TYPE_CHECKING:
    from wherry.clusters.keeping import Registry
    from wherry.clusters.kinds import Kind
    from wherry.db.database import Database

ClusterArgument = Annotated[str, typer.Argument(metavar="CLUSTER", help="Name of a registered cluster.")]
NameArgument = Annotated[
    str, typer.Argument(metavar="WORKLOAD", help="Its name; of another kind than Deployment: kind/name.")
]
NamespaceOption = Annotated[str, typer.Option("--namespace", "-n", help="Namespace in the cluster.")]
RegistryOption = Annotated[
    str | None,
    typer.Option(
        "--registry",
        help="Host that nodes pull from this registry by; else as the settings say.",
        metavar="HOST",
    ),
]


def kind_and_name(text: str) -> tuple[Kind, str]:
    """Of `web`, which is a Deployment, or `cronjob/report`."""
    from wherry.clusters.kinds import DEPLOYMENT, WORKLOADS

    word, slash, name = text.partition("/")
    if not slash:
        return DEPLOYMENT, text
    found = [kind for kind in WORKLOADS if word.lower() in (str(kind).lower(), kind.plural)]
    if not found:
        fail(f"{word!r} is no kind of workload; valid are {', '.join(map(str, WORKLOADS))}", 2)
    return found[0], name


def registry_known_as(host: str | None, data: str | None, config: Path | None) -> Registry:
    """By which name nodes know this registry: the given host, else what the settings say."""
    from wherry.app.cluster_keeping import registry_of
    from wherry.clusters.keeping import Registry

    return Registry(host, (host,)) if host else registry_of(resolve(config=config, data=data).settings)


def note(database: Database, name: str, action: str, detail: dict[str, Any]) -> None:
    """What was done in the cluster, on record."""
    from wherry.clusters.cluster import get_cluster

    cluster = database.read_now(lambda tx: get_cluster(tx, name))
    change(database, action, target_of(cluster), lambda tx: None, detail)
