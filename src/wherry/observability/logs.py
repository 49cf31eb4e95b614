"""Logs: one line an event on standard error, as text or as JSON, with the request's id and no secret.

Built on the standard library's logging, which every dependency already speaks. ``configure`` is called
once by each process; modules log with ``logging.getLogger(__name__)`` and give facts as ``extra={...}``.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TextIO

from wherry.observability.redaction import STARS, is_secret_name, redact

_request_id: ContextVar[str | None] = ContextVar("wherry_request_id", default=None)

# What every LogRecord has: anything else on it came in through extra=.
_RECORD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",
    "color_message",
}

# Chatty below warnings, and of no use to whoever runs a registry.
_QUIET = ("alembic.runtime", "sqlalchemy", "asyncio", "httpx", "httpcore", "psycopg.pool")

_COLOURS = {"DEBUG": "2", "INFO": "32", "WARNING": "33", "ERROR": "31", "CRITICAL": "1;31"}


def current_request_id() -> str | None:
    """The id bound by ``bind_request_id`` in this context, which is also on every log line."""
    return _request_id.get()


@contextmanager
def bind_request_id(request_id: str) -> Iterator[None]:
    """Every line that is logged inside carries the id, also from tasks started there."""
    token = _request_id.set(request_id)
    try:
        yield
    finally:
        _request_id.reset(token)


def configure(*, format: str = "text", level: str = "info", stream: TextIO | None = None) -> None:  # noqa: A002
    """Send the whole process's logs to ``stream`` (standard error); may be called again."""
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter() if format == "json" else TextFormatter(coloured=stream.isatty()))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(True)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, request_id, the extras, exception."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _timestamp(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        request_id = _request_id.get()
        if request_id is not None:
            line["request_id"] = request_id
        line.update(_extras(record))
        if record.exc_info:
            line["exception"] = redact(self.formatException(record.exc_info))
        return json.dumps(line, default=str, ensure_ascii=False)


class TextFormatter(logging.Formatter):
    """For people: time, level, message, then the extras as key=value."""

    def __init__(self, *, coloured: bool) -> None:
        super().__init__()
        self._coloured = coloured

    def format(self, record: logging.LogRecord) -> str:
        level = f"{record.levelname:<7}"
        if self._coloured:
            level = f"\x1b[{_COLOURS.get(record.levelname, '0')}m{level}\x1b[0m"
        # A message may hold what a client sent: a line break in it must not look like another log line.
        message = redact(record.getMessage()).replace("\r", "\\r").replace("\n", "\\n")
        parts = [_timestamp(record.created), level, message]
        parts.extend(f"{name}={_plain(value)}" for name, value in _extras(record).items())
        request_id = _request_id.get()
        if request_id is not None:
            parts.append(f"request_id={request_id}")
        line = " ".join(parts)
        if record.exc_info:
            line = f"{line}\n{redact(self.formatException(record.exc_info))}"
        return line


def _timestamp(seconds: float) -> str:
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds % 1 * 1000):03d}Z"


def _extras(record: logging.LogRecord) -> dict[str, Any]:
    return {
        name: _redacted_value(name, value)
        for name, value in vars(record).items()
        if name not in _RECORD_FIELDS and not name.startswith("_")
    }


def _redacted_value(name: str, value: object) -> object:
    if isinstance(value, bool | int | float) or value is None:
        return value
    return STARS if is_secret_name(name) else redact(str(value))


def _plain(value: object) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if not text or any(c in text for c in ' "\n\r=') else text
