"""The audit trail: listed, newest first, of the site or of one organization, and exported."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from fastapi import Query
from pydantic import Field
from starlette.responses import Response, StreamingResponse

from wherry.access.actions import Action
from wherry.audit.entries import Kind, Result
from wherry.audit.export import Format, export_records
from wherry.audit.listing import AuditFilter, AuditRecord, list_records
from wherry.web.api.call import Admitted, Call
from wherry.web.api.documents import (
    DEFAULT_PAGE,
    NO_ZERO,
    Cursor,
    Document,
    Limit,
    Moment,
    PageDocument,
    cursor_after,
)
from wherry.web.api.listed import position_of
from wherry.web.api.operations import Operation


def _text(description: str) -> Any:
    return Query(max_length=300, pattern=NO_ZERO, description=description)


ByActor = Annotated[str | None, _text("Who did it: the name of a user or robot.")]
OfAction = Annotated[str | None, _text("What was done, such as `image.push` or `login.failed`.")]
OnKind = Annotated[Kind | None, Query(description="What kind of thing it was done on.")]
OnName = Annotated[str | None, _text("The whole name of the image, organization, user or key.")]
OnPrefix = Annotated[str | None, _text("How such a name begins, such as `acme/`.")]
InOrganization = Annotated[str | None, _text("Only what belongs to this organization.")]
WithResult = Annotated[Result | None, Query(description="How it ended.")]
WithKey = Annotated[str | None, _text("The access key that logged in.")]
Since = Annotated[Moment | None, Query(description="From this time on, with a time zone.")]
Until = Annotated[Moment | None, Query(description="Before this time, with a time zone.")]


class ExportFormat(StrEnum):
    """CSV for spreadsheets, JSON lines for programs."""

    CSV = "csv"
    JSON_LINES = "jsonl"


class AuditRecordDocument(Document):
    """Who did what, on what, with which result."""

    position: int = Field(description="Its place in the chain.")
    at: datetime
    actor: str
    actor_id: int | None = Field(description="Null for who is not a user, as after a failed login.")
    means: str = Field(description="How they logged in: `password`, `access key`, `token`, `session`…")
    key_id: str | None
    client: str = Field(description="The address that the request came from.")
    request_id: str
    action: str
    kind: str = Field(description="What it was done on: `image`, `organization`, `user`…")
    name: str
    organization: str | None
    result: str = Field(description="`done`, `refused` or `failed`.")
    reason: str = Field(description="Why it was refused or failed.")
    detail: dict[str, Any] = Field(description="What was changed, such as tag, digest, level.")
    hash: str = Field(description="Links the record to the one before.")


async def list_audit(
    call: Admitted,
    actor: ByActor = None,
    action: OfAction = None,
    kind: OnKind = None,
    name: OnName = None,
    prefix: OnPrefix = None,
    organization: InOrganization = None,
    result: WithResult = None,
    key: WithKey = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = DEFAULT_PAGE,
    cursor: Cursor = None,
) -> Response:
    """The audit trail of the whole site, newest first."""
    wanted = AuditFilter(actor, action, kind, name, prefix, organization, result, key, since, until)
    return await _list(call, wanted, limit, cursor)


async def list_organization_audit(
    call: Admitted,
    organization: str,
    actor: ByActor = None,
    action: OfAction = None,
    kind: OnKind = None,
    name: OnName = None,
    prefix: OnPrefix = None,
    result: WithResult = None,
    key: WithKey = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = DEFAULT_PAGE,
    cursor: Cursor = None,
) -> Response:
    """The audit trail of the organization and what belongs to it, newest first.

    Also of one that is gone, for administrators and auditors.
    """
    wanted = AuditFilter(actor, action, kind, name, prefix, call.organization, result, key, since, until)
    return await _list(call, wanted, limit, cursor)


async def export_audit(
    call: Admitted,
    format: Annotated[ExportFormat, Query(description="`csv` or `jsonl`.")],  # noqa: A002 (its name)
    actor: ByActor = None,
    action: OfAction = None,
    kind: OnKind = None,
    name: OnName = None,
    prefix: OnPrefix = None,
    organization: InOrganization = None,
    result: WithResult = None,
    key: WithKey = None,
    since: Since = None,
    until: Until = None,
) -> Response:
    """All records that fit, oldest first, as a file; without a filter it can be verified elsewhere."""
    wanted = AuditFilter(actor, action, kind, name, prefix, organization, result, key, since, until)
    form = Format(format.value)
    await call.services.audited.settle()

    def chunks() -> Iterator[str]:
        return export_records(call.services.database.read_now, wanted, form)

    return StreamingResponse(
        chunks(),
        media_type=form.media_type,
        headers={
            "cache-control": "no-store",
            "content-disposition": f'attachment; filename="audit.{form.value}"',
        },
    )


async def _list(call: Call, wanted: AuditFilter, limit: int, cursor: str | None) -> Response:
    before = position_of(cursor)
    # Or what was done a moment ago would be missing: records are chained a little later.
    await call.services.audited.settle()
    found = await call.read(lambda tx: list_records(tx, wanted, before=before, size=limit))
    following = cursor_after(str(found.items[-1].position)) if found.more else None
    return call.page(PageDocument(items=[_document(each) for each in found.items], next=following))


def _document(record: AuditRecord) -> AuditRecordDocument:
    # Half a surrogate pair, which somebody's JSON may have had, cannot be sent.
    text = json.dumps(record.detail, ensure_ascii=False).encode("utf-8", "replace")
    return AuditRecordDocument.model_validate(replace(record, detail=json.loads(text)), from_attributes=True)


_FILE = {"200": {"description": "The file.", "content": {"text/csv": {}, "application/jsonl": {}}}}
OPERATIONS = (
    Operation("GET", "/audit", Action.AUDIT_SEE, list_audit, PageDocument[AuditRecordDocument]),
    Operation("GET", "/audit/export", Action.AUDIT_SEE, export_audit, more={"responses": _FILE}),
    Operation(
        "GET",
        "/organizations/{organization}/audit",
        Action.ORGANIZATION_AUDIT_SEE,
        list_organization_audit,
        PageDocument[AuditRecordDocument],
        tag="audit",
    ),
)
