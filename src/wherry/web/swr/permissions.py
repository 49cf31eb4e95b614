"""Rights of users on an organization or on one image: 1 reads, 3 writes too, 7 manages."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.access.grants import Grant, grant, list_grants, revoke
from wherry.access.holdings import holdings_of
from wherry.access.levels import Level
from wherry.access.resources import Kind, Resource
from wherry.identity.organizations import get_organization
from wherry.identity.users import User, find_user, find_user_by_id
from wherry.oci.names import RepositoryName
from wherry.registry.repositories import get_repository
from wherry.web.swr.call import Call, bare_name
from wherry.web.swr.documents import Fields, answer, done, plain_text
from wherry.web.swr.errors import Code, Problem
from wherry.web.swr.permission import decide, image_level


@dataclass(frozen=True, slots=True)
class _Right:
    """One element of a body: whom, by id and name, and which level."""

    user_id: str
    user_name: str
    level: Level


async def create_namespace_auth(call: Call) -> Response:
    """Give users a right on the organization."""
    await _grant(call, _organization(call), is_new=True)
    return done(200)


async def update_namespace_auth(call: Call) -> Response:
    """Change rights that users have on the organization."""
    await _grant(call, _organization(call), is_new=False)
    return done(201)


async def delete_namespace_auth(call: Call) -> Response:
    """Take users their right on the organization; rights on single images stay."""
    await _revoke(call, _organization(call))
    return done(204)


async def show_namespace_auth(call: Call) -> Response:
    """One's own right on the organization, and for who may see them, those of all others."""
    name, actor, resource = call.organization, call.actor, _organization(call)
    sees_all = (await decide(call, Action.ORGANIZATION_GRANTS_SEE)).allowed
    found, holdings, grants = await call.read(
        lambda tx: (
            get_organization(tx, name),
            holdings_of(tx, actor),
            list_grants(tx, resource=resource) if sees_all else (),
        )
    )
    document = {"id": found.id, "name": found.name, "creator_name": found.creator or ""}
    return answer(document | _auths(call, holdings.level(name), grants))


async def create_user_repository_auth(call: Call) -> Response:
    """Give users a right on the image."""
    await _grant(call, _image(call), is_new=True)
    return done(201)


async def update_user_repository_auth(call: Call) -> Response:
    """Change rights that users have on the image."""
    await _grant(call, _image(call), is_new=False)
    return done(201)


async def delete_user_repository_auth(call: Call) -> Response:
    """Take users their right on the image; one on its organization stays."""
    await _revoke(call, _image(call))
    return done(204)


async def show_user_repository_auth(call: Call) -> Response:
    """One's own right on the image, and for who may see them, those of all others."""
    image, resource = call.image, _image(call)
    sees_all = (await decide(call, Action.IMAGE_GRANTS_SEE)).allowed
    found, grants = await call.read(
        lambda tx: (
            get_repository(tx, image),
            list_grants(tx, resource=resource) if sees_all else (),
        )
    )
    document = {"id": found.id, "name": bare_name(image)}
    return answer(document | _auths(call, await image_level(call), grants))


def _organization(call: Call) -> Resource:
    return Resource(Kind.ORGANIZATION, call.organization)


def _image(call: Call) -> Resource:
    return Resource(Kind.IMAGE, call.image.text)


def _auths(call: Call, own: Level, grants: tuple[Grant, ...]) -> dict[str, object]:
    return {
        "self_auth": {"user_id": str(call.user_id), "user_name": call.actor.name, "auth": int(own)},
        "others_auths": [
            {"user_id": str(given.user_id), "user_name": given.user, "auth": int(given.level)}
            for given in grants
            if given.user_id != call.user_id
        ],
    }


async def _grant(call: Call, resource: Resource, *, is_new: bool) -> None:
    rights, by, now = [_right(element) for element in call.array()], call.user_id, call.now
    await call.write(
        lambda tx: _write(tx, resource, rights, by, now, is_new=is_new),
        {"users": {right.user_name: right.level.word for right in rights}},
    )


def _write(
    tx: Connection, resource: Resource, rights: list[_Right], by: int, now: datetime, *, is_new: bool
) -> None:
    _must_exist(tx, resource)
    known = {given.user_id for given in list_grants(tx, resource=resource)}
    for right in rights:
        user = _user(tx, right.user_id, right.user_name)
        if is_new and user.id in known:
            raise Problem(_exists(resource), f"{user.name} has a right on {resource} already")
        if not is_new and user.id not in known:
            raise _unknown(resource, user.name)
        grant(tx, user.id, resource, right.level, by, now)


async def _revoke(call: Call, resource: Resource) -> None:
    users, by, now = [plain_text(one, "each element") for one in call.array()], call.user_id, call.now

    def work(tx: Connection) -> list[str]:
        _must_exist(tx, resource)
        found = [_user(tx, user_id, None) for user_id in users]
        for user in found:
            if not revoke(tx, user.id, resource, by, now):
                raise _unknown(resource, user.name)
        return [user.name for user in found]

    await call.write(work, lambda names: {"users": dict.fromkeys(names, Level.NONE.word)})


def _must_exist(tx: Connection, resource: Resource) -> None:
    if resource.kind is Kind.IMAGE:
        get_repository(tx, RepositoryName(resource.name))
    else:
        get_organization(tx, resource.name)


def _right(element: object) -> _Right:
    fields = Fields(element)
    number = fields.number("auth")
    if number not in (Level.READ, Level.WRITE, Level.EDIT):
        raise Problem(Code.INVALID_LEVEL, "auth is 1 (read), 3 (edit) or 7 (manage)")
    return _Right(fields.text("user_id"), fields.text("user_name"), Level(number))


def _user(tx: Connection, user_id: str, user_name: str | None) -> User:
    """By the id that this API shows; programs that know names only may send the name in its place."""
    by_id = find_user_by_id(tx, int(user_id)) if user_id.isascii() and _is_id(user_id) else None
    user = by_id or find_user(tx, user_id)
    if user is None or (user_name is not None and user.name != user_name):
        raise Problem(Code.INVALID_USER, f"there is no user {user_name or user_id!r} with the id {user_id!r}")
    return user


def _is_id(text: str) -> bool:
    return text.isdigit() and len(text) < 19


def _exists(resource: Resource) -> Code:
    return Code.GRANT_EXISTS if resource.kind is Kind.IMAGE else Code.ORGANIZATION_GRANT_EXISTS


def _unknown(resource: Resource, user: str) -> Problem:
    code = Code.GRANT_UNKNOWN if resource.kind is Kind.IMAGE else Code.ORGANIZATION_GRANT_UNKNOWN
    return Problem(code, f"{user} has no right on {resource}")
