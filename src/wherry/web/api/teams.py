"""Teams of an organization, and who is in them. Their rights are given where all rights are."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import Field
from sqlalchemy import Connection
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.access.team_grants import list_team_grants
from wherry.audit.entries import Kind, Target
from wherry.identity.organizations import get_organization
from wherry.identity.teams import (
    MAX_DESCRIPTION,
    Member,
    Team,
    add_member,
    change_team,
    create_team,
    delete_team,
    get_team,
    list_members,
    list_teams,
    remove_member,
)
from wherry.identity.users import get_user
from wherry.web.api.call import Admitted, Call
from wherry.web.api.documents import (
    DEFAULT_PAGE,
    NO_ZERO,
    Cursor,
    Document,
    Limit,
    PageDocument,
    Wanted,
    answer,
    no_content,
)
from wherry.web.api.listed import page_of
from wherry.web.api.operations import Operation
from wherry.web.api.problems import Problem
from wherry.web.api.scopes import ScopeDocument

Contains = Annotated[str, Query(max_length=64, description="A part of the name.")]
Description = Annotated[str, Field(max_length=MAX_DESCRIPTION, pattern=NO_ZERO)]
Group = Annotated[
    str | None,
    Field(
        min_length=1,
        max_length=256,
        description="The group of the sign-in service whose people are its members; null for none.",
    ),
]


class TeamDocument(Document):
    """People of whom each has the rights of the team."""

    organization: str
    name: str
    description: str
    oidc_group: str | None = Field(description="Who signs in with this group becomes a member.")
    member_count: int
    created_at: datetime


class TeamDetailDocument(TeamDocument):
    """A team with its rights."""

    rights: list[ScopeDocument]


class MemberDocument(Document):
    """Somebody who is in a team."""

    user: str
    from_oidc: bool = Field(description="A sign-in brought them, and takes them away again.")
    added_at: datetime


class WantedTeam(Wanted):
    """A team to be made."""

    name: str = Field(min_length=1, max_length=64, description="Lowercase letters, digits, '.', '_' and '-'.")
    description: Description = ""
    oidc_group: Group = None


class ChangedTeam(Wanted):
    """What is to change; what is left out stays."""

    description: Description | None = Field(default=None, description="Null stays, too.")
    oidc_group: Group = None


async def list_organization_teams(
    call: Admitted,
    organization: str,
    limit: Limit = DEFAULT_PAGE,
    cursor: Cursor = None,
    contains: Contains = "",
) -> Response:
    """The organization's teams, by name."""

    def work(tx: Connection) -> tuple[Team, ...]:
        get_organization(tx, call.organization)
        return list_teams(tx, organization=call.organization)

    teams = [each for each in await call.read(work) if contains.lower() in each.name]
    page, following = page_of(teams, lambda each: each.name, limit, cursor)
    return call.page(PageDocument(items=[TeamDocument(**_facts(each)) for each in page], next=following))


async def create_organization_team(call: Admitted, organization: str, body: WantedTeam) -> Response:
    """Make a team; it has no members and no rights yet."""
    call.target = Target(Kind.TEAM, f"{call.organization}/{body.name}", call.organization)

    def work(tx: Connection) -> TeamDetailDocument:
        team = create_team(
            tx,
            call.organization,
            body.name,
            call.user_id,
            call.now,
            description=body.description,
            oidc_group=body.oidc_group,
        )
        return _detail(tx, team)

    return await call.create(
        work,
        lambda made: made,
        location=lambda made: f"/api/v1/organizations/{made.organization}/teams/{made.name}",
        detail={} if body.oidc_group is None else {"oidc_group": body.oidc_group},
    )


async def show_team(call: Admitted, organization: str, team: str) -> Response:
    """One team, and its rights."""
    return answer(await call.read(lambda tx: _detail(tx, _team(tx, call))))


async def change_one_team(call: Admitted, organization: str, team: str, body: ChangedTeam) -> Response:
    """Change the description, or the group whose people are members."""

    def work(tx: Connection) -> TeamDetailDocument:
        found = _team(tx, call)
        call.require_match(_detail(tx, found))
        changed = change_team(
            tx,
            call.organization,
            found.name,
            description=found.description if body.description is None else body.description,
            oidc_group=body.oidc_group if "oidc_group" in body.model_fields_set else found.oidc_group,
        )
        return _detail(tx, changed)

    return answer(await call.write(work, body.model_dump(exclude_unset=True)))


async def delete_one_team(call: Admitted, organization: str, team: str) -> Response:
    """Delete a team; what its members had by it ends with the next request."""

    def work(tx: Connection) -> None:
        call.require_match(_detail(tx, _team(tx, call)))
        delete_team(tx, call.organization, call.parameters["team"])

    await call.write(work)
    return no_content()


async def list_team_members(
    call: Admitted, organization: str, team: str, limit: Limit = DEFAULT_PAGE, cursor: Cursor = None
) -> Response:
    """Who is in the team, by name."""
    members: tuple[Member, ...] = await call.read(lambda tx: list_members(tx, _team(tx, call)))
    page, following = page_of(members, lambda each: each.user, limit, cursor)
    items = [
        MemberDocument(user=each.user, from_oidc=each.from_oidc, added_at=each.added_at) for each in page
    ]
    return call.page(PageDocument(items=items, next=following))


async def add_team_member(call: Admitted, organization: str, team: str, user: str) -> Response:
    """Let a user be in the team, by hand: no sign-in takes them away."""

    def work(tx: Connection) -> None:
        add_member(tx, _team(tx, call), get_user(tx, user).id, call.now)

    await call.write(work, {"added": user})
    return no_content()


async def remove_team_member(call: Admitted, organization: str, team: str, user: str) -> Response:
    """Take a user out of the team; what they had by it ends with the next request."""

    def work(tx: Connection) -> None:
        if not remove_member(tx, _team(tx, call), get_user(tx, user).id):
            raise Problem(404, "member_unknown", f"{user[:80]} is not in the team")

    await call.write(work, {"removed": user})
    return no_content()


def _team(tx: Connection, call: Call) -> Team:
    return get_team(tx, call.organization, call.parameters["team"])


def _detail(tx: Connection, team: Team) -> TeamDetailDocument:
    rights = [
        ScopeDocument(resource=each.resource.scope, level=each.level.word)
        for each in list_team_grants(tx, team=team)
    ]
    return TeamDetailDocument(**_facts(team), rights=rights)


def _facts(team: Team) -> dict[str, Any]:
    return {
        "organization": team.organization,
        "name": team.name,
        "description": team.description,
        "oidc_group": team.oidc_group,
        "member_count": team.member_count,
        "created_at": team.created_at,
    }


_ALL = "/organizations/{organization}/teams"
_ONE = f"{_ALL}/{{team}}"
_MEMBERS, _MEMBER = f"{_ONE}/members", f"{_ONE}/members/{{user}}"
_SEE, _CHANGE = Action.TEAM_SEE, Action.TEAM_CHANGE
OPERATIONS = (
    Operation("GET", _ALL, _SEE, list_organization_teams, PageDocument[TeamDocument], tag="teams"),
    Operation("POST", _ALL, _CHANGE, create_organization_team, TeamDetailDocument, status=201, tag="teams"),
    Operation("GET", _ONE, _SEE, show_team, TeamDetailDocument, tag="teams"),
    Operation("PATCH", _ONE, _CHANGE, change_one_team, TeamDetailDocument, tag="teams"),
    Operation("DELETE", _ONE, _CHANGE, delete_one_team, status=204, tag="teams"),
    Operation("GET", _MEMBERS, _SEE, list_team_members, PageDocument[MemberDocument], tag="teams"),
    Operation("PUT", _MEMBER, _CHANGE, add_team_member, status=204, tag="teams"),
    Operation("DELETE", _MEMBER, _CHANGE, remove_team_member, status=204, tag="teams"),
)
