"""Rights given to teams, on their own organization or an image of it: each member has them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, select

from wherry.access.errors import InvalidGrant
from wherry.access.events import tell_of_right
from wherry.access.levels import Level
from wherry.access.resources import Kind, Resource
from wherry.access.tables import team_grants
from wherry.db.upserts import put_row
from wherry.identity.tables import organizations, teams
from wherry.identity.teams import Team


@dataclass(frozen=True, slots=True)
class TeamGrant:
    """A right as it was given."""

    organization: str
    team: str
    resource: Resource
    level: Level
    granted_at: datetime


def grant_to_team(
    tx: Connection, team: Team, resource: Resource, level: Level, granted_by: int | None, now: datetime
) -> None:
    """Give the right, in place of the one that the team had on the same resource. Raises `InvalidGrant`."""
    if resource.organization != team.organization:
        raise InvalidGrant(
            f"a team of {team.organization} has rights within {team.organization} only, not on {resource};"
            " share the image with the organization, or grant to its users"
        )
    before = _given(tx, team, resource)
    row = {
        "team_id": team.id,
        "kind": resource.kind.value,
        "name": resource.name,
        "level": int(level),
        "granted_by": granted_by,
        "granted_at": now,
    }
    put_row(tx, team_grants, row)
    _tell(tx, team, resource, before, level, granted_by, now)


def revoke_from_team(
    tx: Connection, team: Team, resource: Resource, revoked_by: int | None, now: datetime
) -> bool:
    """Take the right back; False where there was none."""
    before = _given(tx, team, resource)
    gone = tx.execute(delete(team_grants).where(*_exactly(team, resource)))
    _tell(tx, team, resource, before, Level.NONE, revoked_by, now)
    return gone.rowcount > 0


def _exactly(team: Team, resource: Resource) -> tuple[ColumnElement[bool], ...]:
    return (
        team_grants.c.team_id == team.id,
        team_grants.c.kind == resource.kind.value,
        team_grants.c.name == resource.name,
    )


def _given(tx: Connection, team: Team, resource: Resource) -> Level:
    found = tx.execute(select(team_grants.c.level).where(*_exactly(team, resource))).scalar_one_or_none()
    return Level(found or 0)


def _tell(
    tx: Connection,
    team: Team,
    resource: Resource,
    before: Level,
    after: Level,
    by: int | None,
    now: datetime,
) -> None:
    holder = f"{team.organization}/{team.name}"
    tell_of_right(tx, resource, holder, is_team=True, before=before, after=after, user_id=by, now=now)


def list_team_grants(
    tx: Connection, *, resource: Resource | None = None, team: Team | None = None
) -> tuple[TeamGrant, ...]:
    """Rights by resource and team; of one resource or of one team where that is asked."""
    query = (
        select(
            organizations.c.name,
            teams.c.name,
            team_grants.c.kind,
            team_grants.c.name,
            team_grants.c.level,
            team_grants.c.granted_at,
        )
        .join(teams, teams.c.id == team_grants.c.team_id)
        .join(organizations, organizations.c.id == teams.c.organization_id)
        .order_by(team_grants.c.name, team_grants.c.kind, teams.c.name)
    )
    if resource is not None:
        query = query.where(team_grants.c.kind == resource.kind.value, team_grants.c.name == resource.name)
    if team is not None:
        query = query.where(team_grants.c.team_id == team.id)
    return tuple(
        TeamGrant(row[0], row[1], Resource(Kind(row[2]), row[3]), Level(row[4]), row[5])
        for row in tx.execute(query)
    )
