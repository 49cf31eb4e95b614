"""Tags of an image: listed, shown, given, deleted."""

import hashlib
from datetime import UTC, datetime, timedelta

from starlette.responses import Response

from wherry.oci.names import Tag
from wherry.registry.delete import delete_tag
from wherry.registry.repository_details import RepositoryDetails, get_repository_details
from wherry.registry.retag import retag
from wherry.registry.tag_details import (
    TagDetails,
    TagOrder,
    TagPosition,
    get_tag_details,
    list_tag_details,
)
from wherry.web.swr.call import Call
from wherry.web.swr.documents import answer, done, moment
from wherry.web.swr.errors import Code, Problem
from wherry.web.swr.listings import PAGE, Range

_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_ORDERS = {"updated_at": "moved", "updated_time": "moved", "tag": "name"}


async def create_repo_tag(call: Call) -> Response:
    """Give what a tag points at a further tag; `override` moves one that is there."""
    fields, image, user_id, now = call.fields(), call.image, call.user_id, call.now
    source, destination = Tag.parse(fields.text("source_tag")), Tag.parse(fields.text("destination_tag"))
    override = fields.flag("override", default=False)
    await call.write(
        lambda tx: retag(tx, image, source, destination, user_id, now, override=override),
        {"tag": destination.text, "source": source.text, "override": override},
    )
    return done(201)


async def list_repository_tags(call: Call) -> Response:
    """Tags with their manifests, page by page."""
    asked, name = call.asked("tag", *PAGE), call.image
    order = TagOrder(asked.one_of("order_column", _ORDERS, Code.INVALID_ORDER) or "moved")
    descending, contains = asked.descending(order is TagOrder.MOVED), asked.text("tag") or ""
    offset, limit = asked.offset(), asked.limit()
    image, found = await call.read(
        lambda tx: (
            get_repository_details(tx, name),
            list_tag_details(
                tx, name, contains=contains, order=order, descending=descending, offset=offset, limit=limit
            ),
        )
    )
    shown = []
    for tag in found.items:
        document = _tag(call, image, tag)
        document["Tag"] = document.pop("tag")
        shown.append(document | {"deleted": None, "scanned": False})
    return answer(shown, headers=Range(offset, len(shown), found.total).headers)


async def list_repository_tag(call: Call) -> Response:
    """Tags, each page from a marker on; with manifests where that is asked."""
    asked, name = call.asked("tag", "limit", "marker"), call.image
    order = TagOrder(asked.one_of("order_column", _ORDERS, Code.INVALID_ORDER) or "moved")
    descending, contains = asked.descending(order is TagOrder.MOVED), asked.text("tag") or ""
    after, limit = _position(asked.text("marker")), asked.limit()
    with_manifest = asked.flag("with_manifest") or False
    image, found = await call.read(
        lambda tx: (
            get_repository_details(tx, name),
            list_tag_details(
                tx, name, contains=contains, order=order, descending=descending, after=after, limit=limit + 1
            ),
        )
    )
    page, more = found.items[:limit], len(found.items) > limit
    shown = [_tag(call, image, tag, with_manifest=with_manifest) for tag in page]
    return answer({"tags": shown, "nextMarker": _marker(page[-1]) if more else "", "has_more": more})


async def show_repo_tag(call: Call) -> Response:
    """One tag with its manifest."""
    name, tag = call.image, call.tag
    image, found = await call.read(
        lambda tx: (get_repository_details(tx, name), get_tag_details(tx, name, tag))
    )
    return answer(_tag(call, image, found))


async def delete_repo_tag(call: Call) -> Response:
    """Delete the tag; its manifest can still be pulled by digest."""
    name, tag = call.image, call.tag
    await call.write(lambda tx: delete_tag(tx, name, tag, call.user_id, call.now), {"tag": tag.text})
    return done(204)


def _marker(tag: TagDetails) -> str:
    return f"{(tag.moved_at - _EPOCH) // _MICROSECOND}.{tag.name}"


def _position(marker: str | None) -> TagPosition | None:
    """Raises `Problem` for what was not in an answer of ours."""
    if marker is None:
        return None
    moved, _, name = marker.partition(".")
    if not (moved.isascii() and moved.isdigit() and len(moved) < 18 and name):
        raise Problem(Code.INVALID_PARAMETER, "marker is the nextMarker of the page before")
    return TagPosition(_EPOCH + int(moved) * _MICROSECOND, name)


def derived_id(*parts: object) -> int:
    """A number for what has a name only: the same one each time, 48 bits."""
    text = ":".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")


def _tag(
    call: Call, image: RepositoryDetails, tag: TagDetails, *, with_manifest: bool = True
) -> dict[str, object]:
    path = f"{call.registry_host}/{image.name}:{tag.name}"
    return {
        "id": derived_id(image.id, tag.name),
        "repo_id": image.id,
        "tag": tag.name,
        "image_id": (tag.config_digest or tag.digest).partition(":")[2],
        "manifest": tag.content.decode() if with_manifest else "",
        "digest": tag.digest,
        "schema": 2,
        "path": path,
        "internal_path": path,
        "size": tag.size,
        "is_trusted": False,
        "created": moment(tag.pushed_at),
        "updated": moment(tag.moved_at),
        "domain_id": str(image.organization_id),
        "tag_type": 1 if tag.is_index else 0,
    }
