"""Where an image runs, in the clusters that one may see."""

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import Field
from sqlalchemy import Connection
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.clusters.rights import visible_names
from wherry.clusters.used_by import Use, used_by
from wherry.registry.image_list import show_image
from wherry.web.api.call import Admitted
from wherry.web.api.documents import DEFAULT_PAGE, NO_ZERO, Cursor, Document, Limit, PageDocument
from wherry.web.api.listed import page_of
from wherry.web.api.operations import Operation

OfDigest = Annotated[
    str | None, Query(max_length=200, pattern=NO_ZERO, description="Only where this digest runs.")
]
OfTag = Annotated[
    str | None, Query(max_length=128, pattern=NO_ZERO, description="Only what was started by this tag.")
]


class UseDocument(Document):
    """A workload that runs the image."""

    cluster: str
    namespace: str
    kind: str
    workload: str
    image: str = Field(description="As its pods have it.")
    tag: str | None
    digest: str | None = Field(description="Of what runs; null while no node has said it.")
    pods: int
    seen_at: datetime = Field(description="When that was last known to be so.")


async def list_image_uses(
    call: Admitted,
    organization: str,
    image: str,
    digest: OfDigest = None,
    tag: OfTag = None,
    limit: Limit = DEFAULT_PAGE,
    cursor: Cursor = None,
) -> Response:
    """Which workloads run the image, by cluster, of the clusters that you may see; also of those away now."""

    def work(tx: Connection) -> list[Use]:
        show_image(tx, call.actor, call.image, call.now)
        found = used_by(tx, call.image, visible=visible_names(tx, call.actor))
        return [
            one
            for uses in found.values()
            for one in uses
            if digest in (None, one.running.digest) and tag in (None, one.running.tag)
        ]

    found = sorted(await call.read(work), key=_key)
    page, following = page_of(found, _key, limit, cursor)
    return call.page(PageDocument(items=[_document(one) for one in page], next=following))


def _key(use: Use) -> str:
    it = use.running
    return "\t".join((use.cluster, it.namespace, it.kind, it.workload, it.image, it.digest))


def _document(use: Use) -> UseDocument:
    it = use.running
    return UseDocument(
        cluster=use.cluster,
        namespace=it.namespace,
        kind=it.kind,
        workload=it.workload,
        image=it.image,
        tag=it.tag,
        digest=it.digest or None,
        pods=it.pods,
        seen_at=use.seen_at,
    )


OPERATIONS = (
    Operation(
        "GET",
        "/organizations/{organization}/images/{image}/uses",
        Action.IMAGE_USES_SEE,
        list_image_uses,
        PageDocument[UseDocument],
        tag="images",
    ),
)
