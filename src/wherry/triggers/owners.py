"""As whom a trigger acts: its owner, with the rights that they have when it is made, and when it fires."""

from datetime import datetime

from sqlalchemy import Connection

from wherry.access.actors import ceiling_of
from wherry.access.decisions import Actor
from wherry.access.levels import Level
from wherry.access.standings import standings_of
from wherry.clusters.cluster import Cluster
from wherry.clusters.rights import require_level
from wherry.identity.users import find_user_by_id
from wherry.oci.names import RepositoryName
from wherry.triggers.errors import TriggerForbidden


def owner_of(tx: Connection, owner_id: int | None, owner: str) -> Actor:
    """The owner as an actor. Raises `TriggerForbidden` where nobody of that name may act any more."""
    user = None if owner_id is None else find_user_by_id(tx, owner_id)
    if user is None:
        raise TriggerForbidden(
            f"the trigger's owner {owner} is no longer a user; somebody with write on the image"
            " has to take it over by saving it again"
        )
    if user.is_disabled:
        raise TriggerForbidden(f"the trigger's owner {user.name} is disabled")
    return Actor(
        user.id,
        user.name,
        user.is_admin,
        ceiling=ceiling_of(None, user.robot_of),
        is_auditor=user.is_auditor,
        robot_of=user.robot_of,
    )


def require_write(tx: Connection, actor: Actor, image: RepositoryName, now: datetime) -> None:
    """Raises `TriggerForbidden`."""
    level = standings_of(tx, actor, [image], now)[image].level if actor.user_id is not None else Level.NONE
    if level < Level.WRITE:
        raise TriggerForbidden(
            f"{actor.name} has {level.word if level else 'no right'} on {image}, and a trigger takes write"
        )


def require_cluster(tx: Connection, actor: Actor, name: str) -> Cluster:
    """A cluster that the actor may deploy to. Raises `ClusterUnknown`, `ClusterForbidden`."""
    return require_level(tx, actor, name, Level.WRITE)
