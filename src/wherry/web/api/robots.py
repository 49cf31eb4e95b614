"""Robots of an organization: logins for machines, which have access keys and no password."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import Field
from sqlalchemy import Connection
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.access.grants import grant, list_grants
from wherry.audit.entries import Kind, Target
from wherry.identity.organizations import get_organization
from wherry.identity.robots import (
    MAX_DESCRIPTION,
    Robot,
    change_robot,
    create_robot,
    delete_robot,
    get_robot,
    list_robots,
)
from wherry.web.api.call import Admitted, Call
from wherry.web.api.documents import (
    DEFAULT_PAGE,
    NO_ZERO,
    Cursor,
    Document,
    Flag,
    Limit,
    PageDocument,
    Wanted,
    answer,
    no_content,
)
from wherry.web.api.keys import OnlyDisabled
from wherry.web.api.listed import page_of
from wherry.web.api.operations import Operation
from wherry.web.api.scopes import MAX_ENTRIES, ScopeDocument, WantedScope, resources_of

Contains = Annotated[str, Query(max_length=64, description="A part of the name.")]
Description = Annotated[str, Field(max_length=MAX_DESCRIPTION, pattern=NO_ZERO)]


class RobotDocument(Document):
    """A login for a machine, which an organization holds."""

    organization: str
    name: str = Field(description="Within the organization.")
    user: str = Field(description="`organization+name`: as rights, logs and the audit trail name it.")
    description: str
    is_disabled: bool
    key_count: int
    created_at: datetime


class RobotDetailDocument(RobotDocument):
    """A robot with its rights."""

    rights: list[ScopeDocument]


class WantedRobot(Wanted):
    """A robot to be made."""

    name: str = Field(min_length=1, max_length=64, description="Lowercase letters, digits, '.', '_' and '-'.")
    description: Description = ""
    rights: list[WantedScope] = Field(
        default=[], max_length=MAX_ENTRIES, description="On the organization, or on images of it."
    )


class ChangedRobot(Wanted):
    """What is to change; what is left out or null stays."""

    description: Description | None = None
    is_disabled: Flag | None = Field(default=None, description="Its keys end with the next request.")


async def list_organization_robots(
    call: Admitted,
    organization: str,
    limit: Limit = DEFAULT_PAGE,
    cursor: Cursor = None,
    contains: Contains = "",
    is_disabled: OnlyDisabled = None,
) -> Response:
    """The organization's robots, by name."""

    def work(tx: Connection) -> tuple[Robot, ...]:
        get_organization(tx, call.organization)
        return list_robots(tx, call.organization)

    robots = [
        each
        for each in await call.read(work)
        if contains.lower() in each.name and is_disabled in (None, each.is_disabled)
    ]
    page, following = page_of(robots, lambda each: each.name, limit, cursor)
    return call.page(PageDocument(items=[RobotDocument(**_facts(each)) for each in page], next=following))


async def create_organization_robot(call: Admitted, organization: str, body: WantedRobot) -> Response:
    """Make a robot with its rights; make a key for it next."""
    call.target = Target(Kind.ROBOT, f"{call.organization}/{body.name}", call.organization)
    rights = resources_of(body.rights, within=call.organization)

    def work(tx: Connection) -> RobotDetailDocument:
        robot = create_robot(tx, call.organization, body.name, body.description, call.user_id, call.now)
        for resource, level in rights:
            grant(tx, robot.user_id, resource, level, call.user_id, call.now)
        return _detail(tx, robot)

    return await call.create(
        work,
        lambda made: made,
        location=lambda made: f"/api/v1/organizations/{made.organization}/robots/{made.name}",
        detail={"rights": [f"{resource.scope}={level.word}" for resource, level in rights]},
    )


async def show_robot(call: Admitted, organization: str, robot: str) -> Response:
    """One robot, and its rights."""
    return answer(await call.read(lambda tx: _detail(tx, robot_of(tx, call))))


async def change_one_robot(call: Admitted, organization: str, robot: str, body: ChangedRobot) -> Response:
    """Describe a robot anew, disable it, or let it back in."""

    def work(tx: Connection) -> RobotDetailDocument:
        found = robot_of(tx, call)
        call.require_match(_detail(tx, found))
        changed = change_robot(
            tx,
            call.organization,
            found.name,
            description=found.description if body.description is None else body.description,
            is_disabled=found.is_disabled if body.is_disabled is None else body.is_disabled,
        )
        return _detail(tx, changed)

    return answer(await call.write(work, body.model_dump(exclude_none=True)))


async def delete_one_robot(call: Admitted, organization: str, robot: str) -> Response:
    """Delete a robot with its keys and rights."""

    def work(tx: Connection) -> None:
        call.require_match(_detail(tx, robot_of(tx, call)))
        delete_robot(tx, call.organization, call.parameters["robot"])

    await call.write(work)
    return no_content()


def robot_of(tx: Connection, call: Call) -> Robot:
    """The robot of the path. Raises `RobotUnknown`."""
    return get_robot(tx, call.organization, call.parameters["robot"])


def _detail(tx: Connection, robot: Robot) -> RobotDetailDocument:
    rights = [
        ScopeDocument(resource=each.resource.scope, level=each.level.word)
        for each in list_grants(tx, user=robot.user_name)
    ]
    return RobotDetailDocument(**_facts(robot), rights=rights)


def _facts(robot: Robot) -> dict[str, Any]:
    return {
        "organization": robot.organization,
        "name": robot.name,
        "user": robot.user_name,
        "description": robot.description,
        "is_disabled": robot.is_disabled,
        "key_count": robot.key_count,
        "created_at": robot.created_at,
    }


_ALL = "/organizations/{organization}/robots"
_ONE = f"{_ALL}/{{robot}}"
_SEE, _CHANGE = Action.ROBOT_SEE, Action.ROBOT_CHANGE
OPERATIONS = (
    Operation("GET", _ALL, _SEE, list_organization_robots, PageDocument[RobotDocument], tag="robots"),
    Operation(
        "POST", _ALL, _CHANGE, create_organization_robot, RobotDetailDocument, status=201, tag="robots"
    ),
    Operation("GET", _ONE, _SEE, show_robot, RobotDetailDocument, tag="robots"),
    Operation("PATCH", _ONE, _CHANGE, change_one_robot, RobotDetailDocument, tag="robots"),
    Operation("DELETE", _ONE, _CHANGE, delete_one_robot, status=204, tag="robots"),
)
