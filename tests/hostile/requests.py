"""A request as parts that can be changed one by one, and as the bytes that go over the wire."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import unquote

Headers = tuple[tuple[str, str], ...]

# What RFC 9110 and RFC 3986 allow, so that a refusal has to come from the registry, not the HTTP server.
_METHOD = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_TARGET = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@/%?-]{0,6000}")
_FIELD = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]{0,9000}")


@dataclass(frozen=True, slots=True)
class Request:
    """One request; with `chunks` its body goes in that many pieces, without in one of a stated length."""

    method: str
    target: str
    headers: Headers = ()
    body: bytes = b""
    chunks: int | None = None

    def header(self, name: str) -> str | None:
        """The first header of that name."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def with_header(self, name: str, value: str | None) -> Request:
        """The same with one header of that name, or with none."""
        kept = tuple(pair for pair in self.headers if pair[0].lower() != name.lower())
        return replace(self, headers=kept if value is None else (*kept, (name, value)))

    @property
    def path(self) -> str:
        """As the server sees it: without the query, decoded."""
        return unquote(self.target.partition("?")[0], errors="replace")

    @property
    def is_well_formed(self) -> bool:
        """Nothing in it may be refused by an HTTP server that knows no registry."""
        framing = {"content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer"}
        return (
            _METHOD.fullmatch(self.method) is not None
            and self.method != "CONNECT"
            and _TARGET.fullmatch(self.target) is not None
            and len(self.headers) < 80
            and all(
                _FIELD.fullmatch(name) and _VALUE.fullmatch(value) and name.lower() not in framing
                for name, value in self.headers
            )
        )

    def encode(self) -> bytes:
        """The bytes of the whole request."""
        lines = [f"{self.method} {self.target} HTTP/1.1"]
        if self.header("host") is None:
            lines.append("Host: registry.test")
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.chunks is not None:
            lines.append("Transfer-Encoding: chunked")
        elif self.body or self.method in ("PUT", "POST", "PATCH"):
            lines.append(f"Content-Length: {len(self.body)}")
        head = "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n"
        return head + (self.body if self.chunks is None else chunked(self.body, self.chunks))


def chunked(body: bytes, pieces: int) -> bytes:
    """`body` in chunked framing."""
    size = max(1, -(-len(body) // max(1, pieces)))
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `headers` by lowercase name, the last of each."""

    status: int
    headers: Mapping[str, str]
    body: bytes
