"""Who has rights on something: users, robots and teams in one list, by hand or from the organization."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, Table, or_, select

from wherry.access.levels import Level
from wherry.access.resources import Kind, Resource
from wherry.access.tables import grants, team_grants
from wherry.identity.tables import robots, teams, users


class Holder(StrEnum):
    """What can be given a right."""

    USER = "user"
    ROBOT = "robot"
    TEAM = "team"


@dataclass(frozen=True, slots=True)
class Permission:
    """`name` is a user's, a robot's as a user, or a team's within the organization of `on`."""

    holder: Holder
    name: str
    on: Resource
    level: Level
    granted_by: str | None
    granted_at: datetime

    @property
    def key(self) -> tuple[str, str, str]:
        """What lists are sorted by."""
        return (self.holder.value, self.name, self.on.kind.value)


def list_permissions(tx: Connection, resources: Sequence[Resource]) -> tuple[Permission, ...]:
    """Those given on one of `resources`, by kind and name of who has them; two statements."""
    giver = users.alias()
    of_users = (
        select(
            users.c.name,
            robots.c.user_id,
            *(grants.c.kind, grants.c.name, grants.c.level, giver.c.name, grants.c.granted_at),
        )
        .join_from(grants, users, users.c.id == grants.c.user_id)
        .outerjoin(robots, robots.c.user_id == users.c.id)
        .outerjoin(giver, giver.c.id == grants.c.granted_by)
        .where(or_(*(_is(grants, each) for each in resources)))
    )
    of_teams = (
        select(
            teams.c.name,
            *(team_grants.c.kind, team_grants.c.name, team_grants.c.level),
            *(giver.c.name, team_grants.c.granted_at),
        )
        .join_from(team_grants, teams, teams.c.id == team_grants.c.team_id)
        .outerjoin(giver, giver.c.id == team_grants.c.granted_by)
        .where(or_(*(_is(team_grants, each) for each in resources)))
    )
    found = [
        Permission(
            Holder.USER if robot is None else Holder.ROBOT,
            name,
            Resource(Kind(kind), on),
            Level(level),
            by,
            at,
        )
        for name, robot, kind, on, level, by, at in tx.execute(of_users)
    ]
    found += [
        Permission(Holder.TEAM, name, Resource(Kind(kind), on), Level(level), by, at)
        for name, kind, on, level, by, at in tx.execute(of_teams)
    ]
    return tuple(sorted(found, key=lambda each: each.key))


def find_permission(tx: Connection, on: Resource, name: str, *, is_team: bool) -> Permission | None:
    """What the user (a robot too) or the team was given on it."""
    for each in list_permissions(tx, (on,)):
        if each.name == name and (each.holder is Holder.TEAM) is is_team:
            return each
    return None


def _is(table: Table, resource: Resource) -> ColumnElement[bool]:
    return (table.c.kind == resource.kind.value) & (table.c.name == resource.name)
