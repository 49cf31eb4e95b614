"""Manifests of an image, tagged or not: listed, shown with what is in them, deleted; and their referrers."""

from typing import Annotated

from fastapi import Query
from pydantic import Field
from sqlalchemy import Connection
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.kit.pages import Page
from wherry.oci.artifact_kinds import kind_of
from wherry.oci.digests import Digest
from wherry.oci.image_configs import labels_of
from wherry.registry.delete import delete_manifest as remove
from wherry.registry.manifest_details import get_manifest_details
from wherry.registry.manifest_list import get_listed_manifest, page_of_manifests
from wherry.registry.referrers import Referrer
from wherry.registry.referrers import list_referrers as find_referrers
from wherry.web.api.call import Admitted
from wherry.web.api.documents import (
    DEFAULT_PAGE,
    NO_ZERO,
    Cursor,
    Document,
    Limit,
    PageDocument,
    answer,
    cursor_after,
    key_of,
    no_content,
)
from wherry.web.api.manifest_documents import (
    ManifestDetailDocument,
    ManifestDocument,
    manifest_detail_document,
    manifest_document,
    read_config,
)
from wherry.web.api.operations import Operation

Tagged = Annotated[bool | None, Query(description="Only those with a tag, or only those without.")]
OfType = Annotated[
    str | None, Query(max_length=255, pattern=NO_ZERO, description="Only those of this artifact type.")
]


class ReferrerDocument(Document):
    """A signature, a bill of materials, an attestation or another artifact that refers to a manifest."""

    digest: str
    media_type: str
    kind: str = Field(description="`signature`, `sbom`, `attestation`, or what else it is.")
    artifact_type: str | None
    size: int = Field(description="Bytes of the referrer's manifest.")
    annotations: dict[str, str]


async def list_manifests(
    call: Admitted,
    organization: str,
    image: str,
    tagged: Tagged = None,
    limit: Limit = DEFAULT_PAGE,
    cursor: Cursor = None,
) -> Response:
    """The image's manifests by digest, each with its tags."""
    after = key_of(cursor)
    found = await call.read(
        lambda tx: page_of_manifests(tx, call.image, tagged=tagged, after=after, size=limit)
    )
    following = cursor_after(found.items[-1].digest) if found.more else None
    return call.page(PageDocument(items=[manifest_document(each) for each in found.items], next=following))


async def show_manifest(call: Admitted, organization: str, image: str, digest: str) -> Response:
    """One manifest: its tags, platforms, layers, and what the image's config says."""
    wanted = Digest.parse(digest)
    found = await call.read(lambda tx: get_manifest_details(tx, call.image, wanted))
    return answer(manifest_detail_document(found, await read_config(call, call.image, found.image_config)))


async def delete_manifest(call: Admitted, organization: str, image: str, digest: str) -> Response:
    """Delete the manifest with all tags that point at it; what an index still needs is refused.

    With `If-Match: *` only one that is there. Its bytes stay until garbage collection comes.
    """
    wanted = Digest.parse(digest)
    config = None
    if "if-match" in call.request.headers:
        seen = await call.read(lambda tx: get_manifest_details(tx, call.image, wanted))
        config = await read_config(call, call.image, seen.image_config)

    def work(tx: Connection) -> tuple[str, ...]:
        if "if-match" in call.request.headers:
            current = get_manifest_details(tx, call.image, wanted)
            call.require_match(manifest_detail_document(current, config))
        tags = get_listed_manifest(tx, call.image, wanted).tags
        remove(tx, call.image, wanted, call.user_id, call.now)
        return tags

    await call.write(work, lambda tags: {"digest": str(wanted), "tags": list(tags)})
    return no_content()


async def list_referrers(
    call: Admitted,
    organization: str,
    image: str,
    digest: str,
    artifact_type: OfType = None,
    limit: Limit = DEFAULT_PAGE,
    cursor: Cursor = None,
) -> Response:
    """What refers to the manifest: signatures, bills of materials, attestations; by digest.

    Of a manifest that is not there too: a referrer may be pushed before it.
    """
    subject, after = Digest.parse(digest), key_of(cursor)

    def work(tx: Connection) -> Page[Referrer]:
        return find_referrers(tx, call.image, subject, artifact_type=artifact_type, after=after, size=limit)

    found = await call.read(work)
    following = cursor_after(found.items[-1].digest) if found.more else None
    return call.page(PageDocument(items=[_referrer(each) for each in found.items], next=following))


def _referrer(referrer: Referrer) -> ReferrerDocument:
    return ReferrerDocument(
        digest=referrer.digest,
        media_type=referrer.media_type,
        kind=kind_of(referrer.media_type, referrer.artifact_type, referrer.annotations).value,
        artifact_type=referrer.artifact_type,
        size=referrer.size,
        annotations=labels_of(referrer.annotations),
    )


_ALL = "/organizations/{organization}/images/{image}/manifests"
_ONE = f"{_ALL}/{{digest}}"
OPERATIONS = (
    Operation("GET", _ALL, Action.IMAGE_SEE, list_manifests, PageDocument[ManifestDocument], tag="manifests"),
    Operation("GET", _ONE, Action.IMAGE_SEE, show_manifest, ManifestDetailDocument, tag="manifests"),
    Operation("DELETE", _ONE, Action.IMAGE_DELETE, delete_manifest, status=204, tag="manifests"),
    Operation(
        "GET",
        f"{_ONE}/referrers",
        Action.IMAGE_SEE,
        list_referrers,
        PageDocument[ReferrerDocument],
        tag="manifests",
    ),
)
