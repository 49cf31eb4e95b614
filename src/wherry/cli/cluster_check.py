"""``wherry cluster check``: can the nodes of a cluster pull from this registry, and if not, why not?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wherry.cli.cluster_calls import call_cluster, sealer_of, target_of
from wherry.cli.data_folder import change, open_database
from wherry.cli.options import ConfigOption, DataOption, JsonOption, fail, resolve
from wherry.cli.output import print_record, print_rows
from wherry.cli.workload_arguments import NamespaceOption, RegistryOption, registry_known_as

if TYPE_CHECKING:
    from wherry.clusters.connection import ClusterConnection
    from wherry.clusters.pull_check.check import NodeResult, PullCheck
    from wherry.db.database import Database
    from wherry.web.pull_checking import CheckRequest


def check(
    cluster: Annotated[str, typer.Argument(metavar="CLUSTER", help="Name of the cluster.")],
    namespace: NamespaceOption = "default",
    node: Annotated[
        list[str] | None,
        typer.Option("--node", help="Try this node; repeatable. Else one of each architecture."),
    ] = None,
    architecture: Annotated[
        list[str] | None,
        typer.Option("--node-architecture", help="Only nodes of it, such as arm64; repeatable."),
    ] = None,
    every_node: Annotated[bool, typer.Option("--every-node", help="Try all nodes that are ready.")] = False,
    image: Annotated[
        str | None, typer.Option("--image", help="Pull this one instead, as a workload would.")
    ] = None,
    pull_secret: Annotated[
        list[str] | None,
        typer.Option("--pull-secret", help="With --image: the credential to pull it by; repeatable."),
    ] = None,
    seconds: Annotated[
        float, typer.Option("--timeout", min=1, max=600, help="How long a pull may take, in seconds.")
    ] = 90.0,
    registry: RegistryOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let nodes of a cluster pull a tiny image from here; what fails is named, with what mends it.

    All that is made for it, in the cluster and here, is removed again. Ends with 1 where a node cannot pull.

    Example: wherry cluster check prod --every-node
    """
    from wherry.clusters.cluster import get_cluster
    from wherry.clusters.pull_check.targets import Wanted
    from wherry.web.pull_checking import CheckRequest

    wanted = Wanted(tuple(node or ()), tuple(architecture or ()), every_node)
    request = CheckRequest(namespace, wanted, image, tuple(pull_secret or ()), seconds)
    with open_database(data, config) as database:
        found = database.read_now(lambda tx: get_cluster(tx, cluster))
        done = _run(database, cluster, request, registry, data, config)
        told = {
            "pull_check": "well" if done.is_well else "failed",
            "namespace": namespace,
            "image": done.image,
        }
        change(database, "cluster.check", target_of(found), lambda tx: None, told)
    if as_json:
        record = {"well": done.is_well, "image": done.image, "left": list(done.left)}
        print_record(record | {"nodes": [_row(one) for one in done.results]}, as_json=True)
    else:
        _print(done)
    if not done.is_well:
        raise typer.Exit(1)


def _run(
    database: Database,
    cluster: str,
    request: CheckRequest,
    registry: str | None,
    data: str | None,
    config: Path | None,
) -> PullCheck:
    from wherry.app.wiring import open_blob_store
    from wherry.blobs.errors import BlobError
    from wherry.blobs.intake import Intake
    from wherry.kit.clock import SystemClock
    from wherry.web.pull_checking import PullChecking, check_pulls

    settings, sealer = resolve(config=config, data=data).settings, sealer_of(data, config)
    host = registry_known_as(registry, data, config).host

    async def work(connection: ClusterConnection) -> PullCheck:
        store = open_blob_store(settings)
        try:
            parts = PullChecking(database, store, Intake(store), sealer, SystemClock(), host)
            return await check_pulls(parts, connection, request)
        finally:
            await store.close()

    try:
        return call_cluster(database, cluster, data, config, work)
    except BlobError as error:
        fail(str(error))


def _print(done: PullCheck) -> None:
    print_rows(
        [_row(one) for one in done.results],
        ["node", "architecture", "pulls", "seconds", "part"],
        as_json=False,
    )
    for one in done.results:
        if one.failure is not None:
            typer.echo(f"\n{one.node or one.architecture or 'The cluster'}: {one.failure.reason}.")
            typer.echo(f"  Mend: {one.failure.mend}.")
            if one.failure.words:
                typer.echo(f"  In the cluster's words: {one.failure.words}")
    for left in done.left:
        typer.echo(f"Still there, the next check removes it: {left}", err=True)


def _row(one: NodeResult) -> dict[str, Any]:
    failure = one.failure
    return {
        "node": one.node or None,
        "architecture": one.architecture or None,
        "pulls": one.is_well,
        "seconds": one.seconds,
        "part": None if failure is None else failure.part.value,
        "reason": None if failure is None else failure.reason,
        "mend": None if failure is None else failure.mend,
        "words": None if failure is None else failure.words,
    }
