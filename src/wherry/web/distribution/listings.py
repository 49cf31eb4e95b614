"""Tags, the catalog, referrers, and the ping: what is read from lists."""

import json
from collections.abc import Mapping
from urllib.parse import urlencode

from starlette.responses import Response

from wherry.kit.pages import Page
from wherry.oci.digests import Digest
from wherry.oci.media_types import OCI_INDEX
from wherry.registry.referrers import Referrer
from wherry.registry.referrers import list_referrers as referrers_of
from wherry.registry.repositories import list_repositories
from wherry.registry.tags import list_tags as tags_of
from wherry.web.distribution.call import Call
from wherry.web.distribution.errors import Code, Problem

__all__ = ["list_catalog", "list_referrers", "list_tags", "ping"]


async def ping(call: Call) -> Response:
    """This is a registry, and you are logged in."""
    return _json({})


async def list_tags(call: Call) -> Response:
    """Tags in ASCII order."""
    name, after = call.repository, call.asked("last") or ""
    size = _page_size(call)
    page = await call.services.database.read(lambda tx: tags_of(tx, name, after=after, size=size))
    more = _next(call, size, page.items[-1]) if page.more and size else {}
    return _json({"name": name.text, "tags": list(page.items) if size else []}, more)


async def list_catalog(call: Call) -> Response:
    """Repositories in ASCII order: those that the user may pull."""
    after, size = call.asked("last") or "", _page_size(call)
    visible_to = None if call.actor.sees_everything else call.user_id
    within, now = call.actor.ceiling, call.services.clock.now()
    page = await call.services.database.read(
        lambda tx: list_repositories(
            tx, after=after, size=size, visible_to=visible_to, shared_at=now, within=within
        )
    )
    names = [repository.name.text for repository in page.items] if size else []
    return _json({"repositories": names}, _next(call, size, names[-1]) if page.more and names else {})


async def list_referrers(call: Call) -> Response:
    """An index of the manifests whose subject is the digest; empty, not an error, where there is none."""
    subject = Digest.parse(call.parameters["digest"])
    wanted, name = call.asked("artifactType"), call.repository
    after, size = call.asked("last") or "", max(1, _page_size(call))
    page = await call.services.database.read(
        lambda tx: referrers_of(tx, name, subject, artifact_type=wanted or None, after=after, size=size)
    )
    headers = {"oci-filters-applied": "artifactType"} if wanted else {}
    if page.more:
        headers |= _next(call, size, page.items[-1].digest, {"artifactType": wanted} if wanted else {})
    return _json(_index(page), headers, OCI_INDEX)


def _index(page: Page[Referrer]) -> dict[str, object]:
    return {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [
            {
                "mediaType": referrer.media_type,
                "digest": referrer.digest,
                "size": referrer.size,
                **({"artifactType": referrer.artifact_type} if referrer.artifact_type else {}),
                **({"annotations": referrer.annotations} if referrer.annotations else {}),
            }
            for referrer in page.items
        ],
    }


def _page_size(call: Call) -> int:
    """What `n` asks for, at most the limit of a page. Raises `Problem` for what is no number."""
    asked, limit = call.asked("n"), call.services.limits.page_size
    if asked is None:
        return limit
    if not (asked.isascii() and asked.isdigit()):
        raise Problem(400, Code.UNSUPPORTED, "n is a whole number, zero or more")
    return limit if len(asked) > 9 else min(int(asked), limit)


def _next(call: Call, size: int, last: str, more: Mapping[str, str] | None = None) -> dict[str, str]:
    query = urlencode({**(more or {}), "n": size, "last": last})
    return {"link": f'<{call.scope["path"]}?{query}>; rel="next"'}


def _json(
    document: object, headers: Mapping[str, str] | None = None, media_type: str = "application/json"
) -> Response:
    return Response(json.dumps(document), 200, headers, media_type)
