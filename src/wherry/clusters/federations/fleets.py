"""Fleets, for who has no Karmada: named sets of clusters that one request goes to.

A fleet belongs to an organization or to the site, and gives no right on its clusters: whoever deploys to it
needs write on the fleet and on each cluster. Where that is missing is told beside the others' outcome.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from wherry.access.decisions import Actor
from wherry.access.holdings import Holdings, holdings_of
from wherry.access.levels import Level
from wherry.clusters.cluster import CLUSTERS, Cluster, cluster_of, get_cluster
from wherry.clusters.errors import (
    ClusterError,
    FleetExists,
    FleetForbidden,
    FleetUnknown,
    InvalidCluster,
)
from wherry.clusters.federations.tables import fleet_clusters, fleet_outcomes, fleet_workloads, fleets
from wherry.clusters.rights import level_on_cluster, require_level
from wherry.clusters.tables import clusters
from wherry.clusters.workloads.names import wrong_label
from wherry.db.upserts import insert_new
from wherry.identity.organizations import get_organization
from wherry.identity.tables import organizations, users
from wherry.kit.pages import Page

MAX_DESCRIPTION = 1000
MAX_CLUSTERS = 100


@dataclass(frozen=True, slots=True)
class Fleet:
    """`organization` None is a fleet of the whole site."""

    id: int
    name: str
    organization: str | None
    description: str
    created_by: str | None
    created_at: datetime
    changed_at: datetime


def create_fleet(
    tx: Connection,
    name: str,
    organization: str | None,
    description: str,
    created_by: int | None,
    now: datetime,
) -> Fleet:
    """It has no cluster yet. Raises `InvalidCluster`, `FleetExists`, `OrganizationUnknown`."""
    _check(name, description)
    row = {
        "name": name,
        "organization_id": None if organization is None else get_organization(tx, organization).id,
        "description": description,
        "created_by": created_by,
        "created_at": now,
        "changed_at": now,
    }
    try:
        with tx.begin_nested():
            tx.execute(insert(fleets).values(row))
    except IntegrityError:
        raise FleetExists(name) from None
    return get_fleet(tx, name)


def change_fleet(
    tx: Connection,
    name: str,
    now: datetime,
    *,
    new_name: str | None = None,
    description: str | None = None,
) -> Fleet:
    """What is None stays as it is. Raises `FleetUnknown`, `FleetExists`, `InvalidCluster`."""
    fleet = get_fleet(tx, name)
    row = {
        "name": new_name or name,
        "description": fleet.description if description is None else description,
        "changed_at": now,
    }
    _check(str(row["name"]), str(row["description"]))
    try:
        with tx.begin_nested():
            tx.execute(update(fleets).where(fleets.c.id == fleet.id).values(row))
    except IntegrityError:
        raise FleetExists(new_name or name) from None
    return get_fleet(tx, new_name or name)


def delete_fleet(tx: Connection, name: str) -> None:
    """With what it remembers. The clusters, and what runs in them, do not notice. Raises `FleetUnknown`."""
    if tx.execute(delete(fleets).where(fleets.c.name == name)).rowcount == 0:
        raise FleetUnknown(name)


def get_fleet(tx: Connection, name: str) -> Fleet:
    """Whoever asks. Raises `FleetUnknown`."""
    row = tx.execute(_FLEETS.where(fleets.c.name == name)).one_or_none()
    if row is None:
        raise FleetUnknown(name)
    return _fleet(row)


def list_fleets(tx: Connection, actor: Actor, *, after: str = "", size: int = 100) -> Page[Fleet]:
    """A page, in ASCII order, of those that the actor may see."""
    query = _FLEETS.where(fleets.c.name > after).order_by(fleets.c.name).limit(size + 1)
    holdings = holdings_of(tx, actor)
    if not (holdings.everything or holdings.sees_everything) or holdings.ceiling is not None:
        names = tx.execute(select(organizations.c.name)).scalars().all()
        mine = [name for name in names if holdings.level(name) is not Level.NONE]
        query = query.where(organizations.c.name.in_(mine))
    return Page.cut([_fleet(row) for row in tx.execute(query)], size)


def level_on_fleet(tx: Connection, actor: Actor, fleet: Fleet) -> Level:
    """By the actor's level on its organization; a fleet of the site is the administrators'."""
    return _level(holdings_of(tx, actor), fleet)


def require_fleet(tx: Connection, actor: Actor, name: str, wanted: Level) -> Fleet:
    """The fleet, where the actor may. Raises `FleetUnknown`, `FleetForbidden`."""
    fleet = get_fleet(tx, name)
    level = level_on_fleet(tx, actor, fleet)
    if level is Level.NONE:
        raise FleetUnknown(name)
    if level < wanted:
        raise FleetForbidden(
            f"{actor.name} has {level.word} on the fleet {name}, and this takes {wanted.word}"
        )
    return fleet


def require_create_fleet(tx: Connection, actor: Actor, organization: str | None) -> None:
    """May the actor make a fleet for the organization, or the site? Raises `FleetForbidden`."""
    holdings = holdings_of(tx, actor)
    if organization is None:
        if not holdings.everything or holdings.ceiling is not None:
            raise FleetForbidden("only an administrator makes a fleet for the whole site")
    elif holdings.level(organization) < Level.EDIT:
        raise FleetForbidden(f"making a fleet for {organization} takes edit on the organization")


def add_cluster(tx: Connection, actor: Actor, fleet: Fleet, cluster: str, now: datetime) -> None:
    """One that the actor may deploy to. Raises `ClusterUnknown`, `ClusterForbidden`, `InvalidCluster`."""
    found = require_level(tx, actor, cluster, Level.WRITE)
    known = {one.id for one in clusters_of(tx, fleet)}
    if len(known | {found.id}) > MAX_CLUSTERS:
        raise InvalidCluster(f"a fleet has at most {MAX_CLUSTERS} clusters")
    insert_new(tx, fleet_clusters, {"fleet_id": fleet.id, "cluster_id": found.id})
    tx.execute(update(fleets).where(fleets.c.id == fleet.id).values(changed_at=now))


def remove_cluster(tx: Connection, fleet: Fleet, cluster: str, now: datetime) -> bool:
    """What runs there goes on, and is forgotten here; False where it was not of the fleet."""
    found = get_cluster(tx, cluster)
    gone = tx.execute(
        delete(fleet_clusters).where(
            fleet_clusters.c.fleet_id == fleet.id, fleet_clusters.c.cluster_id == found.id
        )
    )
    ours = select(fleet_workloads.c.id).where(fleet_workloads.c.fleet_id == fleet.id)
    tx.execute(
        delete(fleet_outcomes).where(
            fleet_outcomes.c.cluster_id == found.id, fleet_outcomes.c.workload_id.in_(ours)
        )
    )
    tx.execute(update(fleets).where(fleets.c.id == fleet.id).values(changed_at=now))
    return gone.rowcount > 0


def clusters_of(tx: Connection, fleet: Fleet) -> tuple[Cluster, ...]:
    """All of them, by name."""
    mine = select(fleet_clusters.c.cluster_id).where(fleet_clusters.c.fleet_id == fleet.id)
    query = CLUSTERS.where(clusters.c.id.in_(mine)).order_by(clusters.c.name)
    return tuple(cluster_of(row) for row in tx.execute(query))


def clusters_for(
    tx: Connection, actor: Actor, fleet: Fleet, wanted: Level
) -> tuple[tuple[Cluster, ...], dict[str, str]]:
    """Those that the actor may do this with, and why not of each other that they may see.

    What they may not see is in neither.
    """
    may: list[Cluster] = []
    refused: dict[str, str] = {}
    for cluster in clusters_of(tx, fleet):
        try:
            require_level(tx, actor, cluster.name, wanted)
        except ClusterError as error:
            if level_on_cluster(tx, actor, cluster) is not Level.NONE:
                refused[cluster.name] = str(error)
        else:
            may.append(cluster)
    return tuple(may), refused


def _level(holdings: Holdings, fleet: Fleet) -> Level:
    if holdings.everything and holdings.ceiling is None:
        return Level.EDIT
    if fleet.organization is None:
        return Level.READ if holdings.sees_everything and holdings.ceiling is None else Level.NONE
    return holdings.level(fleet.organization)


def _check(name: str, description: str) -> None:
    problem = wrong_label("fleet name", name)
    if problem is not None or not name[0].isalpha():
        raise InvalidCluster(
            f"fleet name {name[:80]!r}: 1 to 63 lowercase letters, digits and '-',"
            " starting with a letter and not ending in '-'"
        )
    if len(description) > MAX_DESCRIPTION:
        raise InvalidCluster(f"the description of a fleet has at most {MAX_DESCRIPTION} characters")


def _fleet(row: Sequence[Any]) -> Fleet:
    return Fleet(row[0], row[1], row[2], row[3], row[4], row[5], row[6])


_FLEETS = (
    select(
        fleets.c.id,
        fleets.c.name,
        organizations.c.name,
        fleets.c.description,
        users.c.name,
        fleets.c.created_at,
        fleets.c.changed_at,
    )
    .outerjoin(organizations, organizations.c.id == fleets.c.organization_id)
    .outerjoin(users, users.c.id == fleets.c.created_by)
)
