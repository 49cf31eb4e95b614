"""What answers are made of: documents with an ETag, pages with a cursor."""

import base64
import binascii
import hashlib
import re
from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar
from urllib.parse import urlencode

from fastapi import Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from starlette.datastructures import QueryParams
from starlette.responses import Response

from wherry.web.api.problems import Problem

T = TypeVar("T")

DEFAULT_PAGE = 100
MAX_PAGE = 1000

# Texts that every database keeps, and names of organizations and images.
NO_ZERO = r"^[^\x00]*$"
NAME_CHARACTERS = r"^[a-z0-9._/-]*$"
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def _written_out(value: object) -> object:
    # Bare numbers would be taken for seconds since 1970, which nobody is told of.
    if isinstance(value, datetime) or (isinstance(value, str) and _DATE.match(value)):
        return value
    raise ValueError("a time is written as 2026-11-23T19:00:00Z")


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("this is beyond the calendar") from None


# A time as it is sent: with a time zone.
Moment = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(_in_utc)]

Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="Most items on a page.")]
Cursor = Annotated[str | None, Query(max_length=1024, description="`next` of the page before.")]

# True or false, and nothing that could be meant so: for bodies.
Flag = Annotated[bool, Field(strict=True)]


class Document(BaseModel):
    """A resource as it is shown."""

    model_config = ConfigDict(frozen=True)


class Wanted(BaseModel):
    """A body as it is sent. Unknown fields are refused: a mistyped one would be ignored in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PageDocument(Document, Generic[T]):
    """Items in the order of their keys; `next` is there if more follow."""

    items: list[T]
    next: str | None = Field(default=None, description="The `cursor` of the next page.")


def etag_of(document: BaseModel) -> str:
    """A strong validator: another text, another tag."""
    return _etag(document.model_dump_json().encode())


def answer(document: BaseModel, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """The document with its ETag. Nothing of it is kept by caches on the way."""
    body = document.model_dump_json().encode()
    return Response(
        body,
        status,
        {"etag": _etag(body), "cache-control": "no-store", **(headers or {})},
        media_type="application/json",
    )


def no_content() -> Response:
    """204: done, and there is nothing to show."""
    return Response(status_code=204)


def cursor_after(key: str) -> str:
    """The cursor of what follows `key`."""
    return base64.urlsafe_b64encode(key.encode()).rstrip(b"=").decode()


def key_of(cursor: str | None) -> str:
    """The key that a cursor was made of; empty without one. Raises `Problem` for one that we never made."""
    if cursor is None:
        return ""
    try:
        key = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        key = "\0"
    if "\0" in key:
        raise Problem(422, "invalid_cursor", "cursor: this is not the `next` of a page")
    return key


def page_answer(page: PageDocument[T], path: str, query: QueryParams) -> Response:
    """The page, with the next one's address in `Link` too (RFC 8288)."""
    if page.next is None:
        return answer(page)
    parameters = [(name, value) for name, value in query.multi_items() if name != "cursor"]
    following = urlencode([*parameters, ("cursor", page.next)])
    return answer(page, headers={"link": f'<{path}?{following}>; rel="next"'})


def _etag(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'
