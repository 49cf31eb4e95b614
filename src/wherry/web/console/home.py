"""The first page: who one is, what one may, and how to begin."""

from dataclasses import dataclass

from sqlalchemy import Connection
from starlette.responses import Response

from wherry.access.decisions import Actor
from wherry.access.grants import list_grants
from wherry.access.team_grants import list_team_grants
from wherry.identity.teams import list_teams
from wherry.identity.users import User, find_user_by_id
from wherry.web.console.call import Call

MAX_RIGHTS = 100


@dataclass(frozen=True, slots=True)
class Right:
    """A level on an organization or an image, and where it comes from."""

    name: str
    kind: str
    level: str
    source: str


async def home(call: Call) -> Response:
    """Who is signed in, their rights, and the command to log in with."""
    user, rights = await call.read(lambda tx: _standing(tx, call.actor))
    return call.page(
        "home.html",
        user=user,
        rights=rights[:MAX_RIGHTS],
        hidden=max(0, len(rights) - MAX_RIGHTS),
    )


def _standing(tx: Connection, actor: Actor) -> tuple[User, list[Right]]:
    assert actor.user_id is not None, "the route's action needs a login"
    user = find_user_by_id(tx, actor.user_id)
    assert user is not None, "the session goes with its user"
    rights = [
        Right(grant.resource.name, grant.resource.kind.value, grant.level.word, "given to you")
        for grant in list_grants(tx, user=user.name)
    ]
    for team in list_teams(tx, user_id=user.id):
        source = f"team {team.name} of {team.organization}"
        rights += [
            Right(grant.resource.name, grant.resource.kind.value, grant.level.word, source)
            for grant in list_team_grants(tx, team=team)
        ]
    return user, sorted(rights, key=lambda right: (right.name, right.source))
