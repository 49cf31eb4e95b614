"""``wherry pull-secret list`` and ``show``: whose key, until when, used by whom, and is it as it was made?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wherry.cli.cluster_calls import call_cluster, print_objects, sealer_of
from wherry.cli.data_folder import open_database
from wherry.cli.options import ConfigOption, DataOption, JsonOption, OutputOption, fail
from wherry.cli.output import print_as, print_record, print_rows
from wherry.cli.pull_secret_create import SecretArgument
from wherry.cli.watching import ForOption, WatchOption, print_again
from wherry.cli.workload_arguments import ClusterArgument, NamespaceOption

if TYPE_CHECKING:
    from wherry.clusters.cluster import Cluster
    from wherry.clusters.connection import ClusterConnection
    from wherry.clusters.pull_secrets.survey import SurveyedSecret
    from wherry.clusters.watching.mirror import Mirror
    from wherry.db.database import Database

_COLUMNS = ["namespace", "name", "kind", "registries", "key", "expires", "sync", "used_by"]


def list_all(
    cluster: ClusterArgument,
    namespace: Annotated[
        str | None, typer.Option("--namespace", "-n", help="Of this namespace only.")
    ] = None,
    watch: WatchOption = False,
    seconds: ForOption = None,
    output: OutputOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the pull secrets of a cluster, who uses them and whether they drifted. Never what is in them.

    Example: wherry pull-secret list prod -n shop
    """
    with open_database(data, config) as database:
        if watch:
            _watch(database, cluster, namespace, seconds, data, config)
            return
        rows = [_row(one) for one in _survey(database, cluster, namespace, data, config)]
    if output is not None:
        print_as(rows, output)
        return
    print_rows(rows, _COLUMNS, as_json=as_json)


def show(
    cluster: ClusterArgument,
    name: SecretArgument,
    namespace: NamespaceOption = "default",
    output: OutputOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print one pull secret; -o yaml is the object, with its values hidden.

    Example: wherry pull-secret show prod web -n shop
    """
    from wherry.clusters.kinds import SECRET
    from wherry.clusters.pull_secrets.documents import without_values

    with open_database(data, config) as database:
        if output is not None:
            live = call_cluster(
                database, cluster, data, config, lambda made: made.get(SECRET, name, namespace)
            )
            live["metadata"].pop("managedFields", None)
            # What kubectl keeps of its last apply has the values in it.
            annotations = live["metadata"].get("annotations") or {}
            annotations.pop("kubectl.kubernetes.io/last-applied-configuration", None)
            print_objects([without_values(live)], output)
            return
        found = _survey(database, cluster, namespace, data, config)
    for one in found:
        if one.name == name:
            print_record(_row(one) | _more(one), as_json=as_json)
            return
    fail(f"there is no pull secret {name} in {namespace} of {cluster}")


def _survey(
    database: Database, name: str, namespace: str | None, data: str | None, config: Path | None
) -> tuple[SurveyedSecret, ...]:
    from wherry.clusters.cluster import get_cluster
    from wherry.clusters.pull_secrets.survey import look_at, survey, what_was_made

    sealer = sealer_of(data, config)

    def known(tx: Any) -> Any:
        return what_was_made(tx, sealer, get_cluster(tx, name), namespace)

    look = call_cluster(database, name, data, config, lambda made: look_at(made, namespace))
    return survey(database.read_now(known), look, namespace)


def _watch(
    database: Database,
    name: str,
    namespace: str | None,
    seconds: float | None,
    data: str | None,
    config: Path | None,
) -> None:
    from wherry.clusters.cluster import get_cluster
    from wherry.clusters.pull_secrets.survey import look_by_watch, survey, what_was_made
    from wherry.clusters.watching.cluster_watch import ClusterWatch
    from wherry.kit.clock import SystemClock

    sealer = sealer_of(data, config)
    cluster: Cluster = database.read_now(lambda tx: get_cluster(tx, name))

    async def follow(connection: ClusterConnection) -> None:
        seen = ClusterWatch(connection, SystemClock())

        def rows() -> list[dict[str, Any]] | None:
            mirrors: list[Mirror[Any]] = [seen.pull_secrets, seen.pods, seen.accounts]
            mirrors += seen.workloads.values()
            if not all(mirror.was_synced for mirror in mirrors):
                return None
            known = database.read_now(lambda tx: what_was_made(tx, sealer, cluster, namespace))
            return [_row(one) for one in survey(known, look_by_watch(seen), namespace)]

        await print_again([seen.run()], rows, _COLUMNS, seconds)

    call_cluster(database, name, data, config, follow)


def _row(one: SurveyedSecret) -> dict[str, Any]:
    return {
        "namespace": one.namespace,
        "name": one.name,
        "kind": one.role,
        "registries": list(one.registries),
        "key": one.source,
        "expires": one.expires_at,
        "sync": one.sync.value,
        "used_by": [str(user) for user in one.used_by],
        "by_wherry": one.role != "foreign",
    }


def _more(one: SurveyedSecret) -> dict[str, Any]:
    made = one.made
    return {
        "rotates": one.may_rotate,
        "description": None if made is None else made.description,
        "user": None if made is None else made.user_name,
        "labels": [] if made is None else [f"{key}={value}" for key, value in made.labels.items()],
        "created": None if made is None else made.created_at,
        "changed": None if made is None else made.changed_at,
    }
