"""The login that a check pulls with: a robot of its own that may read the one image, for some minutes.

What a crash left behind is taken back by the next check.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from wherry.access.grants import grant
from wherry.access.levels import Level
from wherry.access.resources import Kind, Resource
from wherry.clusters.pull_check.image import REPOSITORY
from wherry.clusters.pull_secrets.documents import RegistryLogin
from wherry.identity.access_keys import create_access_key
from wherry.identity.errors import RobotUnknown
from wherry.identity.login_keys import login_key
from wherry.identity.organizations import LIBRARY, ensure_organization
from wherry.identity.robots import create_robot, delete_robot, list_robots
from wherry.kit.secrets import Sealer

LIFETIME = timedelta(minutes=15)
_PREFIX = "pull-check-"


@dataclass(frozen=True, slots=True)
class LentLogin:
    """`user_id` is the robot's, who pushes the image as well."""

    check: str
    user_id: int
    login: RegistryLogin


def lend_login(tx: Connection, sealer: Sealer, check: str, registry: str, now: datetime) -> LentLogin:
    """`check` is the id of the check, `registry` the host that nodes pull from."""
    ensure_organization(tx, LIBRARY, None, now)
    image = Resource(Kind.IMAGE, REPOSITORY.text)
    robot = create_robot(tx, LIBRARY, f"{_PREFIX}{check}", "pulls for one pull check", None, now)
    grant(tx, robot.user_id, image, Level.READ, None, now)
    key = create_access_key(
        tx,
        sealer,
        robot.user_id,
        "pull check",
        now,
        scope={image.scope: int(Level.READ)},
        expires_at=now + LIFETIME,
    )
    login = RegistryLogin(registry, f"wherry@{key.id}", login_key(key.id, key.secret))
    return LentLogin(check, robot.user_id, login)


def take_login_back(tx: Connection, check: str) -> None:
    """It ends with the next request."""
    try:
        delete_robot(tx, LIBRARY, f"{_PREFIX}{check}")
    except RobotUnknown:
        return


def take_back_forgotten(tx: Connection, now: datetime) -> int:
    """Those of checks that have not come to their end; how many."""
    old = [
        one
        for one in list_robots(tx, LIBRARY)
        if one.name.startswith(_PREFIX) and one.created_at <= now - LIFETIME
    ]
    for robot in old:
        delete_robot(tx, LIBRARY, robot.name)
    return len(old)
