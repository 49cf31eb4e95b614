"""Signatures and other artifacts of an image, and the images that a signature is of."""

from starlette.responses import Response

from wherry.registry.accessories import list_accessories, list_targets
from wherry.registry.repository_details import get_repository_details
from wherry.web.swr.call import Call, bare_name
from wherry.web.swr.documents import answer, moment
from wherry.web.swr.tags import derived_id


async def list_repo_accessories(call: Call) -> Response:
    """What belongs to the image under the tag."""
    asked, name, tag = call.asked(), call.image, call.tag
    offset, limit = asked.offset(), asked.limit(100)
    image, found = await call.read(
        lambda tx: (get_repository_details(tx, name), list_accessories(tx, name, tag))
    )
    shown = [
        {
            "id": derived_id(image.id, item.digest, item.tag),
            "domain_id": str(image.organization_id),
            "namespace_name": image.name.organization,
            "repo_name": bare_name(image.name),
            "sig_tag": item.tag or "",
            "sig_digest": item.digest,
            "target_digest": item.target,
            "size": item.size,
            "type": item.artifact_type or "",
            "created_at": moment(item.pushed_at),
            "updated_at": moment(item.pushed_at),
        }
        for item in found[offset : offset + limit]
    ]
    return answer({"total": len(found), "accessories": shown})


async def list_references(call: Call) -> Response:
    """Tags of the image that the artifact under the tag belongs to."""
    asked, name, tag = call.asked(), call.image, call.tag
    after, limit = asked.text("marker") or "", asked.limit(10)
    found = await call.read(lambda tx: list_targets(tx, name, tag, after=after, size=limit + 1))
    shown, more = found[:limit], len(found) > limit
    return answer({"tags": list(shown), "has_more": more, "next_marker": shown[-1] if more else ""})
