"""Which requests are this face's: it shares its listener, and the prefix /v2, with the registry."""

from starlette.responses import Response
from starlette.types import Scope

from wherry.access.request_signing import is_signed
from wherry.web.routes import RouteTable
from wherry.web.swr.call import Call
from wherry.web.swr.routes import ENTERPRISE_ROUTES, OPERATIONS

_MANAGE = "/v2/manage/"
_MANAGED = frozenset(
    operation.route.template.removeprefix(_MANAGE).partition("/")[0]
    for operation in OPERATIONS
    if operation.route.template.startswith(_MANAGE)
)
_ENTERPRISE: RouteTable[Call, Response] = RouteTable(ENTERPRISE_ROUTES)


def concerns_swr(scope: Scope) -> bool:
    """Asked for every request, so the registry's own paths are told by one or two looks."""
    path: str = scope["path"]
    if path.startswith("/v2/"):
        if path.startswith("/v2/manage") and path[10:11] in ("", "/"):
            # What is neither of ours nor signed is somebody who pushes to the reserved name.
            return path[11:].partition("/")[0] in _MANAGED or is_signed(scope["headers"])
        if "/manifests/" in path or "/blobs/" in path or path.endswith(("/v2/", "/tags/list")):
            return False
        # A registry has nothing at these paths, but for its referrers; the SDK signs all that it sends.
        return (
            "/referrers/" not in path and is_signed(scope["headers"]) and _ENTERPRISE.find(path) is not None
        )
    if path.startswith("/v3"):
        return path == "/v3" or path.startswith("/v3/")
    return path in ("/", "/v2") and (is_signed(scope["headers"]) or _sends_json(scope))


def _sends_json(scope: Scope) -> bool:
    """SDKs say so on a GET too; browsers and registry clients do not."""
    return any(
        name == b"content-type" and value.startswith(b"application/json") for name, value in scope["headers"]
    )
