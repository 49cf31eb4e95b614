"""Rights of users, robots and teams on an organization or on one image: listed, given, taken back.

Nobody gives more than they have: giving takes edit, which is all that there is to give.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field
from sqlalchemy import Connection
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.access.grants import grant, revoke
from wherry.access.levels import Level
from wherry.access.permissions import Permission, find_permission, list_permissions
from wherry.access.resources import Kind, Resource
from wherry.access.team_grants import grant_to_team, revoke_from_team
from wherry.identity.organizations import LIBRARY, get_organization
from wherry.identity.teams import get_team
from wherry.identity.users import get_user
from wherry.web.api.call import Admitted, Call
from wherry.web.api.documents import (
    DEFAULT_PAGE,
    Cursor,
    Document,
    Limit,
    PageDocument,
    Wanted,
    answer,
    cursor_after,
    key_of,
    no_content,
)
from wherry.web.api.operations import Handler, Operation
from wherry.web.api.problems import Problem


class LevelWord(StrEnum):
    """read: pull and look; write: push too; edit: delete, publish, share and grant too."""

    READ = "read"
    WRITE = "write"
    EDIT = "edit"


class PermissionDocument(Document):
    """A right as it was given."""

    holder: str = Field(description="`user`, `robot` or `team`.")
    name: str = Field(description="The user's or the team's; a robot's is `organization+name`.")
    level: str = Field(description="`read`, `write` or `edit`; each contains the ones before it.")
    on: str = Field(description="`organization` or `image`: what it was given on.")
    inherited: bool = Field(description="On an image's list: given on its organization, and changed there.")
    granted_by: str | None = Field(description="Null where that user is gone, or the command line gave it.")
    granted_at: datetime


class WantedPermission(Wanted):
    """A right to be given, in place of the one before."""

    level: Annotated[LevelWord, Field(description="`read`, `write` or `edit`.")]


async def list_organization_permissions(
    call: Admitted, organization: str, limit: Limit = DEFAULT_PAGE, cursor: Cursor = None
) -> Response:
    """Who has rights on the whole organization: robots, teams, users, each by name."""
    return await _list(call, limit, cursor)


async def show_organization_user_permission(call: Admitted, organization: str, user: str) -> Response:
    """What a user or robot was given on the organization, beside what teams bring them."""
    return await _show(call, user, is_team=False)


async def grant_organization_to_user(
    call: Admitted, organization: str, user: str, body: WantedPermission
) -> Response:
    """Give a user or robot a level on the organization, in place of the one before."""
    return await _grant_to_user(call, user, body)


async def revoke_organization_from_user(call: Admitted, organization: str, user: str) -> Response:
    """Take back what a user or robot was given on the organization; rights on single images stay.

    It ends with the next request. The last editor may go too: administrators can always give rights anew.
    """
    return await _revoke_from_user(call, user)


async def show_organization_team_permission(call: Admitted, organization: str, team: str) -> Response:
    """What a team was given on the organization."""
    return await _show(call, team, is_team=True)


async def grant_organization_to_team(
    call: Admitted, organization: str, team: str, body: WantedPermission
) -> Response:
    """Give a team a level on its organization, in place of the one before."""
    return await _grant_to_team(call, team, body)


async def revoke_organization_from_team(call: Admitted, organization: str, team: str) -> Response:
    """Take back what a team was given on its organization; it ends with the next request."""
    return await _revoke_from_team(call, team)


async def list_image_permissions(
    call: Admitted, organization: str, image: str, limit: Limit = DEFAULT_PAGE, cursor: Cursor = None
) -> Response:
    """Who has rights on the image, also those that its organization hands down; the highest one counts."""
    return await _list(call, limit, cursor)


async def show_image_user_permission(call: Admitted, organization: str, image: str, user: str) -> Response:
    """What a user or robot was given on the image itself."""
    return await _show(call, user, is_team=False)


async def grant_image_to_user(
    call: Admitted, organization: str, image: str, user: str, body: WantedPermission
) -> Response:
    """Give a user or robot a level on the image, in place of the one before; also before its first push."""
    return await _grant_to_user(call, user, body)


async def revoke_image_from_user(call: Admitted, organization: str, image: str, user: str) -> Response:
    """Take back what a user or robot was given on the image; what they have on its organization stays."""
    return await _revoke_from_user(call, user)


async def show_image_team_permission(call: Admitted, organization: str, image: str, team: str) -> Response:
    """What a team was given on the image itself."""
    return await _show(call, team, is_team=True)


async def grant_image_to_team(
    call: Admitted, organization: str, image: str, team: str, body: WantedPermission
) -> Response:
    """Give a team of the organization a level on the image, in place of the one before."""
    return await _grant_to_team(call, team, body)


async def revoke_image_from_team(call: Admitted, organization: str, image: str, team: str) -> Response:
    """Take back what a team was given on the image; it ends with the next request."""
    return await _revoke_from_team(call, team)


def _resource(call: Call) -> Resource:
    if call.image_name is not None:
        return Resource(Kind.IMAGE, call.image_name.text)
    return Resource(Kind.ORGANIZATION, call.organization)


def _require_organization(tx: Connection, call: Call) -> None:
    """An image need not be there yet, its organization must; the library is whether anybody pushed or not."""
    if call.organization != LIBRARY:
        get_organization(tx, call.organization)


async def _list(call: Call, limit: int, cursor: str | None) -> Response:
    resource, after = _resource(call), tuple(key_of(cursor).split("\n"))
    looked_at = (resource, Resource(Kind.ORGANIZATION, call.organization))

    def work(tx: Connection) -> tuple[Permission, ...]:
        _require_organization(tx, call)
        return list_permissions(tx, tuple(dict.fromkeys(looked_at)))

    found = [each for each in await call.read(work) if each.key > after]
    following = cursor_after("\n".join(found[limit - 1].key)) if len(found) > limit else None
    items = [_document(each, resource) for each in found[:limit]]
    return call.page(PageDocument(items=items, next=following))


async def _show(call: Call, name: str, *, is_team: bool) -> Response:
    return answer(await call.read(lambda tx: _required(_found(tx, call, name, is_team=is_team), call, name)))


async def _grant_to_user(call: Call, name: str, body: WantedPermission) -> Response:
    resource, level = _resource(call), Level.parse(body.level.value)

    def work(tx: Connection) -> PermissionDocument:
        _require_organization(tx, call)
        user = get_user(tx, name)
        call.require_match(_found(tx, call, name, is_team=False))
        grant(tx, user.id, resource, level, call.user_id, call.now)
        return _required(_found(tx, call, name, is_team=False), call, name)

    return answer(await call.write(work, {"user": name, "level": level.word}))


async def _grant_to_team(call: Call, name: str, body: WantedPermission) -> Response:
    resource, level = _resource(call), Level.parse(body.level.value)

    def work(tx: Connection) -> PermissionDocument:
        team = get_team(tx, call.organization, name)
        call.require_match(_found(tx, call, name, is_team=True))
        grant_to_team(tx, team, resource, level, call.user_id, call.now)
        return _required(_found(tx, call, name, is_team=True), call, name)

    return answer(await call.write(work, {"team": name, "level": level.word}))


async def _revoke_from_user(call: Call, name: str) -> Response:
    resource = _resource(call)

    def work(tx: Connection) -> None:
        current = _found(tx, call, name, is_team=False)
        call.require_match(current)
        _required(current, call, name)
        revoke(tx, get_user(tx, name).id, resource, call.user_id, call.now)

    await call.write(work, {"user": name, "level": Level.NONE.word})
    return no_content()


async def _revoke_from_team(call: Call, name: str) -> Response:
    resource = _resource(call)

    def work(tx: Connection) -> None:
        current = _found(tx, call, name, is_team=True)
        call.require_match(current)
        _required(current, call, name)
        revoke_from_team(tx, get_team(tx, call.organization, name), resource, call.user_id, call.now)

    await call.write(work, {"team": name, "level": Level.NONE.word})
    return no_content()


def _found(tx: Connection, call: Call, name: str, *, is_team: bool) -> PermissionDocument | None:
    resource = _resource(call)
    found = find_permission(tx, resource, name, is_team=is_team)
    return None if found is None else _document(found, resource)


def _required(found: PermissionDocument | None, call: Call, name: str) -> PermissionDocument:
    if found is None:
        raise Problem(404, "permission_unknown", f"{name[:80]} was given nothing on the {_resource(call)}")
    return found


def _document(permission: Permission, listed_for: Resource) -> PermissionDocument:
    return PermissionDocument(
        holder=permission.holder.value,
        name=permission.name,
        level=permission.level.word,
        on=permission.on.kind.value,
        inherited=permission.on != listed_for,
        granted_by=permission.granted_by,
        granted_at=permission.granted_at,
    )


_PAGE = PageDocument[PermissionDocument]
_WHOLE = "/organizations/{organization}/permissions"
_ONE = "/organizations/{organization}/images/{image}/permissions"
_USER, _TEAM = "users/{user}", "teams/{team}"
_GIVE_WHOLE, _GIVE_ONE = Action.ORGANIZATION_GRANT, Action.IMAGE_GRANT
_SEE_WHOLE, _SEE_ONE = Action.ORGANIZATION_GRANTS_SEE, Action.IMAGE_GRANTS_SEE
_ROWS: tuple[tuple[str, str, Action, Handler], ...] = (
    ("GET", f"{_WHOLE}/{_USER}", _SEE_WHOLE, show_organization_user_permission),
    ("PUT", f"{_WHOLE}/{_USER}", _GIVE_WHOLE, grant_organization_to_user),
    ("DELETE", f"{_WHOLE}/{_USER}", _GIVE_WHOLE, revoke_organization_from_user),
    ("GET", f"{_WHOLE}/{_TEAM}", _SEE_WHOLE, show_organization_team_permission),
    ("PUT", f"{_WHOLE}/{_TEAM}", _GIVE_WHOLE, grant_organization_to_team),
    ("DELETE", f"{_WHOLE}/{_TEAM}", _GIVE_WHOLE, revoke_organization_from_team),
    ("GET", f"{_ONE}/{_USER}", _SEE_ONE, show_image_user_permission),
    ("PUT", f"{_ONE}/{_USER}", _GIVE_ONE, grant_image_to_user),
    ("DELETE", f"{_ONE}/{_USER}", _GIVE_ONE, revoke_image_from_user),
    ("GET", f"{_ONE}/{_TEAM}", _SEE_ONE, show_image_team_permission),
    ("PUT", f"{_ONE}/{_TEAM}", _GIVE_ONE, grant_image_to_team),
    ("DELETE", f"{_ONE}/{_TEAM}", _GIVE_ONE, revoke_image_from_team),
)
OPERATIONS = (
    Operation("GET", _WHOLE, _SEE_WHOLE, list_organization_permissions, _PAGE, tag="permissions"),
    Operation("GET", _ONE, _SEE_ONE, list_image_permissions, _PAGE, tag="permissions"),
    *(
        Operation(method, path, action, handler, status=204, tag="permissions")
        if method == "DELETE"
        else Operation(method, path, action, handler, PermissionDocument, tag="permissions")
        for method, path, action, handler in _ROWS
    ),
)
