"""``wherry pull-secret create``: by a given login, by an access key, or by a new key that may only pull."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wherry.cli.cluster_calls import call_cluster, print_objects, sealer_of, target_of
from wherry.cli.data_folder import change, open_database
from wherry.cli.key import lifetime_of
from wherry.cli.options import ConfigOption, DataOption, OutputOption, fail
from wherry.cli.workload_arguments import ClusterArgument, NamespaceOption, registry_known_as

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from wherry.clusters.cluster import Cluster
    from wherry.clusters.pull_secrets.create import SecretRequest
    from wherry.clusters.pull_secrets.documents import RegistryLogin
    from wherry.clusters.pull_secrets.logins import Login
    from wherry.db.database import Database
    from wherry.kit.secrets import Sealer

SecretArgument = Annotated[str, typer.Argument(metavar="SECRET", help="Name of the secret.")]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which login is asked for: a user with a password, or an access key, or with neither a new key."""

    registry: str
    user: str | None = None
    password: str = ""
    key: str | None = None
    pulls: str | None = None
    lifetime: timedelta | None = None

    @property
    def source(self) -> str:
        """As far as it is known before there is a key."""
        if self.user is not None:
            return "given"
        return "made:…" if self.key is None else f"key:{self.key}"

    def stand_in(self) -> RegistryLogin:
        """The login, or one of its form: for checks and previews."""
        from wherry.clusters.pull_secrets.documents import RegistryLogin

        return RegistryLogin(self.registry, self.user or f"wherry@{self.key or '…'}", self.password or "…")


def create(
    cluster: ClusterArgument,
    name: SecretArgument,
    registry: Annotated[
        str | None,
        typer.Option("--registry", help="Image repository address; else this registry's.", metavar="HOST"),
    ] = None,
    user: Annotated[
        str | None, typer.Option("--user", help="User name; of an access key `region@AK`.")
    ] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    key: Annotated[
        str | None, typer.Option("--key", help="By this access key of the registry instead.", metavar="AK")
    ] = None,
    new_key: Annotated[
        bool, typer.Option("--new-key", help="By a new key instead, which may pull and nothing else.")
    ] = False,
    pulls: Annotated[
        str | None,
        typer.Option("--pulls", help="With --new-key: acme or acme/web; else the cluster's organization."),
    ] = None,
    expires: Annotated[
        str | None, typer.Option("--expires", help="With --new-key: it ends after this long: 12h, 90d.")
    ] = None,
    namespace: NamespaceOption = "default",
    description: Annotated[str, typer.Option("--description", help="What it is for.")] = "",
    label: Annotated[list[str] | None, typer.Option("--label", help="key=value; repeatable.")] = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="Print the YAML without the password, and make nothing.")
    ] = False,
    output: OutputOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Make a pull secret in a namespace of a cluster, for this registry or for any other.

    Example: wherry pull-secret create prod web -n shop --new-key --pulls acme/web --expires 90d
    """
    from wherry.clusters.cluster import get_cluster
    from wherry.clusters.pull_secrets.create import SecretRequest, check_secret
    from wherry.clusters.pull_secrets.documents import without_values

    if sum((user is not None, key is not None, new_key)) != 1:
        fail("the login is one of --user, --key and --new-key", 2)
    host = registry or registry_known_as(None, data, config).host
    if not host:
        fail("nothing says by which name nodes know this registry: give --registry, or set public_url", 2)
    asked = Asked(host, user, _password(user, password_stdin), key, pulls, lifetime_of(expires))
    labels = {one: value for one, _, value in (text.partition("=") for text in label or ())}
    with open_database(data, config) as database:
        found = database.read_now(lambda tx: get_cluster(tx, cluster))
        # With a stand-in: no key is made for a request that is wrong.
        tried = SecretRequest(name, asked.stand_in(), namespace, description, asked.source, labels)
        check_secret(tried)
        if preview:
            print_objects([without_values(tried.object())], output or "yaml")
            return
        request = _make(database, found, tried, asked, data, config)
    if output is not None:
        print_objects([without_values(request.object())], output)
    else:
        typer.echo(f"The secret {name} is in {namespace} of {cluster}.")


def login_for(
    tx: Connection, sealer: Sealer, cluster: Cluster, namespace: str, name: str, asked: Asked
) -> Login:
    """What was asked for; makes the new key where that was."""
    from wherry.clusters.pull_secrets.logins import Login, login_of_key, make_login
    from wherry.identity.access_keys import get_access_key
    from wherry.identity.users import get_user
    from wherry.kit.clock import SystemClock

    now = SystemClock().now()
    if asked.user is not None:
        return Login(asked.stand_in(), "given", None)
    if asked.key is not None:
        owner = get_user(tx, get_access_key(tx, asked.key).user).id
        return login_of_key(tx, sealer, owner, asked.key, asked.registry, now)
    return make_login(
        tx, sealer, cluster, namespace, name, asked.registry, now, what=asked.pulls, lifetime=asked.lifetime
    )


def put_and_remember(
    database: Database,
    sealer: Sealer,
    cluster: Cluster,
    request: SecretRequest,
    action: str,
    data: str | None,
    config: Path | None,
) -> None:
    """In the cluster, then here; keys of before end an hour later."""
    from wherry.clusters.pull_secrets.create import put_secret, record_secret
    from wherry.clusters.pull_secrets.logins import settle_keys
    from wherry.kit.clock import SystemClock

    def work(tx: Connection) -> None:
        now = SystemClock().now()
        record_secret(tx, sealer, cluster, request, None, now)
        settle_keys(tx, cluster, request.namespace, request.name, now)

    call_cluster(database, cluster.name, data, config, lambda made: put_secret(made, request))
    told = {
        "namespace": request.namespace,
        "name": request.name,
        "registry": request.login.registry,
        "user": request.login.user,
        "source": request.source,
    }
    change(database, action, target_of(cluster), work, told)


def _make(
    database: Database,
    cluster: Cluster,
    tried: SecretRequest,
    asked: Asked,
    data: str | None,
    config: Path | None,
) -> SecretRequest:
    from wherry.clusters.errors import ClusterError
    from wherry.clusters.pull_secrets.logins import drop_unused_keys

    sealer, place = sealer_of(data, config), (tried.namespace, tried.name)
    login = database.write_now(lambda tx: login_for(tx, sealer, cluster, *place, asked))
    request = replace(tried, login=login.login, source=login.source, expires_at=login.expires_at)
    try:
        put_and_remember(database, sealer, cluster, request, "pull_secret.create", data, config)
    except ClusterError:
        database.write_now(lambda tx: drop_unused_keys(tx, cluster, *place))
        raise
    return request


def _password(user: str | None, from_stdin: bool) -> str:
    if user is None:
        return ""
    if from_stdin:
        return sys.stdin.read().strip()
    return str(typer.prompt("Password", hide_input=True))
