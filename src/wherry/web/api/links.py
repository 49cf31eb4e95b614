"""Invitations and reset links: made by administrators, used by whoever holds one."""

from datetime import timedelta

from pydantic import Field
from sqlalchemy import Connection
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.audit.entries import Target
from wherry.identity.one_time_links import (
    LONGEST,
    SHORTEST,
    Link,
    Purpose,
    find_link,
    make_reset_link,
    redeem_link,
)
from wherry.identity.users import User
from wherry.web.api.call import Admitted, Call
from wherry.web.api.documents import Document, Wanted, answer
from wherry.web.api.link_documents import LinkDocument, link_document
from wherry.web.api.operations import Operation
from wherry.web.api.problems import Problem
from wherry.web.api.users import GivenPassword, person


class WantedLink(Wanted):
    """A link to be made."""

    lifetime_seconds: int | None = Field(
        strict=True,
        default=None,
        ge=int(SHORTEST.total_seconds()),
        le=int(LONGEST.total_seconds()),
        description="Left out: seven days for an invitation, one for a reset.",
    )


class UsedLinkDocument(Document):
    """Whose password was set."""

    user: str


async def make_invitation(call: Admitted, user: str, body: WantedLink | None = None) -> Response:
    """Invite somebody anew who has no password yet; the link that was out before ends."""
    return await _make(call, user, body, Purpose.INVITATION)


async def make_password_reset(call: Admitted, user: str, body: WantedLink | None = None) -> Response:
    """Make a link by which a user sets another password; the old one holds until then."""
    return await _make(call, user, body, Purpose.RESET)


async def use_link(call: Admitted, token: str, body: GivenPassword) -> Response:
    """Set the password of the user whom the link is for. The link is used up, their sessions end."""
    # First of all: nobody has passwords hashed for links that they made up.
    link = await call.read(lambda tx: find_link(tx, token, call.now))
    password_hash = await call.services.passwords.hash(body.password)
    call.target = Target.user(link.user.name)

    def work(tx: Connection) -> User:
        return redeem_link(tx, token, password_hash, call.now)

    used = await call.write(work, {"purpose": link.purpose.value})
    return answer(UsedLinkDocument(user=used.name))


async def _make(call: Call, name: str, body: WantedLink | None, purpose: Purpose) -> Response:
    seconds = None if body is None else body.lifetime_seconds
    lifetime = None if seconds is None else timedelta(seconds=seconds)

    def work(tx: Connection) -> Link:
        user = person(tx, name)
        if purpose is Purpose.INVITATION and user.has_password:
            message = f"{name} has a password already; make a reset link"
            raise Problem(409, "has_password", message)
        return make_reset_link(tx, name, call.now, made_by=call.user_id, lifetime=lifetime)

    return await call.create(
        work,
        lambda link: link_document(call, link),
        kept=lambda link: link_document(call, link).model_copy(update={"token": None, "url": None}),
        detail=lambda link: {"purpose": link.purpose.value, "expires_at": link.expires_at.isoformat()},
    )


OPERATIONS = (
    Operation(
        "POST",
        "/users/{user}/invitation",
        Action.USER_CHANGE,
        make_invitation,
        LinkDocument,
        status=201,
        tag="links",
    ),
    Operation(
        "POST",
        "/users/{user}/reset-link",
        Action.USER_CHANGE,
        make_password_reset,
        LinkDocument,
        status=201,
        tag="links",
    ),
    Operation("POST", "/links/{token}", Action.LINK_USE, use_link, UsedLinkDocument),
)
