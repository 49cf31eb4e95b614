"""``wherry pull-secret sync``: `default-secret` in every namespace of a cluster, now and here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wherry.cli.cluster_calls import call_cluster, sealer_of, target_of
from wherry.cli.data_folder import change, open_database
from wherry.cli.options import ConfigOption, DataOption, JsonOption, fail
from wherry.cli.output import print_rows
from wherry.cli.workload_arguments import ClusterArgument

if TYPE_CHECKING:
    from wherry.clusters.connection import ClusterConnection


def sync(
    cluster: ClusterArgument,
    registry: Annotated[
        str, typer.Option("--registry", help="Host that nodes pull from, such as registry.example.com.")
    ],
    rotate: Annotated[
        bool, typer.Option("--rotate", help="With new keys, whatever the age of the old.")
    ] = False,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put `default-secret` into every namespace of a cluster now. Old keys work for an hour more.

    Example: wherry pull-secret sync prod --registry registry.example.com
    """
    from wherry.clusters.cluster import get_cluster
    from wherry.clusters.pull_secrets.default_secret import Reconciled, look_and_plan, reconcile
    from wherry.clusters.pull_secrets.keys import current_logins, end_retired, rolled_out
    from wherry.kit.clock import SystemClock

    sealer, clock = sealer_of(data, config), SystemClock()
    with open_database(data, config) as database:
        found = database.read_now(lambda tx: get_cluster(tx, cluster))
        if not found.makes_default_secret:
            fail(f"the cluster {cluster} makes no default secrets; `wherry cluster change` switches that on")
        database.write_now(lambda tx: end_retired(tx, clock.now(), found))
        logins = change(
            database,
            "pull_secret.rotate" if rotate else "pull_secret.sync",
            target_of(found),
            lambda tx: current_logins(tx, sealer, found, registry, clock.now(), rotate=rotate),
        )

        async def put(connection: ClusterConnection) -> Reconciled:
            return await reconcile(connection, await look_and_plan(connection, logins))

        done = call_cluster(database, cluster, data, config, put)
        if done.is_whole and logins.source:
            database.write_now(lambda tx: rolled_out(tx, found, logins.source, clock.now()))
    words = {
        "written": done.written,
        "unchanged": done.unchanged,
        "somebody else's": done.foreign,
        "removed": done.removed,
        "failed": tuple(done.failed),
    }
    rows = [
        {"namespace": name, "secret": word, "problem": done.failed.get(name)}
        for word, names in words.items()
        for name in names
    ]
    print_rows(rows, ["namespace", "secret", "problem"], as_json=as_json)
    if done.failed:
        raise typer.Exit(1)
