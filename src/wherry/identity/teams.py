"""Teams of an organization: made, changed, their members by hand or by a sign-in's group claim."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from wherry.db.upserts import insert_new
from wherry.identity.errors import InvalidTeam, TeamExists, TeamUnknown
from wherry.identity.organizations import get_organization
from wherry.identity.tables import organizations, robots, team_members, teams, users

MAX_TEAMS = 1000
MAX_DESCRIPTION = 1000
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Team:
    """People of whom each has the rights of the team. `oidc_group` is the claim that makes its members."""

    id: int
    organization: str
    name: str
    description: str
    oidc_group: str | None
    member_count: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Member:
    """`from_oidc`: a claim brought them, and takes them away again."""

    user: str
    from_oidc: bool
    added_at: datetime


def create_team(
    tx: Connection,
    organization: str,
    name: str,
    created_by: int | None,
    now: datetime,
    *,
    description: str = "",
    oidc_group: str | None = None,
) -> Team:
    """Raises `OrganizationUnknown`, `InvalidTeam`, `TeamExists`."""
    found = get_organization(tx, organization)
    if not _NAME.fullmatch(name):
        raise InvalidTeam(
            "the name of a team has 1 to 64 lowercase letters, digits, '.', '_' and '-',"
            " starting with a letter or digit"
        )
    _check(description, oidc_group)
    held = select(func.count()).select_from(teams).where(teams.c.organization_id == found.id)
    if tx.execute(held).scalar_one() >= MAX_TEAMS:
        raise InvalidTeam(f"an organization has at most {MAX_TEAMS} teams")
    row = insert(teams).values(
        organization_id=found.id,
        name=name,
        description=description,
        oidc_group=oidc_group,
        created_by=created_by,
        created_at=now,
    )
    try:
        with tx.begin_nested():
            tx.execute(row)
    except IntegrityError:
        raise TeamExists(organization, name) from None
    return get_team(tx, organization, name)


def find_team(tx: Connection, organization: str, name: str) -> Team | None:
    """The team of that name in the organization."""
    row = tx.execute(_TEAMS.where(organizations.c.name == organization, teams.c.name == name)).one_or_none()
    return None if row is None else Team(*row)


def get_team(tx: Connection, organization: str, name: str) -> Team:
    """Raises `TeamUnknown`."""
    team = find_team(tx, organization, name)
    if team is None:
        raise TeamUnknown(organization, name)
    return team


def list_teams(
    tx: Connection, *, organization: str | None = None, user_id: int | None = None
) -> tuple[Team, ...]:
    """By organization and name; of one organization, or those that a user is a member of."""
    query = _TEAMS.order_by(organizations.c.name, teams.c.name)
    if organization is not None:
        query = query.where(organizations.c.name == organization)
    if user_id is not None:
        mine = select(team_members.c.team_id).where(team_members.c.user_id == user_id)
        query = query.where(teams.c.id.in_(mine))
    return tuple(Team(*row) for row in tx.execute(query))


def change_team(
    tx: Connection, organization: str, name: str, *, description: str, oidc_group: str | None
) -> Team:
    """Members whom another group's claim brought stay until they sign in again.

    Raises `TeamUnknown`, `InvalidTeam`.
    """
    team = get_team(tx, organization, name)
    _check(description, oidc_group)
    tx.execute(
        update(teams).where(teams.c.id == team.id).values(description=description, oidc_group=oidc_group)
    )
    return get_team(tx, organization, name)


def delete_team(tx: Connection, organization: str, name: str) -> None:
    """The rights of its members that came by it end with it. Raises `TeamUnknown`."""
    team = get_team(tx, organization, name)
    tx.execute(delete(teams).where(teams.c.id == team.id))


def list_members(tx: Connection, team: Team) -> tuple[Member, ...]:
    """By name."""
    rows = tx.execute(
        select(users.c.name, team_members.c.from_oidc, team_members.c.added_at)
        .join(users, users.c.id == team_members.c.user_id)
        .where(team_members.c.team_id == team.id)
        .order_by(users.c.name)
    )
    return tuple(Member(*row) for row in rows)


def add_member(tx: Connection, team: Team, user_id: int, now: datetime) -> None:
    """A member that a claim brought becomes one by hand, whom no claim takes away. Raises `InvalidTeam`."""
    if tx.execute(select(robots.c.user_id).where(robots.c.user_id == user_id)).first() is not None:
        raise InvalidTeam("a robot is no member of a team; give it rights of its own")
    row = {"team_id": team.id, "user_id": user_id, "from_oidc": False, "added_at": now}
    insert_new(tx, team_members, row)
    member = (team_members.c.team_id == team.id, team_members.c.user_id == user_id)
    tx.execute(update(team_members).where(*member).values(from_oidc=False))


def remove_member(tx: Connection, team: Team, user_id: int) -> bool:
    """False where they were none. What they had by the team ends with the next request."""
    member = (team_members.c.team_id == team.id, team_members.c.user_id == user_id)
    return tx.execute(delete(team_members).where(*member)).rowcount > 0


def sync_oidc_memberships(tx: Connection, user_id: int, groups: Collection[str], now: datetime) -> None:
    """Make the user a member of the teams of these groups, and of no other that a claim had brought."""
    claimed = set(tx.execute(select(teams.c.id).where(teams.c.oidc_group.in_(groups))).scalars())
    brought = (team_members.c.user_id == user_id, team_members.c.from_oidc)
    tx.execute(delete(team_members).where(*brought, team_members.c.team_id.not_in(claimed)))
    for team_id in sorted(claimed):
        row = {"team_id": team_id, "user_id": user_id, "from_oidc": True, "added_at": now}
        insert_new(tx, team_members, row)


def _check(description: str, oidc_group: str | None) -> None:
    if len(description) > MAX_DESCRIPTION:
        raise InvalidTeam(f"the description of a team has at most {MAX_DESCRIPTION} characters")
    if oidc_group is not None and not (1 <= len(oidc_group) <= 256 and oidc_group.isprintable()):
        raise InvalidTeam("the group of a team has 1 to 256 printable characters")


_MEMBERS = (
    select(func.count())
    .select_from(team_members)
    .where(team_members.c.team_id == teams.c.id)
    .scalar_subquery()
)
_TEAMS = select(
    teams.c.id,
    organizations.c.name,
    teams.c.name,
    teams.c.description,
    teams.c.oidc_group,
    _MEMBERS,
    teams.c.created_at,
).join(organizations, organizations.c.id == teams.c.organization_id)
