"""Why may somebody, why may they not: the decision of the hot path, for a login that is not here.

With it every right that has a part in it, and where each comes from.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, or_, select

from wherry.access.actions import Action, Need
from wherry.access.actors import ceiling_of
from wherry.access.decisions import Actor, Image, Organization, authorize
from wherry.access.grants import level_of, level_on_organization
from wherry.access.held import held
from wherry.access.levels import NEEDED, Level
from wherry.access.resources import Kind, Resource
from wherry.access.shares import list_shares
from wherry.access.tables import grants, team_grants
from wherry.identity.access_keys import AccessKey, get_access_key
from wherry.identity.tables import organizations, team_members, teams
from wherry.identity.users import User, get_user
from wherry.oci.names import RepositoryName
from wherry.registry.errors import WrongResource
from wherry.registry.repositories import find_repository


class Source(StrEnum):
    """Where a right comes from; `KEY` is a limit that an access key sets to all others."""

    GRANT = "grant"
    TEAM = "team"
    SHARE = "share"
    PUBLIC = "public"
    ROLE = "role"
    KEY = "key"


@dataclass(frozen=True, slots=True)
class Right:
    """`suffices` tells whether its level is enough; of a limit, whether it leaves enough."""

    source: Source
    level: Level
    words: str
    suffices: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """`reason` is what a request would be answered with; `rights` are all that there are."""

    allowed: bool
    reason: str
    rights: tuple[Right, ...] = ()


def explain(
    tx: Connection,
    user_name: str,
    action: Action,
    resource: RepositoryName | Resource | None,
    now: datetime,
    *,
    key_id: str | None = None,
) -> Explanation:
    """The decision with its reason, also on what is not there yet; with `key_id` for a login by that key.

    Raises `UserUnknown`, `AccessKeyUnknown`, `WrongResource`.
    """
    if isinstance(resource, RepositoryName):
        resource = Resource(Kind.IMAGE, resource.text)
    resource = _fitting(action, resource)
    user = get_user(tx, user_name)
    if user.is_disabled:
        return Explanation(False, f"{user.name} is disabled")
    key = None if key_id is None else get_access_key(tx, key_id)
    unusable = None if key is None else _unusable(key, user.name, now)
    if unusable is not None:
        return Explanation(False, unusable)
    actor = Actor(
        user.id,
        user.name,
        user.is_admin,
        key_id=key_id,
        ceiling=ceiling_of(None if key is None else key.scope, user.robot_of),
        is_auditor=user.is_auditor,
        robot_of=user.robot_of,
    )
    on = None if resource is None else _on(tx, user.id, resource, now)
    decision = authorize(actor, action, on)
    wanted = NEEDED.get(action.rule.need, Level.NONE)
    found = [*_of_role(user), *_limits(actor, on)]
    if resource is not None and on is not None:
        found += [*_given(tx, user, resource), *_shared(tx, user, on, now), *_public(on)]
    rights = tuple(
        Right(source, level, words, _suffices(action, source, level, wanted))
        for source, level, words in found
    )
    return Explanation(decision.allowed, decision.reason, rights)


def _fitting(action: Action, resource: Resource | None) -> Resource | None:
    """What the action is decided on. Raises `WrongResource`."""
    if action.rule.need not in NEEDED:
        if resource is not None:
            raise WrongResource(f"{action} is not about an image or an organization: leave {resource} out")
        return None
    if resource is None:
        raise WrongResource(f"{action} is about an image or an organization: say which")
    if action is Action.IMAGE_CREATE:
        return Resource(Kind.ORGANIZATION, resource.organization)
    if resource.kind is Kind.IMAGE and not action.startswith("image."):
        raise WrongResource(f"{action} is about an organization, not about the {resource}")
    return resource


def _unusable(key: AccessKey, user: str, now: datetime) -> str | None:
    if key.user != user:
        return f"the access key {key.id} is not one of {user}"
    if key.is_disabled:
        return f"the access key {key.id} is disabled"
    if key.expires_at is not None and key.expires_at <= now:
        return f"the access key {key.id} has expired"
    return None


def _on(tx: Connection, user_id: int, resource: Resource, now: datetime) -> Image | Organization:
    if resource.kind is Kind.ORGANIZATION:
        return Organization(resource.name, level_on_organization(tx, user_id, resource.name))
    name = RepositoryName.parse(resource.name)
    repository = find_repository(tx, name)
    is_public = repository is not None and repository.is_public
    return Image(name, is_public, level_of(tx, user_id, name, now))


_Found = tuple[Source, Level, str]


def _suffices(action: Action, source: Source, level: Level, wanted: Level) -> bool:
    """An auditor's right is to look, and no more; some actions no key of a narrower scope can do at all."""
    if source is Source.ROLE:
        return level is Level.EDIT or action.rule.looks
    if source is Source.KEY and action.rule.need in (Need.USER, Need.ADMIN):
        return False
    return level >= wanted


def _of_role(user: User) -> list[_Found]:
    if user.is_admin:
        return [(Source.ROLE, Level.EDIT, f"everything, as {user.name} is an administrator")]
    if user.is_auditor:
        return [(Source.ROLE, Level.READ, f"a look at everything, as {user.name} is an auditor")]
    return []


def _limits(actor: Actor, on: Image | Organization | None) -> list[_Found]:
    if actor.ceiling is None:
        return []
    what = f"a robot of {actor.robot_of}" if actor.key_id is None else f"the access key {actor.key_id}"
    if on is None:
        return [(Source.KEY, Level.NONE, f"{what} is for images of its scope only")]
    level = Level(max(actor.ceiling.get(name, 0) for name in on.scopes))
    return [(Source.KEY, level, f"{what} allows {_word(level)} on {on.name} at the most")]


def _given(tx: Connection, user: User, resource: Resource) -> list[_Found]:
    """By hand and by teams, on the image and on its organization."""
    names = {(resource.kind, resource.name), (Kind.ORGANIZATION, resource.organization)}
    own = select(grants.c.kind, grants.c.name, grants.c.level).where(
        grants.c.user_id == user.id,
        or_(*((grants.c.kind == kind.value) & (grants.c.name == name) for kind, name in sorted(names))),
    )
    by_team = (
        select(
            *(team_grants.c.kind, team_grants.c.name, team_grants.c.level),
            *(organizations.c.name, teams.c.name),
        )
        .join_from(team_grants, teams, teams.c.id == team_grants.c.team_id)
        .join(organizations, organizations.c.id == teams.c.organization_id)
        .join(team_members, team_members.c.team_id == teams.c.id)
        .where(
            team_members.c.user_id == user.id,
            or_(
                *(
                    (team_grants.c.kind == kind.value) & (team_grants.c.name == name)
                    for kind, name in sorted(names)
                )
            ),
        )
        .order_by(teams.c.name)
    )
    found: list[_Found] = []
    for kind, name, number in tx.execute(own):
        level, on = Level(number), Resource(Kind(kind), name)
        found.append((Source.GRANT, level, f"{level.word} on the {on}, given to {user.name}"))
    for kind, name, number, organization, team in tx.execute(by_team):
        level, on = Level(number), Resource(Kind(kind), name)
        words = f"{level.word} on the {on}, by the team {organization}/{team}"
        found.append((Source.TEAM, level, words))
    return found


def _shared(tx: Connection, user: User, on: Image | Organization, now: datetime) -> list[_Found]:
    if not isinstance(on, Image):
        return []
    mine = set(
        tx.execute(
            select(held.c.name).where(held.c.user_id == user.id, held.c.kind == Kind.ORGANIZATION.value)
        ).scalars()
    )
    return [
        (
            Source.SHARE,
            Level.READ,
            f"read on the image {on.name}, shared with {share.organization}"
            + ("" if share.deadline is None else f" until {share.deadline:%Y-%m-%d %H:%M:%S} UTC"),
        )
        for share in list_shares(tx, image=on.name)
        if share.organization in mine and share.is_valid(now)
    ]


def _public(on: Image | Organization) -> list[_Found]:
    return (
        [(Source.PUBLIC, Level.READ, f"read on the image {on.name}, which is public")] if on.is_public else []
    )


def _word(level: Level) -> str:
    return "nothing" if level is Level.NONE else level.word
