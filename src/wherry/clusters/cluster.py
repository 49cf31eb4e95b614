"""A registered cluster as a value, and how it is found. Its login stays sealed; `open_login` opens it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, select

from wherry.clusters.agent.seen import AgentSeen
from wherry.clusters.agent.tables import cluster_agents
from wherry.clusters.errors import ClusterUnknown
from wherry.clusters.kubeconfig import ClusterLogin
from wherry.clusters.tables import cluster_states, clusters
from wherry.identity.tables import organizations, users
from wherry.kit.secrets import Sealer


@dataclass(frozen=True, slots=True)
class State:
    """What was last seen of a cluster. With `stale_since` it was so until then, and `problem` says why."""

    version: str | None = None
    nodes: int | None = None
    nodes_ready: int | None = None
    architectures: tuple[str, ...] = ()
    latency: float | None = None
    problem: str | None = None
    seen_at: datetime | None = None
    stale_since: datetime | None = None

    @property
    def word(self) -> str:
        """`Running`, `Unavailable`, or `Unknown` where it was never reached."""
        if self.seen_at is None and self.problem is None:
            return "Unknown"
        return "Running" if self.problem is None else "Unavailable"


class ClusterKind(StrEnum):
    """What a kubeconfig leads to: a cluster with nodes, or a federation of clusters."""

    KUBERNETES = "kubernetes"
    KARMADA = "karmada"


@dataclass(frozen=True, slots=True)
class Cluster:
    """`organization` None is a cluster of the whole site. `uid` tells two registrations of one cluster."""

    id: int
    name: str
    organization: str | None
    description: str
    server: str
    context: str
    uid: str | None
    makes_default_secret: bool
    created_by: str | None
    created_at: datetime
    changed_at: datetime
    state: State
    kind: ClusterKind = ClusterKind.KUBERNETES


def find_cluster(tx: Connection, name: str) -> Cluster | None:
    """Whoever asks; see `wherry.clusters.rights` for what somebody may see."""
    row = tx.execute(CLUSTERS.where(clusters.c.name == name)).one_or_none()
    return None if row is None else cluster_of(row)


def get_cluster(tx: Connection, name: str) -> Cluster:
    """Raises `ClusterUnknown`."""
    found = find_cluster(tx, name)
    if found is None:
        raise ClusterUnknown(name)
    return found


def open_login(tx: Connection, sealer: Sealer, name: str) -> ClusterLogin:
    """What a connection is made with; it goes nowhere else.

    Raises `ClusterUnknown`, `UnreadableSecret`.
    """
    row = tx.execute(
        select(
            clusters.c.sealed_login,
            cluster_agents.c.tunnel,
            cluster_agents.c.machine,
            cluster_agents.c.connected_at,
            cluster_agents.c.left_at,
            cluster_agents.c.problem,
        )
        .outerjoin(cluster_agents, cluster_agents.c.cluster_id == clusters.c.id)
        .where(clusters.c.name == name)
    ).one_or_none()
    if row is None:
        raise ClusterUnknown(name)
    login = ClusterLogin.from_bytes(sealer.open(row[0]))
    if login.tunnel is None:
        return login
    return replace(login, agent=AgentSeen(row[2] if row[1] else None, row[3], row[4], row[5]))


def cluster_of(row: Sequence[Any]) -> Cluster:
    """From a row of `CLUSTERS`."""
    architectures = tuple(row[14].split(",")) if row[14] else ()
    state = State(row[11], row[12], row[13], architectures, row[15], row[16], row[17], row[18])
    return Cluster(
        row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], row[8], row[9], row[10], state,
        ClusterKind(row[19]),
    )  # fmt: skip


CLUSTERS = (
    select(
        clusters.c.id,
        clusters.c.name,
        organizations.c.name,
        clusters.c.description,
        clusters.c.server,
        clusters.c.context,
        clusters.c.uid,
        clusters.c.makes_default_secret,
        users.c.name,
        clusters.c.created_at,
        clusters.c.changed_at,
        cluster_states.c.version,
        cluster_states.c.nodes,
        cluster_states.c.nodes_ready,
        cluster_states.c.architectures,
        cluster_states.c.latency,
        cluster_states.c.problem,
        cluster_states.c.seen_at,
        cluster_states.c.stale_since,
        clusters.c.kind,
    )
    .outerjoin(organizations, organizations.c.id == clusters.c.organization_id)
    .outerjoin(users, users.c.id == clusters.c.created_by)
    .outerjoin(cluster_states, cluster_states.c.cluster_id == clusters.c.id)
)
