"""Sharing a private image with another organization, and what is shared with one's own.

An account, which SWR calls a domain and shares with, is an organization here.
"""

from dataclasses import replace
from datetime import UTC, datetime

from starlette.responses import Response

from wherry.access.errors import ShareUnknown
from wherry.access.shares import Share, change_share, end_share, get_share, list_shares
from wherry.registry.repositories import get_repository
from wherry.registry.repository_details import RepositoryFilter
from wherry.registry.share import share_repository
from wherry.web.swr.call import Call, bare_name
from wherry.web.swr.documents import Fields, answer, done, moment
from wherry.web.swr.errors import Code, Problem
from wherry.web.swr.listings import PAGE, Asked
from wherry.web.swr.repositories import narrowed, repository_page, repository_page_v3

FOREVER = "forever"


async def create_repo_domains(call: Call) -> Response:
    """Share the image with an organization, to pull, until a deadline or for ever."""
    fields, image, user_id, now = call.fields(), call.image, call.user_id, call.now
    organization, deadline = fields.text("access_domain"), _terms(fields)
    description = fields.optional_text("description") or ""
    await call.write(
        lambda tx: share_repository(tx, image, organization, deadline, description, user_id, now),
        _told(organization, deadline),
    )
    return done(201)


async def list_repo_domains(call: Call) -> Response:
    """Organizations that the image is shared with."""
    image, now = call.image, call.now
    _, found = await call.read(lambda tx: (get_repository(tx, image), list_shares(tx, image=image)))
    return answer([_share(share, now) for share in found])


async def show_access_domain(call: Call) -> Response:
    """One share; `exist` is false where the image is not shared with that organization."""
    image, organization, now = call.image, call.parameters["access_domain"], call.now
    try:
        _, found = await call.read(lambda tx: (get_repository(tx, image), get_share(tx, image, organization)))
    except ShareUnknown:
        return answer(_no_share(call, organization) | {"exist": False})
    return answer(_share(found, now) | {"exist": True})


async def update_repo_domains(call: Call) -> Response:
    """Change deadline and description of a share."""
    fields, image, now = call.fields(), call.image, call.now
    organization, deadline = call.parameters["access_domain"], _terms(fields)
    description = fields.optional_text("description") or ""
    await call.write(
        lambda tx: change_share(tx, image, organization, deadline, description, now),
        _told(organization, deadline),
    )
    return done(201)


async def delete_repo_domains(call: Call) -> Response:
    """End a share."""
    image, organization = call.image, call.parameters["access_domain"]
    await call.write(
        lambda tx: end_share(tx, image, organization), {"shared_with": organization, "ended": True}
    )
    return done(204)


async def list_shared_repos_details(call: Call) -> Response:
    """Images that one shares (`self`), or that others share with one (`thirdparty`)."""
    asked = call.asked("namespace", "name", "center", *PAGE)
    wanted, valid = await _shared(call, asked, "center")
    return await repository_page(call, asked, wanted, valid)


async def list_shared_repo_details(call: Call) -> Response:
    """The same, each page from a marker on; `status` tells valid and expired shares apart."""
    asked = call.asked("namespace", "name", "shared_by", "limit", "marker", "status")
    wanted, valid = await _shared(call, asked, "shared_by")
    return await repository_page_v3(call, asked, wanted, valid)


async def _shared(call: Call, asked: Asked, side: str) -> tuple[RepositoryFilter, frozenset[str]]:
    whose = asked.one_of(side, {"self": "self", "thirdparty": "thirdparty"})
    if whose is None:
        raise Problem(Code.INVALID_PARAMETER, f"{side} is self or thirdparty")
    wanted, now, status = narrowed(call, asked), call.now, asked.flag("status")
    with_user = call.user_id if whose == "thirdparty" else None
    found = await call.read(lambda tx: list_shares(tx, with_user=with_user))
    valid = frozenset(share.image.text for share in found if share.is_valid(now))
    names = {share.image.text for share in found}
    if status is not None:
        names = set(valid) if status else names - valid
    # What others share is visible by the share, not by a right of one's own.
    visible_to = wanted.visible_to if whose == "self" else None
    return replace(wanted, names=tuple(names), visible_to=visible_to), valid


def _terms(fields: Fields) -> datetime | None:
    if fields.text("permit") != "read":
        raise Problem(Code.INVALID_LEVEL, "permit is read: who an image is shared with pulls it")
    text = fields.text("deadline")
    if text == FOREVER:
        return None
    try:
        when = datetime.fromisoformat(text)
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Problem(
            Code.INVALID_PARAMETER, f"deadline is {FOREVER} or a time such as 2030-01-31T00:00:00Z"
        ) from None


def _told(organization: str, deadline: datetime | None) -> dict[str, object]:
    """What the audit trail says of it."""
    return {"shared_with": organization, "until": FOREVER if deadline is None else deadline.isoformat()}


def _share(share: Share, now: datetime) -> dict[str, object]:
    return {
        "namespace": share.image.organization,
        "repository": bare_name(share.image),
        "access_domain": share.organization,
        "permit": "read",
        "deadline": FOREVER if share.deadline is None else share.deadline.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "description": share.description,
        "creator_id": "" if share.creator_id is None else str(share.creator_id),
        "creator_name": share.creator or "",
        "created": moment(share.created_at),
        "updated": moment(share.updated_at),
        "status": share.is_valid(now),
    }


def _no_share(call: Call, organization: str) -> dict[str, object]:
    texts = dict.fromkeys(("permit", "deadline", "description", "creator_id", "creator_name"), "")
    return {
        "namespace": call.organization,
        "repository": bare_name(call.image),
        "access_domain": organization,
        **texts,
        "created": "",
        "updated": "",
        "status": False,
    }
