"""Tags of an image: listed, shown with their platforms, moved, removed."""

from typing import Annotated

from fastapi import Query
from pydantic import Field, model_validator
from sqlalchemy import Connection
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.oci.digests import Digest
from wherry.oci.image_configs import ImageConfig
from wherry.oci.names import Reference, Tag
from wherry.registry.delete import delete_tag as remove
from wherry.registry.manifest_details import ManifestDetails, get_manifest_details
from wherry.registry.retag import retag
from wherry.registry.tag_list import ListedTag, find_listed_tag, get_listed_tag, page_of_tags
from wherry.web.api.call import Admitted, Call
from wherry.web.api.documents import (
    DEFAULT_PAGE,
    NO_ZERO,
    Cursor,
    Limit,
    PageDocument,
    Wanted,
    answer,
    cursor_after,
    key_of,
    no_content,
)
from wherry.web.api.manifest_documents import (
    TagDetailDocument,
    TagDocument,
    read_config,
    tag_detail_document,
    tag_document,
)
from wherry.web.api.operations import Operation
from wherry.web.api.problems import Problem

Contains = Annotated[
    str, Query(max_length=128, pattern=NO_ZERO, description="A part of the tag's name, in any case.")
]


class WantedTag(Wanted):
    """What a tag is to point at: a manifest of the same image, by digest or by another of its tags."""

    digest: str | None = Field(default=None, max_length=200)
    tag: str | None = Field(default=None, max_length=128)

    @model_validator(mode="after")
    def _one_of_both(self) -> "WantedTag":
        if (self.digest is None) is (self.tag is None):
            raise ValueError("give either a digest or a tag")
        return self


async def list_tags(
    call: Admitted,
    organization: str,
    image: str,
    contains: Contains = "",
    limit: Limit = DEFAULT_PAGE,
    cursor: Cursor = None,
) -> Response:
    """The image's tags by name, in ASCII order; of one tag its platforms too."""
    after = key_of(cursor)
    found = await call.read(
        lambda tx: page_of_tags(tx, call.image, contains=contains, after=after, size=limit)
    )
    following = cursor_after(found.items[-1].name) if found.more else None
    return call.page(PageDocument(items=[tag_document(each) for each in found.items], next=following))


async def show_tag(call: Admitted, organization: str, image: str, tag: str) -> Response:
    """One tag with the platforms of what it points at, each with its size and layers."""
    return answer(await _shown(call, Tag.parse(tag)))


async def put_tag(call: Admitted, organization: str, image: str, tag: str, body: WantedTag) -> Response:
    """Point a tag at a manifest of the image, without a push; a tag that is there moves.

    With `If-None-Match: *` a tag that is there is refused, with `If-Match` one that moved meanwhile.
    """
    wanted, source = Tag.parse(tag), _source(body)
    config = await _config_for_match(call, wanted)

    def work(tx: Connection) -> ListedTag:
        current = find_listed_tag(tx, call.image, wanted)
        if current is not None and call.request.headers.get("if-none-match", "").strip() == "*":
            raise Problem(412, "tag_exists", f"{call.image} has a tag {wanted} already")
        _match(tx, call, current, config)
        retag(tx, call.image, source, wanted, call.user_id, call.now, override=True)
        return get_listed_tag(tx, call.image, wanted)

    await call.write(work, lambda made: {"tag": made.name, "digest": made.digest})
    return answer(await _shown(call, wanted))


async def delete_tag(call: Admitted, organization: str, image: str, tag: str) -> Response:
    """Remove the tag; its manifest stays, and can be pulled by digest."""
    wanted = Tag.parse(tag)
    config = await _config_for_match(call, wanted)

    def work(tx: Connection) -> ListedTag:
        current = find_listed_tag(tx, call.image, wanted)
        _match(tx, call, current, config)
        found = get_listed_tag(tx, call.image, wanted)
        remove(tx, call.image, wanted, call.user_id, call.now)
        return found

    await call.write(work, lambda gone: {"tag": gone.name, "digest": gone.digest})
    return no_content()


def _source(body: WantedTag) -> Reference:
    return Digest.parse(body.digest) if body.digest is not None else Tag.parse(body.tag or "")


async def _shown(call: Call, tag: Tag) -> TagDetailDocument:
    found, details = await call.read(lambda tx: _read(tx, call, get_listed_tag(tx, call.image, tag)))
    return tag_detail_document(found, details, await read_config(call, call.image, details.image_config))


def _read(tx: Connection, call: Call, found: ListedTag) -> tuple[ListedTag, ManifestDetails]:
    return found, get_manifest_details(tx, call.image, Digest.parse(found.digest))


async def _config_for_match(call: Call, tag: Tag) -> ImageConfig | None:
    """The part of the tag's document that no transaction can read, where it is to be compared.

    If the tag moves between this and the transaction, the digest in the document is another one anyway.
    """
    if "if-match" not in call.request.headers:
        return None
    found = await call.read(lambda tx: find_listed_tag(tx, call.image, tag))
    if found is None:
        return None
    _, details = await call.read(lambda tx: _read(tx, call, found))
    return await read_config(call, call.image, details.image_config)


def _match(tx: Connection, call: Call, current: ListedTag | None, config: ImageConfig | None) -> None:
    if "if-match" in call.request.headers:
        call.require_match(
            None if current is None else tag_detail_document(*_read(tx, call, current), config)
        )


_ALL = "/organizations/{organization}/images/{image}/tags"
_ONE = f"{_ALL}/{{tag}}"
OPERATIONS = (
    Operation("GET", _ALL, Action.IMAGE_SEE, list_tags, PageDocument[TagDocument], tag="tags"),
    Operation("GET", _ONE, Action.IMAGE_SEE, show_tag, TagDetailDocument, tag="tags"),
    Operation("PUT", _ONE, Action.IMAGE_PUSH, put_tag, TagDetailDocument, tag="tags"),
    Operation("DELETE", _ONE, Action.IMAGE_DELETE, delete_tag, status=204, tag="tags"),
)
