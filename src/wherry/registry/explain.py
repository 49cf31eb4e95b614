"""Why may somebody, why may they not: the decision of the hot path, for a user who is not here."""

from datetime import datetime

from sqlalchemy import Connection

from wherry.access.actions import Action
from wherry.access.decisions import Actor, Decision, Image, authorize
from wherry.access.grants import level_of
from wherry.identity.users import get_user
from wherry.oci.names import RepositoryName
from wherry.registry.repositories import find_repository


def explain(tx: Connection, user_name: str, action: Action, name: RepositoryName, now: datetime) -> Decision:
    """The decision with its reason, also for an image that is not there yet. Raises `UserUnknown`."""
    user = get_user(tx, user_name)
    if user.is_disabled:
        return Decision(False, f"{user.name} is disabled")
    repository = find_repository(tx, name)
    image = Image(name, repository is not None and repository.is_public, level_of(tx, user.id, name, now))
    return authorize(Actor(user.id, user.name, user.is_admin), action, image)
