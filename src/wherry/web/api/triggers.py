"""Triggers of an image: made, listed, shown, replaced, switched on and off, paused, deleted, previewed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated
from urllib.parse import quote

from fastapi import Query
from pydantic import Field
from sqlalchemy import Connection
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.access.levels import Level
from wherry.clusters.connection import ClusterConnection
from wherry.clusters.rights import require_level
from wherry.oci.digests import Digest
from wherry.oci.names import Tag
from wherry.registry.config_platforms import read_platforms
from wherry.registry.repositories import get_repository
from wherry.triggers.dry_run import ask_clusters as ask
from wherry.triggers.errors import TriggerUnknown
from wherry.triggers.find import get_trigger
from wherry.triggers.find import list_triggers as page_of_triggers
from wherry.triggers.history import last_runs
from wherry.triggers.manage import change_trigger, enable_trigger, pause_trigger, resume_trigger
from wherry.triggers.manage import create_trigger as make
from wherry.triggers.manage import delete_trigger as remove
from wherry.triggers.plan import Image
from wherry.triggers.preview import digest_of, preview_push
from wherry.triggers.trigger import MAX_NAME, Trigger
from wherry.web.api.call import Admitted, Call
from wherry.web.api.documents import (
    DEFAULT_PAGE,
    NO_ZERO,
    Cursor,
    Flag,
    Limit,
    PageDocument,
    Wanted,
    answer,
    cursor_after,
    key_of,
    no_content,
)
from wherry.web.api.operations import Operation
from wherry.web.api.trigger_documents import (
    ListedTriggerDocument,
    PreviewDocument,
    TriggerDocument,
    WantedTrigger,
    listed_trigger_document,
    preview_document,
    trigger_document,
    wanted_of,
)

PreviewedTag = Annotated[str, Query(max_length=128, pattern=NO_ZERO, description="The tag of the push.")]
PreviewedDigest = Annotated[
    str | None,
    Query(max_length=200, pattern=NO_ZERO, description="Of what is pushed; else what the tag names now."),
]


PreviewedName = Annotated[
    str | None,
    Query(
        max_length=300,
        pattern=NO_ZERO,
        description="Whole name of an image held elsewhere, such as `docker.io/acme/web`: what a push of it"
        " would do, of which a webhook sender tells.",
    ),
]
AskClusters = Annotated[bool, Query(description="Ask the clusters what would change in their workloads.")]


class WantedEnabling(Wanted):
    """Whether pushes fire the trigger."""

    enabled: Flag


class WantedPause(Wanted):
    """Why, for everybody to read."""

    reason: str = Field(default="", max_length=500, pattern=NO_ZERO)


async def list_triggers(
    call: Admitted, organization: str, image: str, limit: Limit = DEFAULT_PAGE, cursor: Cursor = None
) -> Response:
    """The image's triggers by name, each with what it did last."""
    after = key_of(cursor)

    def work(tx: Connection) -> PageDocument[ListedTriggerDocument]:
        found = page_of_triggers(tx, call.image, after=after, size=limit)
        last = last_runs(tx, [each.id for each in found.items])
        items = [listed_trigger_document(each, next(iter(last[each.id]), None)) for each in found.items]
        return PageDocument(items=items, next=cursor_after(found.items[-1].name) if found.more else None)

    return call.page(await call.read(work))


async def create_trigger(call: Admitted, organization: str, image: str, body: WantedTrigger) -> Response:
    """Make a trigger. It acts with your rights: `write` on the image and on each of its clusters."""

    def work(tx: Connection) -> Trigger:
        # An image that is not there is said before a cluster that is not.
        get_repository(tx, call.image)
        return make(tx, call.actor, call.image, wanted_of(body, call.services.sealer), call.now)

    path = call.request.url.path
    return await call.create(
        work,
        trigger_document,
        location=lambda made: f"{path}/{quote(made.name, safe='')}",
        detail=_detail,
    )


async def show_trigger(call: Admitted, organization: str, image: str, trigger: str) -> Response:
    """One trigger: its condition, target and options, and whether it fires."""
    return answer(trigger_document(await call.read(lambda tx: trigger_of(tx, call))))


async def replace_trigger(
    call: Admitted, organization: str, image: str, trigger: str, body: WantedTrigger
) -> Response:
    """Put another in its place, also under another name; from now on it acts with your rights."""

    def work(tx: Connection) -> Trigger:
        known = _matched(tx, call)
        wanted = wanted_of(body, call.services.sealer, known)
        return change_trigger(tx, call.actor, call.image, known.name, wanted, call.now)

    return answer(trigger_document(await call.write(work, _detail)))


async def delete_trigger(call: Admitted, organization: str, image: str, trigger: str) -> Response:
    """Delete it. Its history stays; runs that have not begun end as skipped."""

    def work(tx: Connection) -> Trigger:
        known = _matched(tx, call)
        remove(tx, call.actor, call.image, known.name, call.now)
        return known

    await call.write(work, lambda gone: {"trigger": gone.name, "deleted": True})
    return no_content()


async def put_trigger_enabled(
    call: Admitted, organization: str, image: str, trigger: str, body: WantedEnabling
) -> Response:
    """Switch it on or off; switched on, it forgets its failures and pause."""

    def work(tx: Connection) -> Trigger:
        name = _matched(tx, call).name
        return enable_trigger(tx, call.actor, call.image, name, body.enabled, call.now)

    changed = await call.write(work, lambda done: {"trigger": done.name, "enabled": body.enabled})
    return answer(trigger_document(changed))


async def put_trigger_pause(
    call: Admitted, organization: str, image: str, trigger: str, body: WantedPause
) -> Response:
    """Stop it for a while, with a reason."""

    def work(tx: Connection) -> Trigger:
        return pause_trigger(tx, call.actor, call.image, _matched(tx, call).name, body.reason, call.now)

    changed = await call.write(work, lambda done: {"trigger": done.name, "paused": done.paused_because})
    return answer(trigger_document(changed))


async def delete_trigger_pause(call: Admitted, organization: str, image: str, trigger: str) -> Response:
    """Let it fire again, after a pause of its own or by somebody; its failures are forgotten."""

    def work(tx: Connection) -> Trigger:
        return resume_trigger(tx, call.actor, call.image, _matched(tx, call).name, call.now)

    changed = await call.write(work, lambda done: {"trigger": done.name, "resumed": True})
    return answer(trigger_document(changed))


async def preview_triggers(
    call: Admitted,
    organization: str,
    image: str,
    tag: PreviewedTag,
    digest: PreviewedDigest = None,
    held_as: PreviewedName = None,
    ask_clusters: AskClusters = False,
) -> Response:
    """What a push of the tag would do now: which triggers fire, where, and why others do not.

    With `ask_clusters` each cluster that the caller may see is asked what would change in its workloads.
    """
    pushed, known = Tag.parse(tag), None if digest is None else str(Digest.parse(digest))
    clusters = call.services.clusters
    if held_as is not None:
        of_push = Image.held_elsewhere(held_as, pushed.text, known or "")
    else:
        known = known or await call.read(lambda tx: digest_of(tx, call.image, pushed))
        of_push = Image(call.image, pushed.text, known or "", clusters.registry.names)
    if known is not None and held_as is None:
        asked = (call.image, Digest.parse(known))
        await read_platforms(call.services.database, call.services.store, [asked])
    found = await call.read(
        lambda tx: preview_push(tx, call.image, pushed, call.now, digest=known, held_as=held_as)
    )
    if not ask_clusters:
        return answer(preview_document(found))

    @asynccontextmanager
    async def reach(name: str) -> AsyncIterator[ClusterConnection]:
        cluster = await call.read(lambda tx: require_level(tx, call.actor, name, Level.READ))
        async with clusters.connected(cluster) as connection:
            yield connection

    return answer(preview_document(found, await ask(found, reach, of_push, call.now)))


def trigger_of(tx: Connection, call: Call) -> Trigger:
    """The trigger of the path. Raises `RepositoryUnknown`, `TriggerUnknown`."""
    name = call.parameters["trigger"]
    if len(name) > MAX_NAME or not name.isprintable():
        raise TriggerUnknown(call.image, name)
    return get_trigger(tx, call.image, name)


def _matched(tx: Connection, call: Call) -> Trigger:
    known = trigger_of(tx, call)
    call.require_match(trigger_document(known))
    return known


def _detail(trigger: Trigger) -> dict[str, object]:
    return {"trigger": trigger.name, "condition": str(trigger.condition)}


ALL = "/organizations/{organization}/images/{image}/triggers"
ONE = f"{ALL}/{{trigger}}"
_PAUSE = f"{ONE}/pause"
_PREVIEW = "/organizations/{organization}/images/{image}/trigger-preview"
_SEE, _CHANGE = Action.IMAGE_TRIGGERS_SEE, Action.IMAGE_TRIGGER
OPERATIONS = (
    Operation("GET", ALL, _SEE, list_triggers, PageDocument[ListedTriggerDocument], tag="triggers"),
    Operation("POST", ALL, _CHANGE, create_trigger, TriggerDocument, status=201, tag="triggers"),
    Operation("GET", ONE, _SEE, show_trigger, TriggerDocument, tag="triggers"),
    Operation("PUT", ONE, _CHANGE, replace_trigger, TriggerDocument, tag="triggers"),
    Operation("DELETE", ONE, _CHANGE, delete_trigger, status=204, tag="triggers"),
    Operation("PUT", f"{ONE}/enabled", _CHANGE, put_trigger_enabled, TriggerDocument, tag="triggers"),
    Operation("PUT", _PAUSE, _CHANGE, put_trigger_pause, TriggerDocument, tag="triggers"),
    Operation("DELETE", _PAUSE, _CHANGE, delete_trigger_pause, TriggerDocument, tag="triggers"),
    Operation("GET", _PREVIEW, _SEE, preview_triggers, PreviewDocument, tag="triggers"),
)
