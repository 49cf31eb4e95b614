"""Clusters that join by themselves: an agent in them dials out, with a credential for that one cluster.

`begin_join` makes the registration and a token; who shows the token gets the manifest, once; with the first
connection of the agent that it runs, the credential before it ends.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from wherry.clusters.agent.tables import cluster_agents
from wherry.clusters.cluster import CLUSTERS as _CLUSTERS
from wherry.clusters.cluster import Cluster, ClusterKind, cluster_of, find_cluster, get_cluster
from wherry.clusters.errors import ClusterExists, InvalidCluster, JoinRefused
from wherry.clusters.kubeconfig import ClusterLogin
from wherry.clusters.register import check_description, check_name, refuse_twice
from wherry.clusters.tables import clusters
from wherry.identity.organizations import get_organization
from wherry.kit.ids import new_id
from wherry.kit.secrets import Sealer

LIFETIME = timedelta(hours=1)
# What takes the place of an address where there is none.
SERVER = "agent"


@dataclass(frozen=True, slots=True)
class Joining:
    """What is asked for; `organization` None is a cluster of the site, which is for administrators to say."""

    name: str
    organization: str | None = None
    description: str = ""
    makes_default_secret: bool = True


@dataclass(frozen=True, slots=True)
class Invitation:
    """`token` is not to be had again."""

    cluster: Cluster
    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Agent:
    """What is known of a cluster's agent. `left_at` None and a `machine`: that one holds its line."""

    cluster_id: int
    socket: str
    tunnel: str | None
    machine: str | None
    host: str | None
    problem: str | None
    connected_at: datetime | None
    left_at: datetime | None
    invited_until: datetime | None


def begin_join(
    tx: Connection, sealer: Sealer, asked: Joining, *, created_by: int | None, now: datetime
) -> Invitation:
    """A registration that waits for its agent.

    Raises `InvalidCluster`, `ClusterExists`, `OrganizationUnknown`.
    """
    if find_cluster(tx, asked.name) is not None:
        raise ClusterExists(asked.name)
    try:
        with tx.begin_nested():
            made = _register(tx, sealer, asked, created_by, now)
    except IntegrityError:  # registered by somebody else in between
        raise ClusterExists(asked.name) from None
    return _invite(tx, made, now)


def invite_again(tx: Connection, name: str, now: datetime) -> Invitation:
    """Another token for another agent of a cluster that joins; the agent that is connected stays until then.

    Raises `ClusterUnknown`, `InvalidCluster` for one that is reached by its kubeconfig.
    """
    known = get_cluster(tx, name)
    if find_agent(tx, known) is None:
        raise InvalidCluster(
            f"the cluster {name} is reached by its kubeconfig; remove it, and let it join as a new one"
        )
    return _invite(tx, known, now)


def _invite(tx: Connection, known: Cluster, now: datetime) -> Invitation:
    token, expires = secrets.token_urlsafe(32), int((now + LIFETIME).timestamp())
    _change(tx, known.id, token_hash=_hash(token), token_expires=expires)
    return Invitation(known, token, datetime.fromtimestamp(expires, UTC))


def redeem_token(tx: Connection, token: str, now: datetime) -> tuple[Cluster, str]:
    """The cluster, and the credential for its agent, which is not to be had again. The token is used up.

    Raises `JoinRefused`, which does not tell why.
    """
    credential = secrets.token_urlsafe(32)
    query = cluster_agents.c.token_hash == _hash(token), cluster_agents.c.token_expires > int(now.timestamp())
    number = tx.execute(select(cluster_agents.c.cluster_id).where(*query)).scalar_one_or_none()
    # Of two who come at once one finds the token still there.
    used = tx.execute(
        update(cluster_agents)
        .where(*query)
        .values(token_hash=None, token_expires=None, next_hash=_hash(credential))
    )
    if number is None or used.rowcount == 0:
        raise JoinRefused
    return cluster_of(tx.execute(_CLUSTERS.where(clusters.c.id == number)).one()), credential


def find_by_credential(tx: Connection, credential: str) -> tuple[Cluster, Agent] | None:
    """The cluster whose agent has it. Looked up by hash, so that no time tells anything of it."""
    found = tx.execute(_AGENTS.where(_has(credential))).one_or_none()
    if found is None:
        return None
    cluster = tx.execute(_CLUSTERS.where(clusters.c.id == found[0])).one()
    return cluster_of(cluster), _agent(found)


def is_good(tx: Connection, cluster_id: int, credential: str) -> bool:
    """Whether the agent that has it may go on."""
    query = select(cluster_agents.c.cluster_id).where(
        cluster_agents.c.cluster_id == cluster_id, _has(credential)
    )
    return tx.execute(query).first() is not None


def note_connected(
    tx: Connection,
    agent: Agent,
    credential: str,
    *,
    tunnel: str,
    machine: str,
    host: str,
    uid: str,
    now: datetime,
) -> None:
    """The line is there, and leads to the cluster of that uid: from now on this tunnel is the cluster's.

    Raises `JoinRefused` where the credential ended meanwhile, `InvalidCluster` where it is another cluster.
    """
    if not is_good(tx, agent.cluster_id, credential):
        raise JoinRefused
    known = tx.execute(select(clusters.c.uid).where(clusters.c.id == agent.cluster_id)).scalar_one()
    if known is None:
        name = tx.execute(select(clusters.c.name).where(clusters.c.id == agent.cluster_id)).scalar_one()
        refuse_twice(tx, uid, name)
        tx.execute(update(clusters).where(clusters.c.id == agent.cluster_id).values(uid=uid))
    elif known != uid:
        raise InvalidCluster("the manifest was applied in another cluster than the one that joined first")
    hashed = _hash(credential)
    tx.execute(
        update(cluster_agents)
        .where(cluster_agents.c.cluster_id == agent.cluster_id, cluster_agents.c.next_hash == hashed)
        .values(credential_hash=hashed, next_hash=None)
    )
    _change(
        tx,
        agent.cluster_id,
        tunnel=tunnel,
        machine=machine,
        host=host,
        problem=None,
        connected_at=now,
        left_at=None,
    )


def note_problem(tx: Connection, agent: Agent, problem: str) -> None:
    """Why an agent that has the credential is not let in."""
    _change(tx, agent.cluster_id, problem=problem[:500])


def holds(tx: Connection, agent: Agent, credential: str, tunnel: str) -> str | None:
    """None while this tunnel is the cluster's, else why it is not: `replaced` or `removed`."""
    query = select(cluster_agents.c.tunnel).where(
        cluster_agents.c.cluster_id == agent.cluster_id, _has(credential)
    )
    row = tx.execute(query).one_or_none()
    if row is None:
        return "removed"
    return None if row[0] == tunnel else "replaced"


def note_left(tx: Connection, tunnel: str, now: datetime) -> None:
    """The line of this tunnel ended."""
    tx.execute(
        update(cluster_agents).where(cluster_agents.c.tunnel == tunnel).values(tunnel=None, left_at=now)
    )


def forget_tunnels(tx: Connection, machine: str, now: datetime) -> None:
    """A server begins on this machine: whatever tunnel an earlier one held has ended with it."""
    tx.execute(
        update(cluster_agents)
        .where(cluster_agents.c.machine == machine, cluster_agents.c.tunnel.is_not(None))
        .values(tunnel=None, left_at=now)
    )


def tunnels_now(tx: Connection) -> dict[int, str]:
    """The tunnel of each cluster whose agent is connected, by the cluster's number."""
    query = select(cluster_agents.c.cluster_id, cluster_agents.c.tunnel).where(
        cluster_agents.c.tunnel.is_not(None)
    )
    return {row[0]: row[1] for row in tx.execute(query)}


def find_agent(tx: Connection, cluster: Cluster) -> Agent | None:
    """None for a cluster that is reached by its kubeconfig."""
    found = tx.execute(_AGENTS.where(cluster_agents.c.cluster_id == cluster.id)).one_or_none()
    return None if found is None else _agent(found)


def _register(
    tx: Connection, sealer: Sealer, asked: Joining, created_by: int | None, now: datetime
) -> Cluster:
    check_name(asked.name)
    check_description(asked.description)
    organization = None if asked.organization is None else get_organization(tx, asked.organization).id
    socket = new_id()
    row = {
        "name": asked.name,
        "organization_id": organization,
        "description": asked.description,
        "server": SERVER,
        "context": "",
        "sealed_login": sealer.seal(ClusterLogin(SERVER, "", tunnel=socket).to_bytes()),
        "uid": None,
        "makes_default_secret": asked.makes_default_secret,
        "created_by": created_by,
        "created_at": now,
        "changed_at": now,
        "kind": ClusterKind.KUBERNETES,
    }
    tx.execute(insert(clusters).values(row))
    made = get_cluster(tx, asked.name)
    tx.execute(insert(cluster_agents).values(cluster_id=made.id, socket=socket))
    return made


def _change(tx: Connection, cluster_id: int, **values: object) -> None:
    tx.execute(update(cluster_agents).where(cluster_agents.c.cluster_id == cluster_id).values(**values))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _has(credential: str) -> Any:
    hashed = _hash(credential)
    return or_(cluster_agents.c.credential_hash == hashed, cluster_agents.c.next_hash == hashed)


def _agent(row: Sequence[Any]) -> Agent:
    until = None if row[8] is None else datetime.fromtimestamp(row[8], UTC)
    return Agent(row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], until)


_AGENTS = select(
    cluster_agents.c.cluster_id,
    cluster_agents.c.socket,
    cluster_agents.c.tunnel,
    cluster_agents.c.machine,
    cluster_agents.c.host,
    cluster_agents.c.problem,
    cluster_agents.c.connected_at,
    cluster_agents.c.left_at,
    cluster_agents.c.token_expires,
)
