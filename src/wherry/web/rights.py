"""What decisions of the management faces rest on: levels on images and organizations, and what is public."""

from typing import Protocol

from sqlalchemy import Connection

from wherry.access.actions import Action, Need
from wherry.access.decisions import Actor, Cluster, Image, Organization
from wherry.access.grants import Standing, level_on_organization
from wherry.access.levels import NEEDED, Level
from wherry.clusters.cluster import Cluster as RegisteredCluster
from wherry.clusters.cluster import get_cluster
from wherry.clusters.federations.fleets import Fleet, get_fleet, level_on_fleet
from wherry.clusters.rights import level_on_cluster
from wherry.db.database import Database
from wherry.oci.names import RepositoryName
from wherry.registry.pull import Pulls


class RightsSources(Protocol):
    """Where rights are read from."""

    @property
    def database(self) -> Database: ...

    @property
    def standing(self) -> Standing: ...

    @property
    def pulls(self) -> Pulls: ...


async def organization_for(sources: RightsSources, actor: Actor, name: str) -> Organization:
    """The organization as the actor stands to it, without a key's ceiling. Raises `DatabaseUnavailable`."""
    user_id, level = actor.user_id, _by_role(actor)
    if user_id is not None and level < Level.EDIT:
        given = await sources.database.read(lambda tx: level_on_organization(tx, user_id, name))
        level = max(level, given)
    return Organization(name, level)


async def image_for(sources: RightsSources, actor: Actor, name: RepositoryName, action: Action) -> Image:
    """The image as the actor stands to it, as far as `action` asks. Raises `DatabaseUnavailable`."""
    need, level = action.rule.need, _by_role(actor)
    if actor.user_id is not None and level < Level.EDIT and need in NEEDED:
        level = max(level, await sources.standing.level(actor.user_id, name))
    is_public = need is Need.READ and bool(await sources.pulls.is_public(name))
    return Image(name, is_public, level)


async def cluster_for(sources: RightsSources, actor: Actor, name: str) -> tuple[Cluster, RegisteredCluster]:
    """The cluster as the actor stands to it, and what is known of it.

    Raises `ClusterUnknown`, `DatabaseUnavailable`.
    """

    def work(tx: Connection) -> tuple[Cluster, RegisteredCluster]:
        found = get_cluster(tx, name)
        return Cluster(name, level_on_cluster(tx, actor, found)), found

    return await sources.database.read(work)


async def fleet_for(sources: RightsSources, actor: Actor, name: str) -> tuple[Cluster, Fleet]:
    """The fleet as the actor stands to it, and what is known of it.

    Raises `FleetUnknown`, `DatabaseUnavailable`.
    """

    def work(tx: Connection) -> tuple[Cluster, Fleet]:
        found = get_fleet(tx, name)
        return Cluster(name, level_on_fleet(tx, actor, found), "the fleet"), found

    return await sources.database.read(work)


def _by_role(actor: Actor) -> Level:
    """What somebody has without a grant."""
    if actor.is_admin:
        return Level.EDIT
    return Level.READ if actor.is_auditor else Level.NONE
