"""Why may somebody, why may they not: the decision of the hot path, for a login that is not here."""

from datetime import datetime

from sqlalchemy import Connection

from wherry.access.actions import Action
from wherry.access.actors import ceiling_of
from wherry.access.decisions import Actor, Decision, Image, Organization, authorize
from wherry.access.grants import level_of, level_on_organization
from wherry.access.resources import Kind, Resource
from wherry.identity.access_keys import AccessKey, get_access_key
from wherry.identity.users import get_user
from wherry.oci.names import RepositoryName
from wherry.registry.repositories import find_repository


def explain(
    tx: Connection,
    user_name: str,
    action: Action,
    resource: RepositoryName | Resource,
    now: datetime,
    *,
    key_id: str | None = None,
) -> Decision:
    """The decision with its reason, also on what is not there yet; with `key_id` for a login by that key.

    Raises `UserUnknown`, `AccessKeyUnknown`.
    """
    user = get_user(tx, user_name)
    if user.is_disabled:
        return Decision(False, f"{user.name} is disabled")
    key = None if key_id is None else get_access_key(tx, key_id)
    unusable = None if key is None else _unusable(key, user.name, now)
    if unusable is not None:
        return Decision(False, unusable)
    actor = Actor(
        user.id,
        user.name,
        user.is_admin,
        key_id=key_id,
        ceiling=ceiling_of(None if key is None else key.scope, user.robot_of),
        is_auditor=user.is_auditor,
        robot_of=user.robot_of,
    )
    return authorize(actor, action, _on(tx, user.id, resource, now))


def _unusable(key: AccessKey, user: str, now: datetime) -> str | None:
    if key.user != user:
        return f"the access key {key.id} is not one of {user}"
    if key.is_disabled:
        return f"the access key {key.id} is disabled"
    if key.expires_at is not None and key.expires_at <= now:
        return f"the access key {key.id} has expired"
    return None


def _on(
    tx: Connection, user_id: int, resource: RepositoryName | Resource, now: datetime
) -> Image | Organization:
    if isinstance(resource, Resource):
        if resource.kind is Kind.ORGANIZATION:
            return Organization(resource.name, level_on_organization(tx, user_id, resource.name))
        resource = RepositoryName.parse(resource.name)
    repository = find_repository(tx, resource)
    is_public = repository is not None and repository.is_public
    return Image(resource, is_public, level_of(tx, user_id, resource, now))
