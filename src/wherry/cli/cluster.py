"""``wherry cluster``: register Kubernetes clusters, see how they are, say who may deploy to them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wherry.cli import cluster_check, cluster_look, cluster_removal
from wherry.cli.cluster_calls import address_rules, call, sealer_of, target_of
from wherry.cli.data_folder import change, open_database
from wherry.cli.joining import join
from wherry.cli.options import ConfigOption, DataOption, JsonOption, fail
from wherry.cli.output import print_rows

if TYPE_CHECKING:
    from wherry.clusters.kubeconfig import Kubeconfig
    from wherry.clusters.probe import Probed

clusters = typer.Typer(no_args_is_help=True, help="Kubernetes clusters that images are deployed to.")

NameArgument = Annotated[str, typer.Argument(metavar="CLUSTER", help="Name of the cluster.")]
KubeconfigOption = Annotated[
    Path, typer.Option("--kubeconfig", help="File that kubectl uses for it; flattened, see `contexts`.")
]
ContextOption = Annotated[
    str | None, typer.Option("--context", help="One of the file's contexts; else the current one.")
]
OfflineOption = Annotated[
    bool, typer.Option("--offline", help="Do not ask the cluster whether it answers to this login.")
]

clusters.command()(join)

clusters.command("list")(cluster_look.list_all)
clusters.command("show")(cluster_look.show)
clusters.command("check")(cluster_check.check)
clusters.command("remove")(cluster_removal.remove)


@clusters.command()
def contexts(kubeconfig: KubeconfigOption, as_json: JsonOption = False) -> None:
    """Print the contexts of a kubeconfig, and of each that cannot be used why not. Nothing is registered.

    Example: wherry cluster contexts --kubeconfig ~/.kube/config
    """
    from wherry.clusters.errors import ClusterError

    try:
        read = _read(kubeconfig)
    except ClusterError as error:
        fail(str(error))
    rows: list[dict[str, Any]] = [
        {
            "context": one.name,
            "current": one.is_current,
            "server": one.server,
            "user": one.user,
            "refused": one.refused,
        }
        for one in read.contexts
    ]
    print_rows(rows, ["context", "current", "server", "user", "refused"], as_json=as_json)


@clusters.command()
def add(
    name: NameArgument,
    kubeconfig: KubeconfigOption,
    context: ContextOption = None,
    organization: Annotated[
        str | None, typer.Option("--organization", help="Whose it is; else the whole site's.")
    ] = None,
    description: Annotated[str, typer.Option("--description", help="What it is for.")] = "",
    default_secret: Annotated[
        bool, typer.Option(help="Keep a `default-secret` for pulling in every namespace.")
    ] = True,
    offline: OfflineOption = False,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Register a cluster by a kubeconfig, of which one context's login is kept, sealed.

    Example: wherry cluster add prod --kubeconfig prod.kubeconfig --organization acme
    """
    from wherry.clusters.cluster import ClusterKind
    from wherry.clusters.register import Registration, check_server, register_cluster
    from wherry.kit.clock import SystemClock

    rules, sealer = address_rules(data, config), sealer_of(data, config)
    with open_database(data, config) as database:
        read = _read(kubeconfig)
        asked = Registration(name, read, context, organization, description, default_secret)
        check_server(rules, read.login(context).server)
        probed = None if offline else _probe(name, read, context, data, config)
        uid, kind = (None, ClusterKind.KUBERNETES) if probed is None else (probed.uid, probed.kind)
        made = change(
            database,
            "cluster.register",
            target_of,
            lambda tx: register_cluster(
                tx, sealer, rules, asked, uid=uid, created_by=None, now=SystemClock().now(), kind=kind
            ),
            {"server": read.login(context).server, "context": read.choose(context).name},
        )
    typer.echo(f"The cluster {made.name} is registered: {made.server}.")


@clusters.command("change")
def change_one(
    name: NameArgument,
    new_name: Annotated[str | None, typer.Option("--name", help="Another name.")] = None,
    description: Annotated[str | None, typer.Option("--description", help="What it is for.")] = None,
    default_secret: Annotated[
        bool | None, typer.Option(help="Keep a `default-secret` in every namespace, or take them away.")
    ] = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Rename or describe a cluster anew, or switch its default secrets on or off.

    Example: wherry cluster change prod --no-default-secret
    """
    from wherry.clusters.register import change_cluster
    from wherry.kit.clock import SystemClock

    with open_database(data, config) as database:
        made = change(
            database,
            "cluster.change",
            target_of,
            lambda tx: change_cluster(
                tx,
                name,
                SystemClock().now(),
                new_name=new_name,
                description=description,
                makes_default_secret=default_secret,
            ),
            {"name": new_name, "description": description, "default_secret": default_secret, "was": name},
        )
    typer.echo(f"The cluster {made.name} is changed.")


@clusters.command()
def login(
    name: NameArgument,
    kubeconfig: KubeconfigOption,
    context: ContextOption = None,
    offline: OfflineOption = False,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Give a registered cluster another login, for one that was revoked or ends soon.

    Example: wherry cluster login prod --kubeconfig new.kubeconfig
    """
    from wherry.clusters.register import check_server, renew_login
    from wherry.kit.clock import SystemClock

    rules, sealer = address_rules(data, config), sealer_of(data, config)
    with open_database(data, config) as database:
        read = _read(kubeconfig)
        check_server(rules, read.login(context).server)
        probed = None if offline else _probe(name, read, context, data, config)
        uid = None if probed is None else probed.uid
        change(
            database,
            "cluster.change",
            target_of,
            lambda tx: renew_login(tx, sealer, rules, name, read, context, uid=uid, now=SystemClock().now()),
            {"login": "renewed", "server": read.login(context).server},
        )
    typer.echo(f"The cluster {name} has another login.")


@clusters.command("open")
def open_to(
    name: NameArgument,
    organization: Annotated[str, typer.Argument(metavar="ORGANIZATION", help="Whose members may use it.")],
    level: Annotated[str, typer.Argument(metavar="LEVEL", help="At most read (see) or write (deploy).")],
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Let the members of an organization use a cluster, each at most by their own level there.

    Example: wherry cluster open shared partner write
    """
    from wherry.access.levels import Level
    from wherry.clusters.cluster import get_cluster
    from wherry.clusters.rights import open_cluster

    try:
        wanted = Level.parse(level)
    except ValueError as error:
        fail(str(error), 2)
    with open_database(data, config) as database:
        cluster = database.read_now(lambda tx: get_cluster(tx, name))
        change(
            database,
            "cluster.change",
            target_of(cluster),
            lambda tx: open_cluster(tx, name, organization, wanted),
            {"opened_to": organization, "level": wanted.word},
        )
    typer.echo(f"{organization} has {wanted.word} on the cluster {name} now.")


@clusters.command("close")
def close_to(
    name: NameArgument,
    organization: Annotated[str, typer.Argument(metavar="ORGANIZATION", help="Whose members may not.")],
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Take back what `open` gave to an organization.

    Example: wherry cluster close shared partner
    """
    from wherry.clusters.cluster import get_cluster
    from wherry.clusters.rights import close_cluster

    with open_database(data, config) as database:
        cluster = database.read_now(lambda tx: get_cluster(tx, name))
        was_open = change(
            database,
            "cluster.change",
            target_of(cluster),
            lambda tx: close_cluster(tx, name, organization),
            {"closed_to": organization},
        )
    if not was_open:
        fail(f"the cluster {name} was not open to {organization}.")
    typer.echo(f"{organization} has nothing on the cluster {name} any more.")


def _read(path: Path) -> Kubeconfig:
    from wherry.clusters.kubeconfig import MAX_BYTES, read_kubeconfig
    from wherry.kit.clock import SystemClock

    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        return read_kubeconfig(content.decode("utf-8"), SystemClock().now())
    except OSError as error:
        fail(f"{path}: {error.strerror}")
    except UnicodeDecodeError:
        fail(f"{path}: this is no text in UTF-8")


def _probe(name: str, read: Kubeconfig, context: str | None, data: str | None, config: Path | None) -> Probed:
    from wherry.clusters.probe import probe

    found = call(name, read.login(context), address_rules(data, config), probe)
    typer.echo(f"It answers: Kubernetes {found.version.git_version}, {found.version.latency * 1000:.0f} ms.")
    return found
