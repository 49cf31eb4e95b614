"""``wherry pull-secret rotate``, ``mend`` and ``delete``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wherry.cli.cluster_calls import call_cluster, sealer_of, target_of
from wherry.cli.data_folder import change, open_database
from wherry.cli.options import ConfigOption, DataOption, fail
from wherry.cli.pull_secret_create import Asked, SecretArgument, login_for, put_and_remember
from wherry.cli.workload_arguments import ClusterArgument, NamespaceOption

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from wherry.clusters.cluster import Cluster
    from wherry.clusters.pull_secrets.create import PullSecret, SecretRequest
    from wherry.db.database import Database

EveryOption = Annotated[
    bool, typer.Option("--all", help="All of the cluster, or with --namespace of the namespace.")
]
MaybeSecretArgument = Annotated[
    str | None, typer.Argument(metavar="[SECRET]", help="Name of the secret; not with --all.")
]
MaybeNamespaceOption = Annotated[
    str | None, typer.Option("--namespace", "-n", help="Namespace in the cluster.")
]


def rotate(
    cluster: ClusterArgument,
    name: MaybeSecretArgument = None,
    namespace: MaybeNamespaceOption = None,
    every: EveryOption = False,
    key: Annotated[
        str | None, typer.Option("--key", help="To this access key, made by its owner.", metavar="AK")
    ] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="To this password, of the same user.")
    ] = False,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Give pull secrets new keys. Keys that were made for them still work for an hour, so that no pull fails.

    Default secrets are rotated by `wherry pull-secret sync --rotate`.

    Example: wherry pull-secret rotate prod --all
    """
    from wherry.clusters.errors import ClusterError
    from wherry.clusters.pull_secrets.keys import end_retired
    from wherry.clusters.pull_secrets.logins import may_rotate
    from wherry.kit.clock import SystemClock

    password = sys.stdin.read().strip() if password_stdin else None
    if every and (key is not None or password is not None):
        fail("--all rotates the keys that Wherry made; another login is given to one secret", 2)
    with open_database(data, config) as database:
        found, chosen = _chosen(database, cluster, name, namespace, every)
        database.write_now(lambda tx: end_retired(tx, SystemClock().now(), found))
        failed = 0
        for one in chosen:
            if every and not may_rotate(one.source):
                typer.echo(f"{one.namespace}/{one.name} stays: its login is not Wherry's to rotate.")
                continue
            try:
                request = _renewed(database, found, one, key, password, data, config)
                put_and_remember(
                    database, sealer_of(data, config), found, request, "pull_secret.rotate", data, config
                )
            except ClusterError as error:
                if not every:
                    raise
                failed += 1
                typer.echo(f"{one.namespace}/{one.name}: {error}", err=True)
            else:
                typer.echo(f"{one.namespace}/{one.name} has another login: {request.source}.")
    if failed:
        raise typer.Exit(1)


def mend(
    cluster: ClusterArgument,
    name: MaybeSecretArgument = None,
    namespace: MaybeNamespaceOption = None,
    every: EveryOption = False,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Put pull secrets back as they were made, whatever somebody did to them in the cluster.

    What is somebody else's by now stays as it is.

    Example: wherry pull-secret mend prod web -n shop
    """
    from wherry.clusters.errors import ClusterError
    from wherry.clusters.pull_secrets.create import request_of

    sealer = sealer_of(data, config)
    with open_database(data, config) as database:
        found, chosen = _chosen(database, cluster, name, namespace, every)
        failed = 0
        for one in chosen:
            try:
                request = _request(database, one, lambda tx, one=one: request_of(tx, sealer, one))
                put_and_remember(database, sealer, found, request, "pull_secret.mend", data, config)
            except ClusterError as error:
                if not every:
                    raise
                failed += 1
                typer.echo(f"{one.namespace}/{one.name}: {error}", err=True)
            else:
                typer.echo(f"{one.namespace}/{one.name} is as it was made.")
    if failed:
        raise typer.Exit(1)


def delete(
    cluster: ClusterArgument,
    name: SecretArgument,
    namespace: NamespaceOption = "default",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Delete a pull secret that Wherry made, with the key that was made for it.

    Example: wherry pull-secret delete prod web -n shop
    """
    from wherry.clusters.cluster import get_cluster
    from wherry.clusters.pull_secrets.create import take_secret
    from wherry.clusters.pull_secrets.logins import drop_secret
    from wherry.clusters.pull_secrets.survey import look_at

    with open_database(data, config) as database:
        found = database.read_now(lambda tx: get_cluster(tx, cluster))
        if not yes:
            look = call_cluster(database, cluster, data, config, lambda made: look_at(made, namespace))
            users = ", ".join(map(str, look.users.get((namespace, name), ()))) or "nobody"
            typer.echo(f"The secret {name} in {namespace} is used by {users}.")
            typer.confirm("Delete it?", abort=True)
        was_there = call_cluster(
            database, cluster, data, config, lambda made: take_secret(made, name, namespace)
        )
        was_known = change(
            database,
            "pull_secret.delete",
            target_of(found),
            lambda tx: drop_secret(tx, found, namespace, name),
            {"namespace": namespace, "name": name},
        )
    if not (was_there or was_known):
        fail(f"there is no pull secret {name} in {namespace} of {cluster}")
    typer.echo(f"The secret {name} is deleted.")


def _chosen(
    database: Database, cluster: str, name: str | None, namespace: str | None, every: bool
) -> tuple[Cluster, tuple[PullSecret, ...]]:
    from wherry.clusters.cluster import get_cluster
    from wherry.clusters.pull_secrets.create import get_secret, list_secrets

    if (name is None) is not every:
        fail("name one secret, or say --all", 2)

    def look(tx: Connection) -> tuple[Cluster, tuple[PullSecret, ...]]:
        found = get_cluster(tx, cluster)
        if name is None:
            return found, list_secrets(tx, found, namespace)
        return found, (get_secret(tx, found, namespace or "default", name),)

    return database.read_now(look)


def _renewed(
    database: Database,
    cluster: Cluster,
    secret: PullSecret,
    key: str | None,
    password: str | None,
    data: str | None,
    config: Path | None,
) -> SecretRequest:
    from wherry.clusters.pull_secrets.logins import begin_rotation, exchange_login
    from wherry.kit.clock import SystemClock

    sealer, now = sealer_of(data, config), SystemClock().now()

    def work(tx: Connection) -> SecretRequest:
        if key is None and password is None:
            return begin_rotation(tx, sealer, cluster, secret, now)
        user = secret.user_name if key is None else None
        asked = Asked(secret.registry, user, password or "", key)
        login = login_for(tx, sealer, cluster, secret.namespace, secret.name, asked)
        return exchange_login(tx, sealer, cluster, secret, login, now)

    return database.write_now(work)


def _request(database: Database, secret: PullSecret, work: Any) -> SecretRequest:
    from wherry.kit.secrets import UnreadableSecret

    try:
        made: SecretRequest = database.read_now(work)
    except UnreadableSecret as error:
        fail(f"{secret.namespace}/{secret.name}: {error}")
    return made
