"""Who may do what with a cluster: see it (read), deploy to it (write), change and remove it (edit).

A cluster of an organization is its members', each by their level on the organization. A cluster of the site
is the administrators'. Either may be opened to further organizations, at most up to a level. A cluster that
somebody may not see is not there for them.
"""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Connection, delete, or_, select

from wherry.access.decisions import Actor
from wherry.access.holdings import Holdings, holdings_of
from wherry.access.levels import Level
from wherry.clusters.cluster import CLUSTERS, Cluster, cluster_of, get_cluster
from wherry.clusters.errors import ClusterForbidden, ClusterUnknown, InvalidCluster
from wherry.clusters.tables import cluster_openings, clusters
from wherry.db.upserts import put_row
from wherry.identity.organizations import get_organization, list_organizations
from wherry.identity.tables import organizations
from wherry.kit.pages import Page


def open_cluster(tx: Connection, name: str, organization: str, level: Level) -> None:
    """Members may use the cluster by their level on their organization, at most `level` (read or write).

    Raises `ClusterUnknown`, `OrganizationUnknown`, `InvalidCluster`.
    """
    cluster = get_cluster(tx, name)
    if cluster.organization == organization:
        raise InvalidCluster(f"the cluster {name} belongs to {organization} already")
    if level not in (Level.READ, Level.WRITE):
        raise InvalidCluster("a cluster is opened for read or for write; who changes it is its owner")
    row = {
        "cluster_id": cluster.id,
        "organization_id": get_organization(tx, organization).id,
        "level": int(level),
    }
    put_row(tx, cluster_openings, row)


def close_cluster(tx: Connection, name: str, organization: str) -> bool:
    """Take an opening back; False where there was none. Raises `ClusterUnknown`, `OrganizationUnknown`."""
    cluster, closed = get_cluster(tx, name), get_organization(tx, organization).id
    gone = tx.execute(
        delete(cluster_openings).where(
            cluster_openings.c.cluster_id == cluster.id, cluster_openings.c.organization_id == closed
        )
    )
    return gone.rowcount > 0


def openings_of(tx: Connection, cluster: Cluster) -> dict[str, Level]:
    """Levels by organization."""
    rows = tx.execute(
        select(organizations.c.name, cluster_openings.c.level)
        .join(organizations, organizations.c.id == cluster_openings.c.organization_id)
        .where(cluster_openings.c.cluster_id == cluster.id)
        .order_by(organizations.c.name)
    )
    return {row[0]: Level(row[1]) for row in rows}


def level_on_cluster(tx: Connection, actor: Actor, cluster: Cluster) -> Level:
    """The highest that applies."""
    return _level(holdings_of(tx, actor), cluster, openings_of(tx, cluster).items())


def require_level(tx: Connection, actor: Actor, name: str, wanted: Level) -> Cluster:
    """The cluster, where the actor may. Raises `ClusterUnknown`, `ClusterForbidden`."""
    cluster = get_cluster(tx, name)
    level = level_on_cluster(tx, actor, cluster)
    if level is Level.NONE:
        raise ClusterUnknown(name)
    if level < wanted:
        raise ClusterForbidden(
            f"{actor.name} has {level.word} on the cluster {name}, and this takes {wanted.word}"
        )
    return cluster


def require_register(tx: Connection, actor: Actor, organization: str | None) -> None:
    """May the actor register a cluster for the organization, or the site? Raises `ClusterForbidden`."""
    holdings = holdings_of(tx, actor)
    if organization is None:
        if not holdings.everything or holdings.ceiling is not None:
            raise ClusterForbidden("only an administrator registers a cluster for the whole site")
    elif holdings.level(organization) < Level.EDIT:
        raise ClusterForbidden(f"registering a cluster for {organization} takes edit on the organization")


def list_clusters(
    tx: Connection,
    actor: Actor,
    *,
    after: str = "",
    size: int = 100,
    contains: str = "",
    organization: str | None = None,
) -> Page[Cluster]:
    """A page, in ASCII order, of those that the actor may see."""
    query = CLUSTERS.where(clusters.c.name > after).order_by(clusters.c.name).limit(size + 1)
    if contains:
        query = query.where(clusters.c.name.contains(contains, autoescape=True))
    if organization is not None:
        query = query.where(organizations.c.name == organization)
    holdings = holdings_of(tx, actor)
    if not _sees_all(holdings):
        query = query.where(_visible(tx, holdings))
    return Page.cut([cluster_of(row) for row in tx.execute(query)], size)


def visible_names(tx: Connection, actor: Actor) -> frozenset[str] | None:
    """Of the clusters that the actor may see; None for all."""
    holdings = holdings_of(tx, actor)
    if _sees_all(holdings):
        return None
    return frozenset(tx.execute(select(clusters.c.name).where(_visible(tx, holdings))).scalars())


def _sees_all(holdings: Holdings) -> bool:
    return holdings.ceiling is None and (holdings.everything or holdings.sees_everything)


def _visible(tx: Connection, holdings: Holdings) -> ColumnElement[bool]:
    sees_all = holdings.everything or holdings.sees_everything
    names = [one.name for one in list_organizations(tx)] if sees_all else holdings.levels
    mine = select(organizations.c.id).where(
        organizations.c.name.in_([name for name in names if holdings.level(name) is not Level.NONE])
    )
    opened = select(cluster_openings.c.cluster_id).where(cluster_openings.c.organization_id.in_(mine))
    return or_(clusters.c.organization_id.in_(mine), clusters.c.id.in_(opened))


def _level(holdings: Holdings, cluster: Cluster, openings: Iterable[tuple[str, Level]]) -> Level:
    if holdings.everything and holdings.ceiling is None:
        return Level.EDIT
    own = Level.READ if _sees_all(holdings) else Level.NONE
    if cluster.organization is not None:
        own = max(own, holdings.level(cluster.organization))
    return max([own, *(min(holdings.level(name), at_most) for name, at_most in openings)])
