"""HTTP/1.1 by hand over one connection: each phase of a request is visible, and a kill can be aimed at it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

REQUEST_SECONDS = 60.0


class Phase(StrEnum):
    """How far a request has come."""

    HALF = "half"  # half of its body is on the wire
    SENT = "sent"  # all of it is on the wire, no answer yet
    ANSWERED = "answered"  # the head of the answer has arrived


Watch = Callable[[Phase], None]


class Lost(Exception):
    """The connection ended before an answer came: nobody knows what became of the request."""


class Hung(Lost):
    """No answer for `REQUEST_SECONDS`, on a connection that stayed open."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


class Connection:
    """A keep-alive connection, opened again where it broke. One request at a time."""

    def __init__(self, host: str, username: str, password: str) -> None:
        self._address, _, port = host.partition(":")
        self._port = int(port)
        self._host = host
        credentials = base64.b64encode(f"{username}:{password}".encode()).decode()
        self._authorization = f"Basic {credentials}"
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def request(
        self,
        method: str,
        path: str,
        body: Sequence[bytes] = (),
        headers: Mapping[str, str] | None = None,
        watch: Watch | None = None,
    ) -> Answer:
        """Send it and read the whole answer. Raises `Lost`."""
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                return await self._request(method, path, body, headers or {}, watch)
        except TimeoutError:
            self.close()
            raise Hung(f"{method} {path} had no answer after {REQUEST_SECONDS:g} s") from None
        except (OSError, EOFError, ValueError) as error:
            self.close()
            raise Lost(f"{method} {path}: {type(error).__name__} {error}") from error

    async def _request(
        self,
        method: str,
        path: str,
        body: Sequence[bytes],
        headers: Mapping[str, str],
        watch: Watch | None,
    ) -> Answer:
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(self._address, self._port)
        assert self._reader is not None
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._host}", f"Authorization: {self._authorization}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if body or method in ("PUT", "POST", "PATCH"):
            lines.append(f"Content-Length: {sum(map(len, body))}")
        head = "\r\n".join([*lines, "", ""]).encode()
        # The answer is awaited from the start: a server may refuse a body before all of it was sent.
        answer = asyncio.ensure_future(self._answer(self._reader, method, watch))
        try:
            await self._send(self._writer, head, body, watch, answer)
            return await answer
        finally:
            if not answer.done():
                answer.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await answer

    async def _send(
        self,
        writer: asyncio.StreamWriter,
        head: bytes,
        body: Sequence[bytes],
        watch: Watch | None,
        answer: asyncio.Future[Answer],
    ) -> None:
        half, sent, total = False, 0, sum(map(len, body))
        try:
            writer.write(head)
            for piece in body:
                writer.write(piece)
                await writer.drain()
                sent += len(piece)
                if watch is not None and not half and sent * 2 >= total:
                    half = True
                    watch(Phase.HALF)
                if answer.done():
                    self.close()  # refused on the way: this connection is in the middle of a body
                    return
            await writer.drain()
        except OSError:
            self._writer = None  # an answer that was sent before the connection broke still counts
            return
        if watch is not None:
            watch(Phase.SENT)

    async def _answer(self, reader: asyncio.StreamReader, method: str, watch: Watch | None) -> Answer:
        status, headers = await _head(reader)
        while status == 100:
            status, headers = await _head(reader)
        if watch is not None:
            watch(Phase.ANSWERED)
        body = b""
        if method != "HEAD" and status not in (204, 304):
            if headers.get("transfer-encoding", "") == "chunked":
                body = await _chunked(reader)
            else:
                body = await reader.readexactly(int(headers["content-length"]))
        if headers.get("connection", "").lower() == "close":
            self.close()
        return Answer(status, headers, body)

    def close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.transport.abort()


async def _head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers: dict[str, str] = {}
    for line in lines[1:-2]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return int(lines[0].split(" ", 2)[1]), headers


async def _chunked(reader: asyncio.StreamReader) -> bytes:
    pieces: list[bytes] = []
    while size := int((await reader.readline()).split(b";")[0], 16):
        pieces.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readline()
    return b"".join(pieces)
