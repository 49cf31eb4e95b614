"""Users of the site, for administrators: listed, made, shown, changed, deleted. Robots are not among them."""

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import Field
from sqlalchemy import Connection
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.audit.entries import Target
from wherry.identity.errors import UserUnknown
from wherry.identity.one_time_links import Link, invite_user
from wherry.identity.users import (
    Role,
    User,
    create_user,
    delete_user,
    get_user,
    page_of_users,
    set_disabled,
    set_password,
    set_role,
)
from wherry.web.api.call import Admitted
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
    cursor_after,
    key_of,
    no_content,
)
from wherry.web.api.link_documents import LinkDocument, link_document
from wherry.web.api.operations import Operation

Contains = Annotated[
    str, Query(max_length=64, pattern=NO_ZERO, description="A part of the name, in any case.")
]
OfRole = Annotated[Role | None, Query(description="Only users of this role.")]
OnlyDisabled = Annotated[bool | None, Query(description="Only disabled ones, or only those that are not.")]


class UserDocument(Document):
    """Somebody who may log in."""

    name: str
    role: Role = Field(description="On the whole site. An auditor sees all and changes nothing.")
    is_disabled: bool
    has_password: bool = Field(description="Not who was invited and has not come yet, or signs in elsewhere.")
    created_at: datetime


class NewUserDocument(UserDocument):
    """A user as they are made."""

    invitation: LinkDocument | None = Field(description="The link to hand over, where no password was set.")


class WantedUser(Wanted):
    """A user to be made."""

    name: str = Field(min_length=1, max_length=64, description="Letters, digits, '.', '_' and '-'.")
    role: Role = Role.USER
    password: str | None = Field(
        default=None, max_length=1024, description="8 to 1024 characters. Left out: the user is invited."
    )


class ChangedUser(Wanted):
    """What is to change; what is left out or null stays."""

    role: Role | None = None
    is_disabled: Flag | None = Field(
        default=None, description="Logins, keys, tokens and sessions of a disabled user end at once."
    )


class GivenPassword(Wanted):
    """A password to be set."""

    password: str = Field(max_length=1024, description="8 to 1024 characters.")


async def list_users(
    call: Admitted,
    limit: Limit = DEFAULT_PAGE,
    cursor: Cursor = None,
    contains: Contains = "",
    role: OfRole = None,
    is_disabled: OnlyDisabled = None,
) -> Response:
    """The users of the site, by name."""
    after = key_of(cursor)
    page = await call.read(
        lambda tx: page_of_users(
            tx, after=after, size=limit, contains=contains, role=role, is_disabled=is_disabled
        )
    )
    following = cursor_after(page.items[-1].name) if page.more else None
    return call.page(PageDocument(items=[_document(each) for each in page.items], next=following))


async def create_one_user(call: Admitted, body: WantedUser) -> Response:
    """Make a user with a password, or with an invitation: a link by which they set one."""
    password_hash = None if body.password is None else await call.services.passwords.hash(body.password)
    call.target = Target.user(body.name)
    is_admin, is_auditor = body.role is Role.ADMIN, body.role is Role.AUDITOR

    def work(tx: Connection) -> tuple[User, Link | None]:
        if password_hash is not None:
            made = create_user(
                tx, body.name, password_hash, call.now, is_admin=is_admin, is_auditor=is_auditor
            )
            return made, None
        link = invite_user(
            tx, body.name, call.now, made_by=call.user_id, is_admin=is_admin, is_auditor=is_auditor
        )
        return link.user, link

    def show(made: tuple[User, Link | None]) -> NewUserDocument:
        user, link = made
        invitation = None if link is None else link_document(call, link)
        return NewUserDocument(**_document(user).model_dump(), invitation=invitation)

    def kept(made: tuple[User, Link | None]) -> NewUserDocument:
        return show((made[0], None))

    invited = {"invited": password_hash is None}
    return await call.create(
        work,
        show,
        kept=kept,
        location=lambda made: f"/api/v1/users/{made[0].name}",
        detail=lambda made: {"role": made[0].role.value, **invited},
    )


async def show_user(call: Admitted, user: str) -> Response:
    """One user."""
    return answer(await call.read(lambda tx: _document(person(tx, user))))


async def change_user(call: Admitted, user: str, body: ChangedUser) -> Response:
    """Give another role, disable, or let back in. The last administrator stays one."""

    def work(tx: Connection) -> UserDocument:
        call.require_match(_document(person(tx, user)))
        if body.role is not None:
            set_role(tx, user, body.role)
        if body.is_disabled is not None:
            set_disabled(tx, user, body.is_disabled)
        return _document(person(tx, user))

    return answer(await call.write(work, body.model_dump(mode="json", exclude_none=True)))


async def delete_one_user(call: Admitted, user: str) -> Response:
    """Delete a user with their keys, rights, memberships and sessions; what they made stays."""

    def work(tx: Connection) -> None:
        call.require_match(_document(person(tx, user)))
        delete_user(tx, user)

    await call.write(work)
    return no_content()


async def set_user_password(call: Admitted, user: str, body: GivenPassword) -> Response:
    """Set a user's password; their sessions and links end. A reset link lets them choose it themselves."""
    password_hash = await call.services.passwords.hash(body.password)

    def work(tx: Connection) -> None:
        set_password(tx, person(tx, user).name, password_hash)

    await call.write(work)
    return no_content()


def person(tx: Connection, name: str) -> User:
    """A user who is no robot. Raises `UserUnknown`."""
    user = get_user(tx, name)
    if user.robot_of is not None:
        raise UserUnknown(name)
    return user


def _document(user: User) -> UserDocument:
    return UserDocument(
        name=user.name,
        role=user.role,
        is_disabled=user.is_disabled,
        has_password=user.has_password,
        created_at=user.created_at,
    )


_ONE = "/users/{user}"
OPERATIONS = (
    Operation("GET", "/users", Action.USER_SEE, list_users, PageDocument[UserDocument]),
    Operation("POST", "/users", Action.USER_CHANGE, create_one_user, NewUserDocument, status=201),
    Operation("GET", _ONE, Action.USER_SEE, show_user, UserDocument),
    Operation("PATCH", _ONE, Action.USER_CHANGE, change_user, UserDocument),
    Operation("DELETE", _ONE, Action.USER_CHANGE, delete_one_user, status=204),
    Operation("PUT", f"{_ONE}/password", Action.USER_CHANGE, set_user_password, status=204),
)
