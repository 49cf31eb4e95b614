"""Registering a cluster, changing what is known of it, giving it another login, and forgetting it."""

import re
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from wherry.clusters.addresses import AddressRules
from wherry.clusters.agent.tables import cluster_agents
from wherry.clusters.cluster import Cluster, ClusterKind, find_cluster, get_cluster
from wherry.clusters.errors import ClusterExists, ClusterUnknown, InvalidCluster
from wherry.clusters.kubeconfig import Kubeconfig
from wherry.clusters.pull_secrets.keys import revoke_pull_keys
from wherry.clusters.tables import clusters
from wherry.identity.organizations import get_organization
from wherry.kit.secrets import Sealer

MAX_DESCRIPTION = 1000
_NAME = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Registration:
    """What is asked for. `organization` None is a cluster of the site, which is for administrators to say."""

    name: str
    kubeconfig: Kubeconfig
    context: str | None = None
    organization: str | None = None
    description: str = ""
    makes_default_secret: bool = True


def register_cluster(
    tx: Connection,
    sealer: Sealer,
    rules: AddressRules,
    asked: Registration,
    *,
    uid: str | None,
    created_by: int | None,
    now: datetime,
    kind: ClusterKind = ClusterKind.KUBERNETES,
) -> Cluster:
    """`uid` is what the cluster said of itself (the uid of `kube-system`), None where it was not asked.

    `kind` is what a probe found it to be.

    Raises `InvalidCluster`, `ClusterExists`, `OrganizationUnknown`, `KubeconfigRefused`, `AddressRefused`.
    """
    check_name(asked.name)
    check_description(asked.description)
    context = asked.kubeconfig.choose(asked.context)
    login = asked.kubeconfig.login(context.name)
    check_server(rules, login.server)
    if find_cluster(tx, asked.name) is not None:
        raise ClusterExists(asked.name)
    refuse_twice(tx, uid, asked.name)
    organization = None if asked.organization is None else get_organization(tx, asked.organization).id
    row = {
        "name": asked.name,
        "organization_id": organization,
        "description": asked.description,
        "server": login.server,
        "context": context.name,
        "sealed_login": sealer.seal(login.to_bytes()),
        "uid": uid,
        "makes_default_secret": asked.makes_default_secret,
        "created_by": created_by,
        "created_at": now,
        "changed_at": now,
        "kind": kind,
    }
    try:
        with tx.begin_nested():
            tx.execute(insert(clusters).values(row))
    except IntegrityError:  # registered by somebody else in between
        raise ClusterExists(asked.name) from None
    return get_cluster(tx, asked.name)


def renew_login(
    tx: Connection,
    sealer: Sealer,
    rules: AddressRules,
    name: str,
    kubeconfig: Kubeconfig,
    context: str | None,
    *,
    uid: str | None,
    now: datetime,
) -> Cluster:
    """Another kubeconfig for the same cluster; a `uid` that is not the known one is another cluster.

    Raises `ClusterUnknown`, `InvalidCluster`, `KubeconfigRefused`, `AddressRefused`.
    """
    cluster = get_cluster(tx, name)
    if cluster.uid is not None and uid is not None and cluster.uid != uid:
        raise InvalidCluster(
            f"this kubeconfig leads to another cluster than {name}; register it by another name"
        )
    chosen = kubeconfig.choose(context)
    login = kubeconfig.login(chosen.name)
    check_server(rules, login.server)
    # Where it had an agent, that one's time is over.
    tx.execute(delete(cluster_agents).where(cluster_agents.c.cluster_id == cluster.id))
    _change(
        tx,
        name,
        server=login.server,
        context=chosen.name,
        sealed_login=sealer.seal(login.to_bytes()),
        uid=uid or cluster.uid,
        changed_at=now,
    )
    return get_cluster(tx, name)


def change_cluster(
    tx: Connection,
    name: str,
    now: datetime,
    *,
    new_name: str | None = None,
    description: str | None = None,
    makes_default_secret: bool | None = None,
) -> Cluster:
    """What is None stays as it is. Raises `ClusterUnknown`, `ClusterExists`, `InvalidCluster`."""
    cluster = get_cluster(tx, name)
    if new_name is not None and new_name != name:
        check_name(new_name)
        if find_cluster(tx, new_name) is not None:
            raise ClusterExists(new_name)
    if description is not None:
        check_description(description)
    secret = cluster.makes_default_secret if makes_default_secret is None else makes_default_secret
    try:
        with tx.begin_nested():
            _change(
                tx,
                name,
                name=new_name or name,
                description=cluster.description if description is None else description,
                makes_default_secret=secret,
                changed_at=now,
            )
    except IntegrityError:
        raise ClusterExists(new_name or name) from None
    return get_cluster(tx, new_name or name)


def remove_cluster(tx: Connection, name: str) -> None:
    """Its registration ends, with all that is kept of it and the keys that it pulls with; what runs goes on.

    Raises `ClusterUnknown`.
    """
    revoke_pull_keys(tx, get_cluster(tx, name))
    if tx.execute(delete(clusters).where(clusters.c.name == name)).rowcount == 0:
        raise ClusterUnknown(name)


def check_server(rules: AddressRules, server: str) -> None:
    """A server that is written as an address is refused at once; a name is looked up for each connection.

    Raises `AddressRefused`.
    """
    host = urlsplit(server).hostname or ""
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return
    rules.check(host, host)


def refuse_twice(tx: Connection, uid: str | None, name: str) -> None:
    """One cluster is registered once. Raises `InvalidCluster`."""
    if uid is None:
        return
    known = tx.execute(select(clusters.c.name).where(clusters.c.uid == uid)).scalars().first()
    if known is not None:
        # Two registrations would undo each other's secrets. The other's name may be a secret to the asker.
        raise InvalidCluster(f"the cluster behind this is registered already, so not as {name} again")


def check_name(name: str) -> None:
    """Raises `InvalidCluster`."""
    if not _NAME.fullmatch(name):
        raise InvalidCluster(
            f"cluster name {name[:80]!r}: 1 to 63 lowercase letters, digits and '-',"
            " starting with a letter and not ending in '-'"
        )


def check_description(text: str) -> None:
    """Raises `InvalidCluster`."""
    if len(text) > MAX_DESCRIPTION:
        raise InvalidCluster(f"the description of a cluster has at most {MAX_DESCRIPTION} characters")


def _change(tx: Connection, known: str, **values: object) -> None:
    if tx.execute(update(clusters).where(clusters.c.name == known).values(**values)).rowcount == 0:
        raise ClusterUnknown(known)
