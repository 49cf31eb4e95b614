"""Versions of this API."""

from starlette.responses import Response

from wherry.web.swr.call import Call
from wherry.web.swr.documents import answer
from wherry.web.swr.errors import Code, Problem

_VERSIONS = {"v2": ("2.0", "SUPPORTED"), "v3": ("3.0", "CURRENT")}
_UPDATED = "2026-11-23T00:00:00Z"


async def list_api_versions(call: Call) -> Response:
    """All versions."""
    return answer({"versions": [_version(call, name) for name in _VERSIONS]})


async def show_api_version(call: Call) -> Response:
    """One version."""
    name = call.parameters["api_version"]
    if name not in _VERSIONS:
        raise Problem(Code.PATH_UNKNOWN, f"there is no version {name[:20]!r} of this API")
    return answer({"version": _version(call, name)})


def _version(call: Call, name: str) -> dict[str, object]:
    number, status = _VERSIONS[name]
    return {
        "id": name,
        "links": {"href": f"{call.services.origin.of(call.scope)}/{name}", "rel": "self"},
        "version": number,
        "status": status,
        "updated": _UPDATED,
        "min_version": number,
    }
