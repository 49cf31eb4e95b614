"""Runs of triggers: listed and shown; approved, rejected, cancelled, and made anew."""

from typing import Annotated

from fastapi import Query
from pydantic import Field
from sqlalchemy import Connection
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.kit.pages import Page
from wherry.oci.digests import Digest
from wherry.registry.config_platforms import read_platforms
from wherry.registry.repositories import get_repository
from wherry.triggers.approvals import approve_run, cancel_run, reject_run
from wherry.triggers.errors import RunUnknown
from wherry.triggers.history import list_runs
from wherry.triggers.replay import replay_run
from wherry.triggers.runs import Run, State, get_run_of
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
)
from wherry.web.api.operations import Operation
from wherry.web.api.problems import Problem
from wherry.web.api.trigger_documents import RunDocument, RunsDocument, run_document
from wherry.web.api.triggers import ONE, trigger_of

_MAX_ID = 2**63 - 1

InState = Annotated[
    list[State],
    Query(max_length=len(State), description="Only runs in this state; may be given several times."),
]


class WantedRejection(Wanted):
    """Why, for everybody to read."""

    reason: str = Field(default="", max_length=500, pattern=NO_ZERO)


async def list_trigger_runs(
    call: Admitted,
    organization: str,
    image: str,
    trigger: str,
    state: InState = [],  # noqa: B006 (read only)
    limit: Limit = DEFAULT_PAGE,
    cursor: Cursor = None,
) -> Response:
    """What the trigger did, the newest first."""
    before = _before(cursor)

    def work(tx: Connection) -> Page[Run]:
        found = trigger_of(tx, call)
        return list_runs(tx, call.image, trigger_id=found.id, states=state, before=before, size=limit)

    return _page(call, await call.read(work))


async def list_image_runs(
    call: Admitted,
    organization: str,
    image: str,
    state: InState = [],  # noqa: B006 (read only)
    limit: Limit = DEFAULT_PAGE,
    cursor: Cursor = None,
) -> Response:
    """What triggers of the image did, deleted ones too, the newest first."""
    before = _before(cursor)

    def work(tx: Connection) -> Page[Run]:
        get_repository(tx, call.image)
        return list_runs(tx, call.image, states=state, before=before, size=limit)

    return _page(call, await call.read(work))


async def show_run(call: Admitted, organization: str, image: str, run: str) -> Response:
    """One run: how far it is, or how it ended and why."""
    return answer(run_document(await call.read(lambda tx: _run_of(tx, call))))


async def approve_one_run(call: Admitted, organization: str, image: str, run: str) -> Response:
    """Let a run go that waits for approval. It takes `write` on its cluster."""

    def work(tx: Connection) -> Run:
        return approve_run(tx, call.actor, _run_of(tx, call).id, call.now)

    return answer(run_document(await call.write(work, lambda done: _detail(done, "approved"))))


async def reject_one_run(
    call: Admitted, organization: str, image: str, run: str, body: WantedRejection
) -> Response:
    """Refuse a run that waits for approval; the waves behind it do not begin."""

    def work(tx: Connection) -> Run:
        return reject_run(tx, call.actor, _run_of(tx, call).id, body.reason, call.now)

    return answer(run_document(await call.write(work, lambda done: _detail(done, "rejected"))))


async def cancel_one_run(call: Admitted, organization: str, image: str, run: str) -> Response:
    """End a run that has not begun; the waves behind it do not begin."""

    def work(tx: Connection) -> Run:
        return cancel_run(tx, call.actor, _run_of(tx, call).id, call.now)

    return answer(run_document(await call.write(work, lambda done: _detail(done, "cancelled"))))


async def replay_one_run(call: Admitted, organization: str, image: str, run: str) -> Response:
    """The same tag and digest once more, by the trigger as it is now; so one rolls back by hand, too."""
    known = await call.read(lambda tx: _run_of(tx, call))
    if known.image is None:
        asked = (call.image, Digest.parse(known.digest))
        await read_platforms(call.services.database, call.services.store, [asked])

    def work(tx: Connection) -> tuple[Run, ...]:
        return replay_run(tx, call.actor, _run_of(tx, call).id, call.now)

    return await call.create(
        work,
        lambda made: RunsDocument(runs=[run_document(each) for each in made]),
        detail=lambda made: {"replayed": call.parameters["run"], "runs": [each.id for each in made]},
    )


def _run_of(tx: Connection, call: Call) -> Run:
    """The run of the path. Raises `RepositoryUnknown`, `RunUnknown`, `Problem`."""
    get_repository(tx, call.image)
    text = call.parameters["run"]
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise Problem(404, "run_unknown", "a run is a number")
    if int(text) > _MAX_ID:
        raise RunUnknown(int(text))
    return get_run_of(tx, call.image, int(text))


def _before(cursor: str | None) -> int | None:
    text = key_of(cursor)
    if cursor is None:
        return None
    if text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= _MAX_ID:
        return int(text)
    raise Problem(422, "invalid_cursor", "cursor: this is not the `next` of a page")


def _page(call: Call, found: Page[Run]) -> Response:
    following = cursor_after(str(found.items[-1].id)) if found.more else None
    return call.page(PageDocument(items=[run_document(each) for each in found.items], next=following))


def _detail(run: Run, done: str) -> dict[str, object]:
    return {"trigger": run.trigger, "run": run.id, done: True}


_ALL = "/organizations/{organization}/images/{image}/trigger-runs"
_ONE = f"{_ALL}/{{run}}"
_SEE, _CHANGE = Action.IMAGE_TRIGGERS_SEE, Action.IMAGE_TRIGGER
OPERATIONS = (
    Operation("GET", f"{ONE}/runs", _SEE, list_trigger_runs, PageDocument[RunDocument], tag="triggers"),
    Operation("GET", _ALL, _SEE, list_image_runs, PageDocument[RunDocument], tag="triggers"),
    Operation("GET", _ONE, _SEE, show_run, RunDocument, tag="triggers"),
    Operation("POST", f"{_ONE}/approval", _CHANGE, approve_one_run, RunDocument, tag="triggers"),
    Operation("POST", f"{_ONE}/rejection", _CHANGE, reject_one_run, RunDocument, tag="triggers"),
    Operation("POST", f"{_ONE}/cancellation", _CHANGE, cancel_one_run, RunDocument, tag="triggers"),
    Operation("POST", f"{_ONE}/replay", _CHANGE, replay_one_run, RunsDocument, status=201, tag="triggers"),
)
