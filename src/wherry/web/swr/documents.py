"""JSON bodies as they come in, field by field, and answers as they go out."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from wherry.web.swr.errors import Code, Problem

# What may be signed is longer; but nothing that this API takes is, and reading it would keep others waiting.
MAX_DOCUMENT = 1024 * 1024


class Fields:
    """An object of a body. Each reader raises `Problem` where the field is not what it has to be."""

    def __init__(self, document: object) -> None:
        if not isinstance(document, dict):
            raise Problem(Code.INVALID_PARAMETER, "the body is a JSON object")
        self._document: dict[str, Any] = document

    def text(self, name: str) -> str:
        """A text that has to be there."""
        value = self.optional_text(name)
        if not value:
            raise Problem(Code.INVALID_PARAMETER, f"{name} is missing")
        return value

    def optional_text(self, name: str) -> str | None:
        value = self._document.get(name)
        return None if value is None else plain_text(value, name)

    def flag(self, name: str, default: bool | None = None) -> bool:
        """A boolean; without `default` it has to be there."""
        value = self._document.get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, bool):
            raise Problem(Code.INVALID_PARAMETER, f"{name} is true or false")
        return value

    def number(self, name: str) -> int:
        value = self._document.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise Problem(Code.INVALID_PARAMETER, f"{name} is a whole number")
        return value


def plain_text(value: object, name: str) -> str:
    """A string that every database keeps and every answer can carry. Raises `Problem`."""
    if not isinstance(value, str):
        raise Problem(Code.INVALID_PARAMETER, f"{name} is a string")
    try:
        # Half a surrogate pair, which JSON can spell, is no text.
        value.encode()
    except UnicodeEncodeError:
        raise Problem(Code.INVALID_PARAMETER, f"{name} has characters that are none") from None
    if "\0" in value:
        raise Problem(Code.INVALID_PARAMETER, f"{name} has characters that are none")
    return value


def parsed(body: bytes) -> object:
    """The body's JSON. Raises `Problem`."""
    if len(body) > MAX_DOCUMENT:
        raise Problem(Code.BODY_TOO_LARGE, f"a document of this API has at most {MAX_DOCUMENT} bytes")
    try:
        return json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Problem(Code.INVALID_PARAMETER, "the body is JSON in UTF-8") from None


def answer(document: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(json.dumps(document), status, headers, "application/json")


def done(status: int) -> Response:
    """The answer to a change that has nothing to show."""
    return Response(b"" if status == 204 else b"{}", status, media_type="application/json")


def moment(when: datetime) -> str:
    """A time as SWR writes it."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
