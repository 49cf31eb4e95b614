"""Access keys of others, for administrators: seen, disabled, deleted, and never made."""

from sqlalchemy import Connection
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.web.api import keys
from wherry.web.api.call import Admitted
from wherry.web.api.documents import DEFAULT_PAGE, Cursor, Limit, PageDocument
from wherry.web.api.keys import ChangedKey, KeyDocument, OnlyDisabled, Owner
from wherry.web.api.operations import Operation
from wherry.web.api.users import person


async def list_user_keys(
    call: Admitted,
    user: str,
    limit: Limit = DEFAULT_PAGE,
    cursor: Cursor = None,
    is_disabled: OnlyDisabled = None,
) -> Response:
    """A user's access keys, the oldest first."""
    return await keys.list_keys(call, _of(user), limit, cursor, is_disabled)


async def show_user_key(call: Admitted, user: str, key: str) -> Response:
    """One of a user's access keys."""
    return await keys.show_key(call, _of(user), key)


async def change_user_key(call: Admitted, user: str, key: str, body: ChangedKey) -> Response:
    """Name a user's access key anew, disable it, or let it back in."""
    return await keys.change_key(call, _of(user), key, body)


async def delete_user_key(call: Admitted, user: str, key: str) -> Response:
    """Delete a user's access key for ever, with tokens and temporary logins that it has got."""
    return await keys.delete_key(call, _of(user), key)


def _of(name: str) -> keys.OwnerOf:
    def owner(tx: Connection) -> Owner:
        user = person(tx, name)
        return Owner(user.id, user.name, f"/api/v1/users/{name}/keys")

    return owner


_ALL, _ONE = "/users/{user}/keys", "/users/{user}/keys/{key}"
OPERATIONS = (
    Operation("GET", _ALL, Action.USER_SEE, list_user_keys, PageDocument[KeyDocument], tag="keys"),
    Operation("GET", _ONE, Action.USER_SEE, show_user_key, KeyDocument, tag="keys"),
    Operation("PATCH", _ONE, Action.USER_CHANGE, change_user_key, KeyDocument, tag="keys"),
    Operation("DELETE", _ONE, Action.USER_CHANGE, delete_user_key, status=204, tag="keys"),
)
