"""Robots: logins for machines that an organization holds, so that no key hangs on a person who may leave.

A robot is a user named `organization+name` who has no password, only access keys, and who never reaches
beyond its organization.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select, update

from wherry.identity.errors import InvalidRobot, RobotUnknown
from wherry.identity.organizations import get_organization
from wherry.identity.tables import access_keys, organizations, robots, users
from wherry.identity.users import NO_PASSWORD, insert_user

MAX_ROBOTS = 1000
MAX_DESCRIPTION = 1000
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Robot:
    """`name` is the one within the organization, `user_name` the one that grants and logs show."""

    user_id: int
    organization: str
    name: str
    user_name: str
    description: str
    is_disabled: bool
    key_count: int
    created_at: datetime


def create_robot(
    tx: Connection, organization: str, name: str, description: str, created_by: int | None, now: datetime
) -> Robot:
    """It has no right and no key yet. Raises `OrganizationUnknown`, `InvalidRobot`, `UserExists`."""
    found = get_organization(tx, organization)
    if not _NAME.fullmatch(name):
        raise InvalidRobot(
            "the name of a robot has 1 to 64 lowercase letters, digits, '.', '_' and '-',"
            " starting with a letter or digit"
        )
    if len(description) > MAX_DESCRIPTION:
        raise InvalidRobot(f"the description of a robot has at most {MAX_DESCRIPTION} characters")
    held = select(func.count()).select_from(robots).where(robots.c.organization_id == found.id)
    if tx.execute(held).scalar_one() >= MAX_ROBOTS:
        raise InvalidRobot(f"an organization has at most {MAX_ROBOTS} robots")
    user_id = insert_user(tx, f"{organization}+{name}", NO_PASSWORD, now)
    tx.execute(
        insert(robots).values(
            user_id=user_id, organization_id=found.id, description=description, created_by=created_by
        )
    )
    return get_robot(tx, organization, name)


def get_robot(tx: Connection, organization: str, name: str) -> Robot:
    """Raises `RobotUnknown`."""
    query = _ROBOTS.where(organizations.c.name == organization, users.c.name == f"{organization}+{name}")
    row = tx.execute(query).one_or_none()
    if row is None:
        raise RobotUnknown(organization, name)
    return _robot(*row)


def list_robots(tx: Connection, organization: str) -> tuple[Robot, ...]:
    """By name."""
    query = _ROBOTS.where(organizations.c.name == organization).order_by(users.c.name)
    return tuple(_robot(*row) for row in tx.execute(query))


def change_robot(
    tx: Connection, organization: str, name: str, *, description: str, is_disabled: bool
) -> Robot:
    """A disabled robot's keys and tokens end with the next request. Raises `RobotUnknown`, `InvalidRobot`."""
    robot = get_robot(tx, organization, name)
    if len(description) > MAX_DESCRIPTION:
        raise InvalidRobot(f"the description of a robot has at most {MAX_DESCRIPTION} characters")
    tx.execute(update(users).where(users.c.id == robot.user_id).values(is_disabled=is_disabled))
    tx.execute(update(robots).where(robots.c.user_id == robot.user_id).values(description=description))
    return get_robot(tx, organization, name)


def delete_robot(tx: Connection, organization: str, name: str) -> None:
    """It goes with its keys and rights. Raises `RobotUnknown`."""
    tx.execute(delete(users).where(users.c.id == get_robot(tx, organization, name).user_id))


def delete_robots_of(tx: Connection, organization: str) -> None:
    """The organization goes, and its robots with it."""
    theirs = select(robots.c.user_id).join(organizations).where(organizations.c.name == organization)
    tx.execute(delete(users).where(users.c.id.in_(theirs)))


def _robot(
    user_id: int,
    organization: str,
    user_name: str,
    description: str,
    is_disabled: bool,
    key_count: int,
    created_at: datetime,
) -> Robot:
    name = user_name.removeprefix(f"{organization}+")
    return Robot(user_id, organization, name, user_name, description, is_disabled, key_count, created_at)


_KEYS = (
    select(func.count())
    .select_from(access_keys)
    .where(access_keys.c.user_id == users.c.id, access_keys.c.is_temporary.is_(False))
    .scalar_subquery()
)
_ROBOTS = (
    select(
        users.c.id,
        organizations.c.name,
        users.c.name,
        robots.c.description,
        users.c.is_disabled,
        _KEYS,
        users.c.created_at,
    )
    .join(robots, robots.c.user_id == users.c.id)
    .join(organizations, organizations.c.id == robots.c.organization_id)
)
