"""``wherry pull-secret``: what a cluster's nodes log in to registries with."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wherry.cli.cluster_calls import call_cluster, print_objects, sealer_of, target_of
from wherry.cli.data_folder import change, open_database
from wherry.cli.options import ConfigOption, DataOption, JsonOption, fail
from wherry.cli.output import print_rows

if TYPE_CHECKING:
    from wherry.clusters.connection import ClusterConnection

pull_secrets = typer.Typer(no_args_is_help=True, help="Secrets that a cluster's nodes pull images with.")

ClusterArgument = Annotated[str, typer.Argument(metavar="CLUSTER", help="Name of a registered cluster.")]
NameArgument = Annotated[str, typer.Argument(metavar="SECRET", help="Name of the secret.")]
NamespaceOption = Annotated[str, typer.Option("--namespace", "-n", help="Namespace in the cluster.")]


@pull_secrets.command()
def create(
    cluster: ClusterArgument,
    name: NameArgument,
    registry: Annotated[
        str, typer.Option("--registry", help="Image repository address: a host such as registry.example.com.")
    ],
    user: Annotated[str, typer.Option("--user", help="User name; of an access key `region@AK`.")],
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    namespace: NamespaceOption = "default",
    description: Annotated[str, typer.Option("--description", help="What it is for.")] = "",
    label: Annotated[list[str] | None, typer.Option("--label", help="key=value; repeatable.")] = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="Print the YAML without the password, and make nothing.")
    ] = False,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Make a pull secret in a namespace of a cluster, for this registry or for any other.

    Example: wherry pull-secret create prod web --registry registry.example.com --user ann --password-stdin
    """
    from wherry.clusters.cluster import get_cluster
    from wherry.clusters.pull_secrets.create import SecretRequest, check_secret, put_secret, record_secret
    from wherry.clusters.pull_secrets.documents import RegistryLogin, without_values
    from wherry.kit.clock import SystemClock

    password = sys.stdin.read().strip() if password_stdin else typer.prompt("Password", hide_input=True)
    labels = {key: value for key, _, value in (text.partition("=") for text in label or ())}
    login = RegistryLogin(registry, user, password)
    request = SecretRequest(name, login, namespace, description, "given", labels)
    with open_database(data, config) as database:
        found = database.read_now(lambda tx: get_cluster(tx, cluster))
        check_secret(request)
        if preview:
            print_objects([without_values(request.object())], "yaml")
            return
        call_cluster(database, cluster, data, config, lambda made: put_secret(made, request))
        sealer = sealer_of(data, config)
        change(
            database,
            "pull_secret.create",
            target_of(found),
            lambda tx: record_secret(tx, sealer, found, request, None, SystemClock().now()),
            {"namespace": namespace, "name": name, "registry": registry, "user": user},
        )
    typer.echo(f"The secret {name} is in {namespace} of {cluster}.")


@pull_secrets.command("list")
def list_all(
    cluster: ClusterArgument,
    namespace: Annotated[
        str | None, typer.Option("--namespace", "-n", help="Of this namespace only.")
    ] = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the pull secrets of a cluster: whose key, until when, for which registry. Never what is in them.

    Example: wherry pull-secret list prod
    """
    from wherry.clusters.connection import Selection
    from wherry.clusters.connection import list_all as list_objects
    from wherry.clusters.kinds import SECRET
    from wherry.clusters.pull_secrets.documents import (
        EXPIRES,
        SOURCE,
        TYPE,
        content_of,
        is_ours,
        registries_in,
    )

    async def look(connection: ClusterConnection) -> list[dict[str, Any]]:
        return await list_objects(connection, SECRET, Selection(namespace, fields=f"type={TYPE}"))

    with open_database(data, config) as database:
        found = call_cluster(database, cluster, data, config, look)
    rows: list[dict[str, Any]] = []
    for one in found:
        annotations = one["metadata"].get("annotations") or {}
        rows.append(
            {
                "namespace": one["metadata"]["namespace"],
                "name": one["metadata"]["name"],
                "registries": list(registries_in(content_of(one))),
                "key": annotations.get(SOURCE),
                "expires": annotations.get(EXPIRES),
                "by_wherry": is_ours(one),
            }
        )
    print_rows(rows, ["namespace", "name", "registries", "key", "expires", "by_wherry"], as_json=as_json)


@pull_secrets.command()
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
