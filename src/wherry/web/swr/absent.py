"""What this server does not do yet: empty lists where there is nothing, and a clear answer to a change."""

from starlette.responses import Response

from wherry.registry.repositories import get_repository
from wherry.web.swr.call import Call
from wherry.web.swr.documents import answer
from wherry.web.swr.errors import Code, Problem
from wherry.web.swr.listings import Range


async def enterprise(call: Call) -> Response:
    """An operation of the enterprise edition."""
    if call.parameters.get("project_id") == "manage":
        raise Problem(Code.PATH_UNKNOWN, "there is nothing at this path")
    raise Problem(Code.ENTERPRISE_ONLY, "this is an operation of the enterprise edition, which is not served")


async def create_retention(call: Call) -> Response:
    """Refused: retention is not available yet."""
    raise await _not_yet(call, "retention")


async def list_retentions(call: Call) -> Response:
    """No retention rules."""
    return await _empty_list(call)


async def missing_retention(call: Call) -> Response:
    """There is no such retention rule."""
    await _must_exist(call)
    raise Problem(Code.RETENTION_UNKNOWN, "there is no such retention rule")


async def list_retention_histories(call: Call) -> Response:
    """Nothing was deleted by retention."""
    asked = call.asked("offset", "limit", "order")
    asked.limit()
    await _must_exist(call)
    return answer({"retention_log": [], "total": 0}, headers=Range(asked.offset(), 0, 0).headers)


async def list_sync_regions(call: Call) -> Response:
    """No other regions."""
    return answer([])


async def create_image_sync_repo(call: Call) -> Response:
    """Refused: sync is not available yet."""
    raise await _not_yet(call, "sync to other registries")


async def create_manual_image_sync_repo(call: Call) -> Response:
    """Refused: sync is not available yet."""
    raise await _not_yet(call, "sync to other registries")


async def list_image_auto_sync_repos_details(call: Call) -> Response:
    """No sync is set."""
    return await _empty_list(call)


async def delete_image_sync_repo(call: Call) -> Response:
    """There is no such sync."""
    await _must_exist(call)
    raise Problem(Code.SYNC_UNKNOWN, "the image is not synced there")


async def show_sync_job(call: Call) -> Response:
    """No sync has run."""
    asked = call.asked("offset", "limit", "order")
    asked.limit()
    await _must_exist(call)
    return answer([], headers=Range(asked.offset(), 0, 0).headers)


async def _must_exist(call: Call) -> None:
    name = call.image
    await call.read(lambda tx: get_repository(tx, name))


async def _empty_list(call: Call) -> Response:
    await _must_exist(call)
    return answer([])


async def _not_yet(call: Call, what: str) -> Problem:
    await _must_exist(call)
    return Problem(Code.NOT_YET, f"{what} not yet available")
