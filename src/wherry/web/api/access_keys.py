"""One's own access keys."""

from sqlalchemy import Connection
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.audit.entries import Target
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


async def list_my_keys(
    call: Admitted, limit: Limit = DEFAULT_PAGE, cursor: Cursor = None, is_disabled: OnlyDisabled = None
) -> Response:
    """Your access keys, the oldest first."""
    return await keys.list_keys(call, _me(call), limit, cursor, is_disabled)


async def create_my_key(call: Admitted, body: WantedKey) -> Response:
    """Make an access key for yourself. Its secret is in this answer and nowhere else.

    With `Accept: text/csv` the answer is the `credentials.csv`.
    """
    call.target = Target.user(call.actor.name)
    return await keys.make_key(call, _me(call), body)


async def show_my_key(call: Admitted, key: str) -> Response:
    """One of your access keys."""
    return await keys.show_key(call, _me(call), key)


async def change_my_key(call: Admitted, key: str, body: ChangedKey) -> Response:
    """Name an access key anew, disable it, or let it back in."""
    return await keys.change_key(call, _me(call), key, body)


async def delete_my_key(call: Admitted, key: str) -> Response:
    """Delete an access key for ever, with tokens and temporary logins that it has got."""
    return await keys.delete_key(call, _me(call), key)


async def rotate_my_key(call: Admitted, key: str, body: WantedRotation | None = None) -> Response:
    """Make a key of the same name and scope; the old one works for a while more, then no longer.

    With `Accept: text/csv` the answer is the `credentials.csv`.
    """
    return await keys.rotate_key(call, _me(call), key, body)


def _me(call: Call) -> keys.OwnerOf:
    owner = Owner(call.user_id, call.actor.name, f"/api/v1{_ALL}")

    def mine(_: Connection) -> Owner:
        return owner

    return mine


_ALL, _ONE = "/me/keys", "/me/keys/{key}"
OPERATIONS = (
    Operation("GET", _ALL, Action.KEY_SEE, list_my_keys, PageDocument[KeyDocument], tag="keys"),
    Operation(
        "POST",
        _ALL,
        Action.KEY_CHANGE,
        create_my_key,
        NewKeyDocument,
        status=201,
        tag="keys",
        more=AS_FILE,
    ),
    Operation("GET", _ONE, Action.KEY_SEE, show_my_key, KeyDocument, tag="keys"),
    Operation("PATCH", _ONE, Action.KEY_CHANGE, change_my_key, KeyDocument, tag="keys"),
    Operation("DELETE", _ONE, Action.KEY_CHANGE, delete_my_key, status=204, tag="keys"),
    Operation(
        "POST",
        f"{_ONE}/rotation",
        Action.KEY_CHANGE,
        rotate_my_key,
        NewKeyDocument,
        status=201,
        tag="keys",
        more=AS_FILE,
    ),
)
