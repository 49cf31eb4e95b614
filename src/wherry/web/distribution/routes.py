"""The routes of this face, each bound to its action. The API's reference page is made from this table."""

from collections.abc import Awaitable, Callable

from starlette.responses import Response

from wherry.access.actions import Action
from wherry.web.distribution import listings, manifests, pulls, token, uploads
from wherry.web.distribution.call import Call
from wherry.web.routes import Audit, Route

_MANIFEST = "/v2/{name:path}/manifests/{reference}"
_UPLOADS = "/v2/{name:path}/blobs/uploads/"
_UPLOAD = "/v2/{name:path}/blobs/uploads/{upload}"
_BLOB = "/v2/{name:path}/blobs/{digest}"


def _route(
    method: str,
    template: str,
    action: Action,
    handler: Callable[[Call], Awaitable[Response]],
    *audit: Audit,
) -> Route[Call, Response]:
    return Route(method, template, action, handler, *audit)


# A push is recorded with its manifest: before that nobody can pull anything of it.
# The first template that fits wins: the hottest first, and an upload's before a blob's.
ROUTES: tuple[Route[Call, Response], ...] = (
    _route("GET", _MANIFEST, Action.IMAGE_PULL, pulls.get_manifest),
    _route("HEAD", _MANIFEST, Action.IMAGE_PULL, pulls.get_manifest),
    _route("PUT", _MANIFEST, Action.IMAGE_PUSH, manifests.put_manifest),
    _route("DELETE", _MANIFEST, Action.IMAGE_DELETE, manifests.delete_manifest),
    _route("POST", _UPLOADS, Action.IMAGE_PUSH, uploads.start_upload, Audit.STEP),
    _route("GET", _UPLOAD, Action.IMAGE_PUSH, uploads.upload_status),
    _route("PATCH", _UPLOAD, Action.IMAGE_PUSH, uploads.append_chunk, Audit.STEP),
    _route("PUT", _UPLOAD, Action.IMAGE_PUSH, uploads.finish_upload, Audit.STEP),
    _route("DELETE", _UPLOAD, Action.IMAGE_PUSH, uploads.cancel_upload, Audit.STEP),
    _route("GET", _BLOB, Action.IMAGE_PULL, pulls.get_blob),
    _route("HEAD", _BLOB, Action.IMAGE_PULL, pulls.get_blob),
    _route("DELETE", _BLOB, Action.IMAGE_DELETE, manifests.delete_blob),
    _route("GET", "/v2/{name:path}/tags/list", Action.IMAGE_PULL, listings.list_tags),
    _route("GET", "/v2/{name:path}/referrers/{digest}", Action.IMAGE_PULL, listings.list_referrers),
    _route("GET", "/v2/_catalog", Action.CATALOG_LIST, listings.list_catalog),
    _route("GET", "/v2/", Action.REGISTRY_USE, listings.ping),
    _route("HEAD", "/v2/", Action.REGISTRY_USE, listings.ping),
    _route("GET", "/v2", Action.REGISTRY_USE, listings.ping),
    _route("GET", "/token", Action.TOKEN_ASK, token.give_token),
    _route("POST", "/token", Action.TOKEN_ASK, token.give_token_oauth2, Audit.NOTHING),
)
