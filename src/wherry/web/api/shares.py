"""Sharing an image with another organization, to pull, and what is shared with one's own."""

from datetime import datetime

from pydantic import Field
from sqlalchemy import Connection
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.access.decisions import Image
from wherry.access.errors import ShareUnknown
from wherry.access.shares import (
    MAX_DESCRIPTION,
    Share,
    change_share,
    end_share,
    get_share,
    list_shares,
)
from wherry.registry.repositories import get_repository
from wherry.registry.share import share_repository
from wherry.web.api.call import Admitted, Call, organization_name
from wherry.web.api.documents import (
    DEFAULT_PAGE,
    NO_ZERO,
    Cursor,
    Document,
    Limit,
    Moment,
    PageDocument,
    Wanted,
    answer,
    cursor_after,
    key_of,
    no_content,
)
from wherry.web.api.operations import Operation

FOREVER = "forever"


class ShareDocument(Document):
    """An image that all who have a right on another organization may pull."""

    image: str = Field(description="The whole name of the image.")
    organization: str = Field(description="The organization that it is shared with.")
    deadline: datetime | None = Field(description="When it ends, within five seconds; null is never.")
    description: str
    is_valid: bool = Field(description="False once the deadline has passed.")
    creator: str | None
    created_at: datetime
    updated_at: datetime


class WantedShare(Wanted):
    """How an image is to be shared, whatever it was before."""

    deadline: Moment | None = Field(
        default=None, description="In the future, with a time zone; null or left out is for ever."
    )
    description: str = Field(default="", max_length=MAX_DESCRIPTION, pattern=NO_ZERO)


async def list_image_shares(
    call: Admitted, organization: str, image: str, limit: Limit = DEFAULT_PAGE, cursor: Cursor = None
) -> Response:
    """The organizations that the image is shared with, by name; expired shares too."""
    after = key_of(cursor)

    def work(tx: Connection) -> tuple[Share, ...]:
        get_repository(tx, call.image)
        return list_shares(tx, image=call.image)

    found = [each for each in await call.read(work) if each.organization > after]
    following = cursor_after(found[limit - 1].organization) if len(found) > limit else None
    return call.page(
        PageDocument(items=[_document(each, call.now) for each in found[:limit]], next=following)
    )


async def show_image_share(call: Admitted, organization: str, image: str, with_organization: str) -> Response:
    """How the image is shared with one organization."""
    partner = organization_name(with_organization)

    def work(tx: Connection) -> ShareDocument:
        get_repository(tx, call.image)
        return _document(get_share(tx, call.image, partner), call.now)

    return answer(await call.read(work))


async def share_image(
    call: Admitted, organization: str, image: str, with_organization: str, body: WantedShare
) -> Response:
    """Share a private image with an organization, or change until when."""
    partner = organization_name(with_organization)
    deadline = body.deadline

    def work(tx: Connection) -> ShareDocument:
        current = _found(tx, call, partner)
        call.require_match(current)
        if current is None:
            share_repository(tx, call.image, partner, deadline, body.description, call.user_id, call.now)
        else:
            change_share(tx, call.image, partner, deadline, body.description, call.now)
        return _document(get_share(tx, call.image, partner), call.now)

    until = FOREVER if deadline is None else deadline.isoformat()
    return answer(await call.write(work, {"shared_with": partner, "until": until}))


async def unshare_image(call: Admitted, organization: str, image: str, with_organization: str) -> Response:
    """End a share with the next request."""
    partner = organization_name(with_organization)

    def work(tx: Connection) -> None:
        call.require_match(_found(tx, call, partner))
        end_share(tx, call.image, partner)

    await call.write(work, {"shared_with": partner, "ended": True})
    return no_content()


async def list_shared_images(call: Admitted, limit: Limit = DEFAULT_PAGE, cursor: Cursor = None) -> Response:
    """What others share with organizations that you have a right on, by image; what has ended is left out."""
    after, ceiling = tuple(key_of(cursor).split("\n")), call.actor.ceiling

    def reaches(share: Share) -> bool:
        return ceiling is None or any(scope in ceiling for scope in Image(share.image).scopes)

    found = [
        each
        for each in await call.read(lambda tx: list_shares(tx, with_user=call.user_id))
        if each.is_valid(call.now) and reaches(each) and _key(each) > after
    ]
    following = cursor_after("\n".join(_key(found[limit - 1]))) if len(found) > limit else None
    return call.page(
        PageDocument(items=[_document(each, call.now) for each in found[:limit]], next=following)
    )


def _key(share: Share) -> tuple[str, ...]:
    return (share.image.text, share.organization)


def _found(tx: Connection, call: Call, partner: str) -> ShareDocument | None:
    try:
        return _document(get_share(tx, call.image, partner), call.now)
    except ShareUnknown:
        return None


def _document(share: Share, now: datetime) -> ShareDocument:
    return ShareDocument(
        image=share.image.text,
        organization=share.organization,
        deadline=share.deadline,
        description=share.description,
        is_valid=share.is_valid(now),
        creator=share.creator,
        created_at=share.created_at,
        updated_at=share.updated_at,
    )


_ALL = "/organizations/{organization}/images/{image}/shares"
_ONE = f"{_ALL}/{{with_organization}}"
OPERATIONS = (
    Operation(
        "GET", _ALL, Action.IMAGE_SHARES_SEE, list_image_shares, PageDocument[ShareDocument], tag="shares"
    ),
    Operation("GET", _ONE, Action.IMAGE_SHARES_SEE, show_image_share, ShareDocument, tag="shares"),
    Operation("PUT", _ONE, Action.IMAGE_SHARE, share_image, ShareDocument, tag="shares"),
    Operation("DELETE", _ONE, Action.IMAGE_SHARE, unshare_image, status=204, tag="shares"),
    Operation(
        "GET",
        "/shared-images",
        Action.IMAGE_LIST,
        list_shared_images,
        PageDocument[ShareDocument],
        tag="shares",
    ),
)
