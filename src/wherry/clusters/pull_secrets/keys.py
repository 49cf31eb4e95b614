"""The keys that a cluster pulls with: one robot for each organization that it serves, which may only read.

A key is replaced at half of its life. The old one ends only when every namespace has had the new one for a
while, so that no pull fails in between, not even of a node that has read the secret a minute ago.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from wherry.access.grants import grant
from wherry.access.levels import Level
from wherry.access.resources import Kind, Resource
from wherry.clusters.cluster import Cluster
from wherry.clusters.pull_secrets.documents import RegistryLogin
from wherry.clusters.rights import openings_of
from wherry.clusters.tables import cluster_pull_keys, pull_secret_keys
from wherry.identity.access_keys import create_access_key, delete_access_key
from wherry.identity.errors import AccessKeyUnknown, RobotUnknown
from wherry.identity.login_keys import login_key
from wherry.identity.robots import Robot, create_robot, delete_robot, get_robot
from wherry.kit.secrets import Sealer

LIFETIME = timedelta(hours=48)
# kubelets keep a secret that they have read for about a minute.
OVERLAP = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class PullKey:
    """`retires_at` is set once all namespaces have a newer one."""

    id: int
    organization: str
    key_id: str
    user_name: str
    issued_at: datetime
    expires_at: datetime
    retires_at: datetime | None


@dataclass(frozen=True, slots=True)
class PullLogins:
    """What goes into the cluster's secrets now. `logins` hold the passwords."""

    logins: tuple[RegistryLogin, ...]
    source: str
    expires_at: datetime | None


def current_logins(
    tx: Connection,
    sealer: Sealer,
    cluster: Cluster,
    registry: str,
    now: datetime,
    *,
    lifetime: timedelta = LIFETIME,
    rotate: bool = False,
) -> PullLogins:
    """The newest key of each organization; a new one where there is none, where it is due, or with `rotate`.

    A cluster that belongs to nobody and is opened to nobody pulls nothing: there are no logins then.
    """
    organizations = served_by(tx, cluster)
    logins, sources, ends = [], [], []
    for organization in organizations:
        newest = _newest(tx, cluster, organization)
        if newest is None or rotate or _is_due(newest[0], now, lifetime):
            _issue(tx, sealer, cluster, organization, now, lifetime)
            newest = _newest(tx, cluster, organization)
            assert newest is not None, "it was issued"
        key, sealed = newest
        # With one organization the plain host, which every client understands; kubelets know paths too.
        place = registry if len(organizations) == 1 else f"{registry}/{organization}"
        logins.append(RegistryLogin(place, key.user_name, sealer.open(sealed).decode()))
        sources.append(key.key_id)
        ends.append(key.expires_at)
    return PullLogins(tuple(logins), ",".join(sources), min(ends, default=None))


def rolled_out(
    tx: Connection, cluster: Cluster, source: str, now: datetime, *, overlap: timedelta = OVERLAP
) -> None:
    """Every namespace has the keys of `source`: older ones end after the overlap."""
    kept = source.split(",")
    ends = int((now + overlap).timestamp())
    tx.execute(
        update(cluster_pull_keys)
        .where(
            cluster_pull_keys.c.cluster_id == cluster.id,
            cluster_pull_keys.c.key_id.not_in(kept),
            cluster_pull_keys.c.retires.is_(None),
        )
        .values(retires=ends)
    )


def end_retired(tx: Connection, now: datetime, cluster: Cluster | None = None) -> int:
    """Delete the keys whose time is over, of default secrets and of own ones; how many."""
    query = select(cluster_pull_keys.c.id, cluster_pull_keys.c.key_id).where(
        cluster_pull_keys.c.retires <= int(now.timestamp())
    )
    if cluster is not None:
        query = query.where(cluster_pull_keys.c.cluster_id == cluster.id)
    gone = tx.execute(query).all()
    for row_id, key_id in gone:
        end_key(tx, key_id)
        tx.execute(delete(cluster_pull_keys).where(cluster_pull_keys.c.id == row_id))
    return len(gone) + _end_retired_own(tx, now, cluster)


def list_pull_keys(tx: Connection, cluster: Cluster) -> tuple[PullKey, ...]:
    """The newest first."""
    rows = tx.execute(_KEYS.where(cluster_pull_keys.c.cluster_id == cluster.id))
    return tuple(_key(row) for row in rows)


def revoke_pull_keys(tx: Connection, cluster: Cluster) -> None:
    """All of them end at once, with their robots: the cluster is removed, or makes no secret any more."""
    organizations = set()
    for table in (cluster_pull_keys, pull_secret_keys):
        query = select(table.c.organization, table.c.key_id).where(table.c.cluster_id == cluster.id)
        for organization, key_id in tx.execute(query).all():
            end_key(tx, key_id)
            organizations.add(str(organization))
        tx.execute(delete(table).where(table.c.cluster_id == cluster.id))
    for organization in organizations:
        for name in (_robot_name(cluster), own_robot_name(cluster)):
            try:
                delete_robot(tx, organization, name)
            except RobotUnknown:
                continue


def current_source(tx: Connection, cluster: Cluster) -> str | None:
    """What a default secret that is as it should be names as its source; None while there is no key."""
    newest = [_newest(tx, cluster, organization) for organization in served_by(tx, cluster)]
    return ",".join(one[0].key_id for one in newest if one is not None) or None


def _issue(
    tx: Connection, sealer: Sealer, cluster: Cluster, organization: str, now: datetime, lifetime: timedelta
) -> None:
    robot = robot_of(tx, cluster, organization, _robot_name(cluster), now)
    ends = now + lifetime
    made = create_access_key(
        tx, sealer, robot.user_id, "pull secrets", now, scope={organization: int(Level.READ)}, expires_at=ends
    )
    password = login_key(made.id, made.secret)
    row = {
        "cluster_id": cluster.id,
        "organization": organization,
        "key_id": made.id,
        "user_name": f"wherry@{made.id}",
        "sealed_password": sealer.seal(password.encode()),
        "issued_at": now,
        "expires": int(ends.timestamp()),
        "retires": None,
    }
    tx.execute(insert(cluster_pull_keys).values(row))


def robot_of(tx: Connection, cluster: Cluster, organization: str, name: str, now: datetime) -> Robot:
    """One whose keys read the organization's images and nothing else; made where it is not there yet."""
    try:
        return get_robot(tx, organization, name)
    except RobotUnknown:
        told = f"pulls for the cluster {cluster.name}"
        robot = create_robot(tx, organization, name, told, None, now)
        grant(tx, robot.user_id, Resource(Kind.ORGANIZATION, organization), Level.READ, None, now)
        return robot


def own_robot_name(cluster: Cluster) -> str:
    """Of keys in secrets that people asked for: however many, they keep `default-secret` from nothing."""
    return f"{_robot_name(cluster)}-own"


def _robot_name(cluster: Cluster) -> str:
    # By the number: a cluster can be renamed.
    return f"cluster-{cluster.id}"


def served_by(tx: Connection, cluster: Cluster) -> tuple[str, ...]:
    """Organizations whose images the cluster pulls: the one that it belongs to, and those it is opened to."""
    own = () if cluster.organization is None else (cluster.organization,)
    return (*own, *(name for name in openings_of(tx, cluster) if name not in own))


def _end_retired_own(tx: Connection, now: datetime, cluster: Cluster | None) -> int:
    query = select(pull_secret_keys.c.key_id).where(pull_secret_keys.c.retires <= int(now.timestamp()))
    if cluster is not None:
        query = query.where(pull_secret_keys.c.cluster_id == cluster.id)
    gone = tx.execute(query).scalars().all()
    for key_id in gone:
        end_key(tx, key_id)
        tx.execute(delete(pull_secret_keys).where(pull_secret_keys.c.key_id == key_id))
    return len(gone)


def _newest(tx: Connection, cluster: Cluster, organization: str) -> tuple[PullKey, str] | None:
    row = tx.execute(
        _KEYS.where(
            cluster_pull_keys.c.cluster_id == cluster.id, cluster_pull_keys.c.organization == organization
        ).limit(1)
    ).one_or_none()
    return None if row is None else (_key(row), str(row[7]))


def _is_due(key: PullKey, now: datetime, lifetime: timedelta) -> bool:
    return key.retires_at is not None or now >= key.expires_at - lifetime / 2


def end_key(tx: Connection, key_id: str) -> None:
    """At once; one that is gone already is no error."""
    try:
        delete_access_key(tx, key_id)
    except AccessKeyUnknown:
        return


def _key(row: Sequence[Any]) -> PullKey:
    retires = None if row[6] is None else datetime.fromtimestamp(row[6], tz=UTC)
    return PullKey(row[0], row[1], row[2], row[3], row[4], datetime.fromtimestamp(row[5], tz=UTC), retires)


_KEYS = select(
    cluster_pull_keys.c.id,
    cluster_pull_keys.c.organization,
    cluster_pull_keys.c.key_id,
    cluster_pull_keys.c.user_name,
    cluster_pull_keys.c.issued_at,
    cluster_pull_keys.c.expires,
    cluster_pull_keys.c.retires,
    cluster_pull_keys.c.sealed_password,
).order_by(cluster_pull_keys.c.id.desc())
