"""Requests that break HTTP itself: framing, syntax, versions, sizes. The server may refuse or close them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.hostile.requests import Request

# fmt: off
_LENGTHS = (
    b"-1", b"+5", b"abc", b"", b"0x5", b"5, 5", b"5, 6", b"99999999999999999999999", b"1e3", b" 5 5", b"\xb2",
)
_CODINGS = (
    b"gzip", b"chunked, gzip", b"identity", b"chunked, chunked", b"Chunked", b"xchunked", b" chunked", b"",
)
_CHUNKS = (
    b"zz\r\nab\r\n0\r\n\r\n", b"5\r\nab\r\n0\r\n\r\n", b"ffffffffffffffffff\r\na\r\n", b"-1\r\n\r\n",
    b"5\nabcde\n0\n\n", b"5;" + b"x" * 20_000 + b"\r\nabcde\r\n0\r\n\r\n", b"0\r\nX: y\r\n\r\n",
    b"0\r\n" + b"T: a\r\n" * 500 + b"\r\n", b"5 \r\nabcde\r\n0\r\n\r\n", b"05\r\nabcde\r\n0\r\n\r\n",
    b"5\r\nabcdeXX0\r\n\r\n", b"0\r\n\r\n" * 5, b"\r\n\r\n",
)
_LINES = (
    b"GET /v2/ HTTP/1.0", b"GET /v2/ HTTP/0.9", b"GET /v2/", b"GET /v2/ HTTP/2.0", b"GET /v2/ HTTP/9.9",
    b"GET  /v2/  HTTP/1.1", b"GET http://evil.test/v2/_catalog HTTP/1.1", b"CONNECT 127.0.0.1:22 HTTP/1.1",
    b"OPTIONS * HTTP/1.1", b" GET / HTTP/1.1", b"GET /v2/\x00 HTTP/1.1", b"GET /v2/\xff\xfe HTTP/1.1",
    b"GET v2/ HTTP/1.1", b"GET /v2/#fragment HTTP/1.1", b"", b"GET /" + b"a" * 100_000 + b" HTTP/1.1",
    b"A" * 50_000, b"G\tE\tT / HTTP/1.1", b"GET /v2/?" + b"n=1&" * 20_000 + b" HTTP/1.1",
    b"GET //evil.test/v2/ HTTP/1.1", b"GET ..//v2/ HTTP/1.1", b"GET \\v2\\ HTTP/1.1",
    b'GET /v2/<>{}|^`" HTTP/1.1',
)
_FIELDS = (
    b"No colon here", b": empty", b"Sp ace: x", b"Space : x", b" folded: x", b"X: a\r\n b", b"X: \x00",
    b"X: a\x0bb", b"\xff\xff: x", b"X" * 70_000 + b": a", b"X: " + b"a" * 100_000, b"Host: a\r\nHost: b",
    b"Host: a b\x7f", b"X: a\rb", b"\r\n".join([b"X: y"] * 200), b"Connection: close, keep-alive, upgrade",
    b"Upgrade: h2c\r\nConnection: Upgrade",
    b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==",
    b"Transfer-Encoding: chunked\r\nContent-Length: 5", b"Expect: something",
    b"TE: trailers\r\nTrailer: Host",
)
_PREFACES = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x00" * 100,
    b"\r\n" * 50, b"SSH-2.0-x\r\n", b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n", b"{}\r\n", b"*1\r\n$4\r\nPING\r\n",
    b"\x80\x80\x80",
)
# fmt: on
SMUGGLED = b"GET /v2/vault/kept/tags/list HTTP/1.1\r\nHost: registry.test\r\n\r\n"


@dataclass(frozen=True, slots=True)
class WireRequest:
    """Bytes for a connection of their own; with `is_patient` the server's own clock has to end it."""

    content: bytes
    is_patient: bool


def broken(request: Request, rng: random.Random) -> WireRequest:
    """`request`, no longer HTTP in one or two respects."""
    content = request.encode()
    for _ in range(rng.choice((1, 1, 2))):
        content = rng.choice(_CHANGES)(content, rng)
    # Mostly that would only cost time.
    return WireRequest(content, is_patient=rng.random() < 0.03)


def _flip(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.randrange(1, 6)):
        if changed:
            changed[rng.randrange(min(len(changed), 600))] = rng.choice(
                (0, 10, 13, 32, 58, 127, 255, rng.randrange(256))
            )
    return bytes(changed)


def _cut(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(1, max(2, len(content)))]


def _drop(content: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(max(1, min(len(content), 600)))
    return content[:place] + content[place + rng.randrange(1, 20) :]


def _first_line(content: bytes, rng: random.Random) -> bytes:
    return rng.choice(_LINES) + b"\r\n" + content.partition(b"\r\n")[2]


def _field(content: bytes, rng: random.Random) -> bytes:
    head, separator, body = content.partition(b"\r\n\r\n")
    return head + b"\r\n" + rng.choice(_FIELDS) + separator + body


def _without_framing(content: bytes) -> tuple[bytes, bytes]:
    head, _, body = content.partition(b"\r\n\r\n")
    kept = [
        line
        for line in head.split(b"\r\n")
        if not line.lower().startswith((b"content-length:", b"transfer-encoding:"))
    ]
    return b"\r\n".join(kept), body


def _length(content: bytes, rng: random.Random) -> bytes:
    head, body = _without_framing(content)
    near = str(max(0, len(body) + rng.choice((-3, -1, 1, 100)))).encode()
    return head + b"\r\nContent-Length: " + rng.choice((*_LENGTHS, near, near, near)) + b"\r\n\r\n" + body


def _coding(content: bytes, rng: random.Random) -> bytes:
    head, body = _without_framing(content)
    return head + b"\r\nTransfer-Encoding: " + rng.choice(_CODINGS) + b"\r\n\r\n" + body


def _chunk(content: bytes, rng: random.Random) -> bytes:
    head, _ = _without_framing(content)
    return head + b"\r\nTransfer-Encoding: chunked\r\n\r\n" + rng.choice(_CHUNKS)


def _smuggle(content: bytes, rng: random.Random) -> bytes:
    head, _ = _without_framing(content)
    both = (
        b"\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
        b"\r\nTransfer-Encoding: chunked\r\nContent-Length: 500",
    )
    return head + rng.choice(both) + b"\r\n\r\n0\r\n\r\n" + SMUGGLED


def _line_ends(content: bytes, rng: random.Random) -> bytes:
    return content.replace(b"\r\n", rng.choice((b"\n", b"\r", b"\r\r\n", b"\n\r")), rng.randrange(1, 8))


def _preface(content: bytes, rng: random.Random) -> bytes:
    return rng.choice(_PREFACES) + rng.choice((b"", content))


_CHANGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    *(_flip, _flip, _cut, _drop, _first_line, _first_line, _field, _field, _length, _length),
    *(_coding, _chunk, _chunk, _smuggle, _line_ends, _preface),
)
