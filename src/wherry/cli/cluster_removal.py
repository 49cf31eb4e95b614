"""``wherry cluster remove``: the registration ends, and what Wherry keeps in the cluster goes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wherry.cli.cluster_calls import call_cluster, target_of
from wherry.cli.data_folder import change, open_database
from wherry.cli.options import ConfigOption, DataOption

if TYPE_CHECKING:
    from wherry.clusters.pull_secrets.removal import Removal
    from wherry.db.database import Database


def remove(
    name: Annotated[str, typer.Argument(metavar="CLUSTER", help="Name of the cluster.")],
    leave_secrets: Annotated[
        bool, typer.Option("--leave-secrets", help="Leave the default-secret objects in the cluster.")
    ] = False,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """End a cluster's registration and the keys that it pulls with, and take its default secrets away.

    What runs in it goes on. A cluster that does not answer is removed all the same.

    Example: wherry cluster remove prod
    """
    from wherry.clusters.cluster import get_cluster
    from wherry.clusters.register import remove_cluster

    with open_database(data, config) as database:
        cluster = database.read_now(lambda tx: get_cluster(tx, name))
        # Secrets that somebody had made by `pull-secret sync` are there without the switch.
        done = None if leave_secrets else _take_secrets(database, name, data, config)
        detail = {} if done is None else {"secrets_left": sorted(done.left)}
        change(database, "cluster.remove", target_of(cluster), lambda tx: remove_cluster(tx, name), detail)
    if done is not None:
        _say(done)
    typer.echo(
        f"The cluster {name} is removed. What runs in it goes on, with the images that its nodes have."
    )


def _take_secrets(database: Database, name: str, data: str | None, config: Path | None) -> Removal:
    from wherry.clusters.errors import ClusterError
    from wherry.clusters.pull_secrets.removal import Removal, remove_default_secrets
    from wherry.clusters.register import change_cluster
    from wherry.kit.clock import SystemClock

    # First of all nobody makes them anew.
    database.write_now(lambda tx: change_cluster(tx, name, SystemClock().now(), makes_default_secret=False))
    try:
        return call_cluster(database, name, data, config, remove_default_secrets)
    except ClusterError as error:
        return Removal((), {"": str(error)})


def _say(done: Removal) -> None:
    if done.removed:
        typer.echo(f"default-secret is gone from {len(done.removed)} namespaces.")
    for namespace, problem in done.left.items():
        where = f"in {namespace}" if namespace else "in its namespaces"
        typer.echo(f"default-secret stays {where}, with a key that ends now: {problem}", err=True)
