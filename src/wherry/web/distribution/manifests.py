"""PUT and DELETE of manifests, and DELETE of blobs."""

import asyncio

from starlette.responses import Response

from wherry.access.actions import Action
from wherry.oci.digests import Digest
from wherry.oci.manifests import Manifest, parse_manifest
from wherry.oci.media_types import parse_media_type
from wherry.oci.names import Tag, parse_reference
from wherry.registry import delete
from wherry.registry.errors import ContentMismatch, ManifestTooLarge, TooManyTags
from wherry.registry.push import PushedManifest
from wherry.registry.push import put_manifest as keep_manifest
from wherry.web.body import BodyTooLong, whole_body
from wherry.web.distribution.call import Call

# Reading a larger document takes longer than handing it to a thread.
_LARGE = 64 * 1024


async def put_manifest(call: Call) -> Response:
    """Keep a manifest under its digest, and let the tag of the path, or those of the query, point at it."""
    reference = parse_reference(call.parameters["reference"])
    tags = _tags(call, reference)
    content = await _body(call)
    view = await _view(call, content)
    digest = Digest.of(content) if isinstance(reference, Tag) else Digest.of(content, reference.algorithm)
    if isinstance(reference, Digest) and digest != reference:
        raise ContentMismatch(reference, digest)
    name, user_id, services = call.repository, call.user_id, call.services
    pushed, now = PushedManifest(digest, content, view), services.clock.now()
    await call.write(
        Action.IMAGE_PUSH,
        lambda tx: keep_manifest(tx, name, pushed, tags, user_id, now, sparse=services.sparse),
        {
            "digest": str(digest),
            "tags": [tag.text for tag in tags],
            "media_type": view.media_type,
            "size": len(content),
        },
    )
    response = Response(b"", 201)
    response.headers["location"] = f"/v2/{name}/manifests/{digest}"
    response.headers["docker-content-digest"] = str(digest)
    if view.subject is not None:
        response.headers["oci-subject"] = str(view.subject.digest)
    if isinstance(reference, Digest):
        for tag in tags:
            response.headers.append("oci-tag", tag.text)
    return response


async def delete_manifest(call: Call) -> Response:
    """By digest the manifest with its tags, by tag the tag alone."""
    reference = parse_reference(call.parameters["reference"])
    name, services = call.repository, call.services
    user_id, now = call.user_id, services.clock.now()
    if isinstance(reference, Tag):
        await call.write(
            Action.IMAGE_DELETE,
            lambda tx: delete.delete_tag(tx, name, reference, user_id, now),
            {"tag": reference.text},
        )
    else:
        await call.write(
            Action.IMAGE_DELETE,
            lambda tx: delete.delete_manifest(tx, name, reference, user_id, now, sparse=services.sparse),
            {"digest": str(reference)},
        )
    return Response(b"", 202)


async def delete_blob(call: Call) -> Response:
    """The repository no longer has the blob."""
    digest, name, services = Digest.parse(call.parameters["digest"]), call.repository, call.services
    await call.write(
        Action.IMAGE_DELETE,
        lambda tx: delete.delete_blob(tx, name, digest, sparse=services.sparse),
        {"blob": str(digest)},
    )
    return Response(b"", 202)


def _tags(call: Call, reference: Tag | Digest) -> list[Tag]:
    if isinstance(reference, Tag):
        return [reference]
    limit = call.services.limits.tags_per_put
    asked = dict.fromkeys(value for key, value in call.query if key == "tag")
    if len(asked) > limit:
        raise TooManyTags(limit)
    return [Tag.parse(text) for text in asked]


async def _body(call: Call) -> bytes:
    limits = call.services.limits
    announced = call.content_length()
    if announced is not None and announced > limits.manifest_bytes:
        raise ManifestTooLarge(limits.manifest_bytes)
    try:
        return await whole_body(call.receive, limits.idle, limits.manifest_bytes)
    except BodyTooLong:
        raise ManifestTooLarge(limits.manifest_bytes) from None


async def _view(call: Call, content: bytes) -> Manifest:
    header = call.header(b"content-type")
    content_type = parse_media_type(header) if header else None
    depth = call.services.limits.json_depth
    if len(content) < _LARGE:
        return parse_manifest(content, content_type, depth)
    return await asyncio.to_thread(parse_manifest, content, content_type, depth)
