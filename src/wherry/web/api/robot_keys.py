"""Access keys of robots, made by who may edit the organization."""

from sqlalchemy import Connection
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.web.api import keys
from wherry.web.api.call import Admitted, Call
from wherry.web.api.documents import DEFAULT_PAGE, Cursor, Limit, PageDocument
from wherry.web.api.keys import (
    AS_FILE,
    ChangedKey,
    KeyDocument,
    NewKeyDocument,
    OnlyDisabled,
    Owner,
    WantedKey,
    WantedRotation,
)
from wherry.web.api.operations import Operation
from wherry.web.api.robots import robot_of


async def list_robot_keys(
    call: Admitted,
    organization: str,
    robot: str,
    limit: Limit = DEFAULT_PAGE,
    cursor: Cursor = None,
    is_disabled: OnlyDisabled = None,
) -> Response:
    """A robot's access keys, the oldest first."""
    return await keys.list_keys(call, _of(call), limit, cursor, is_disabled)


async def create_robot_key(call: Admitted, organization: str, robot: str, body: WantedKey) -> Response:
    """Make an access key for a robot. Its secret is in this answer and nowhere else.

    With `Accept: text/csv` the answer is the `credentials.csv`.
    """
    return await keys.make_key(call, _of(call), body)


async def show_robot_key(call: Admitted, organization: str, robot: str, key: str) -> Response:
    """One of a robot's access keys."""
    return await keys.show_key(call, _of(call), key)


async def change_robot_key(
    call: Admitted, organization: str, robot: str, key: str, body: ChangedKey
) -> Response:
    """Name a robot's access key anew, disable it, or let it back in."""
    return await keys.change_key(call, _of(call), key, body)


async def delete_robot_key(call: Admitted, organization: str, robot: str, key: str) -> Response:
    """Delete a robot's access key for ever, with tokens and temporary logins that it has got."""
    return await keys.delete_key(call, _of(call), key)


async def rotate_robot_key(
    call: Admitted, organization: str, robot: str, key: str, body: WantedRotation | None = None
) -> Response:
    """Make a key of the same name and scope; the old one works for a while more, then no longer.

    With `Accept: text/csv` the answer is the `credentials.csv`.
    """
    return await keys.rotate_key(call, _of(call), key, body)


def _of(call: Call) -> keys.OwnerOf:
    def owner(tx: Connection) -> Owner:
        robot = robot_of(tx, call)
        path = f"/api/v1/organizations/{robot.organization}/robots/{robot.name}/keys"
        return Owner(robot.user_id, robot.user_name, path, within=robot.organization)

    return owner


_ALL = "/organizations/{organization}/robots/{robot}/keys"
_ONE = f"{_ALL}/{{key}}"
_SEE, _CHANGE = Action.ROBOT_SEE, Action.ROBOT_CHANGE
OPERATIONS = (
    Operation("GET", _ALL, _SEE, list_robot_keys, PageDocument[KeyDocument], tag="robots"),
    Operation(
        "POST", _ALL, _CHANGE, create_robot_key, NewKeyDocument, status=201, tag="robots", more=AS_FILE
    ),
    Operation("GET", _ONE, _SEE, show_robot_key, KeyDocument, tag="robots"),
    Operation("PATCH", _ONE, _CHANGE, change_robot_key, KeyDocument, tag="robots"),
    Operation("DELETE", _ONE, _CHANGE, delete_robot_key, status=204, tag="robots"),
    Operation(
        "POST",
        f"{_ONE}/rotation",
        _CHANGE,
        rotate_robot_key,
        NewKeyDocument,
        status=201,
        tag="robots",
        more=AS_FILE,
    ),
)
