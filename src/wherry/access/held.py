"""Every right that a user holds: those given to them, and those of the teams that they are in.

A union for other queries to build on; what narrows it to a user and a name reaches both halves' indexes.
"""

from sqlalchemy import select, union_all

from wherry.access.tables import grants, team_grants
from wherry.identity.tables import team_members

# Columns: user_id, kind, name, level. The same right may come twice, by hand and by a team.
held = union_all(
    select(grants.c.user_id, grants.c.kind, grants.c.name, grants.c.level),
    select(team_members.c.user_id, team_grants.c.kind, team_grants.c.name, team_grants.c.level).join_from(
        team_members, team_grants, team_grants.c.team_id == team_members.c.team_id
    ),
).subquery("held")
