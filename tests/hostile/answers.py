"""Reads answers of HTTP/1.1 from a connection, as strictly as a client that pipelines has to."""

from __future__ import annotations

import asyncio

from tests.hostile.requests import Answer

MAX_HEAD = 64 * 1024


class BrokenAnswer(Exception):
    """What came back is no HTTP/1.1."""


class NoAnswer(Exception):
    """The connection ended before the first byte of an answer."""


async def read_answer(reader: asyncio.StreamReader, method: str) -> Answer:
    """The next final answer. Raises `NoAnswer`, `BrokenAnswer`."""
    while True:
        answer = await _read_one(reader, method)
        if answer.status >= 200:
            return answer


async def _read_one(reader: asyncio.StreamReader, method: str) -> Answer:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise BrokenAnswer(repr(error.partial[:200])) from None
        raise NoAnswer from None
    except ConnectionError:
        raise NoAnswer from None
    status, headers = parse_head(head)
    if method == "HEAD" or status < 200 or status in (204, 304):
        return Answer(status, headers, b"")
    try:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return Answer(status, headers, await _chunks(reader))
        if "content-length" in headers:
            return Answer(status, headers, await reader.readexactly(int(headers["content-length"])))
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        raise BrokenAnswer(f"{status} with a body that ends early: {error}") from None
    raise BrokenAnswer(f"{status} without a length")


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while True:
        size = int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16)
        body += (await reader.readexactly(size + 2))[:-2]
        if not size:
            return body


def parse_head(head: bytes) -> tuple[int, dict[str, str]]:
    """Status and headers. Raises `BrokenAnswer`."""
    first, _, rest = head.partition(b"\r\n")
    version, _, status = first.partition(b" ")
    if version not in (b"HTTP/1.1", b"HTTP/1.0") or not status[:3].isdigit():
        raise BrokenAnswer(repr(head[:200]))
    headers = {}
    for line in rest.decode("latin-1").split("\r\n"):
        name, separator, value = line.partition(":")
        if separator:
            headers[name.lower()] = value.strip()
    return int(status[:3]), headers


def split_answers(received: bytes, method: str) -> list[Answer]:
    """All answers in what a connection gave until it ended. Raises `BrokenAnswer`."""
    answers = []
    while received:
        head, separator, rest = received.partition(b"\r\n\r\n")
        if not separator:
            raise BrokenAnswer(repr(received[:200]))
        status, headers = parse_head(head + separator)
        bodiless = method == "HEAD" or status < 200 or status in (204, 304)
        if headers.get("transfer-encoding") or (not bodiless and "content-length" not in headers):
            raise BrokenAnswer(f"{status} without a length")
        length = 0 if bodiless else int(headers["content-length"])
        if len(rest) < length:
            raise BrokenAnswer(f"{status} with {len(rest)} of {length} bytes")
        if status >= 200:
            answers.append(Answer(status, headers, rest[:length]))
        received = rest[length:]
    return answers
