"""The access log: one line for each answered request, cheap enough for the hot path.

Not through ``logging``: a LogRecord and the redaction of its text cost more than the request they describe.
That is safe because only the fields below are written, never a header or a query string.
"""

from __future__ import annotations

import json
import sys
import time
from typing import TextIO


class AccessLog:
    """Writes to standard error in the format of the other logs; ``enabled`` is False above level info."""

    def __init__(self, *, format: str = "text", level: str = "info", stream: TextIO | None = None) -> None:  # noqa: A002
        self.enabled = level in ("debug", "info")
        self._write = (stream or sys.stderr).write
        self._json = format == "json"
        self._second = -1
        self._second_text = ""

    def write(
        self,
        *,
        method: str,
        path: str,
        status: int,
        seconds: float,
        received: int,
        sent: int,
        request_id: str,
        user: str | None = None,
        client: str | None = None,
    ) -> None:
        """``path`` without the query: a query may hold a presigned token."""
        if not self.enabled:
            return
        milliseconds = seconds * 1000
        # json.dumps makes what a client sent harmless: no line break or quote of theirs reaches the log.
        safe_path = json.dumps(path)
        if self._json:
            self._write(
                f'{{"time":"{self._now()}","level":"info","logger":"wherry.access",'
                f'"method":{json.dumps(method)},"path":{safe_path},"status":{status},'
                f'"ms":{milliseconds:.2f},"received":{received},"sent":{sent},'
                f'"user":{json.dumps(user)},"client":{json.dumps(client)},"request_id":{json.dumps(request_id)}}}\n'
            )
            return
        self._write(
            f"{self._now()} INFO    {_safe(method)} {safe_path[1:-1]} {status} {milliseconds:.1f}ms"
            f" received={received} sent={sent} user={_safe(user)} client={_safe(client)}"
            f" request_id={request_id}\n"
        )

    def _now(self) -> str:
        now = time.time()
        second = int(now)
        if second != self._second:
            self._second = second
            self._second_text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._second_text}.{int((now - second) * 1000):03d}Z"


def _safe(text: str | None) -> str:
    return json.dumps(text)[1:-1] if text else "-"
