"""HTTP/1.1 over one plain socket: as little client as possible, so that the server is what is measured.

Knows what registries answer (Content-Length or chunked), and nothing more.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from bench.failure import BenchFailed

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; header names in lower case. `body` is empty when it was only counted."""

    status: int
    headers: dict[str, str]
    body: bytes
    size: int


class Connection:
    """A kept-alive connection to 127.0.0.1. Every request carries the given Authorization."""

    def __init__(self, port: int, authorization: str, *, timeout: float = 120.0) -> None:
        self.port = port
        self._authorization = authorization
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._left = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        body: Iterable[bytes | memoryview] = (),
        length: int = 0,
        headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        """One request; `length` is what the pieces of `body` add up to."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}"]
        if self._authorization:
            lines.append(f"Authorization: {self._authorization}")
        lines += [f"{name}: {value}" for name, value in headers]
        if method in {"POST", "PUT", "PATCH"}:
            lines.append(f"Content-Length: {length}")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode()
        pieces = iter(body)
        first = next(pieces, b"")
        if len(first) <= 16384:  # a small body travels with its head, as every real client sends it
            self._socket.sendall(head + bytes(first))
        else:
            self._socket.sendall(head)
            self._socket.sendall(first)
        for piece in pieces:
            self._socket.sendall(piece)

    def answer(self, *, head_only: bool = False, count_only: bool = False) -> Answer:
        """The answer to what was sent; with `count_only` the body is received and thrown away."""
        status, headers = self._head()
        if head_only or status in {204, 304}:
            return Answer(status, headers, b"", 0)
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = self._chunks()
            return Answer(status, headers, b"" if count_only else body, len(body))
        length = int(headers.get("content-length", "0"))
        if count_only:
            return Answer(status, headers, b"", self._discard(length))
        return Answer(status, headers, self._exactly(length), length)

    def ask(
        self,
        method: str,
        path: str,
        *,
        expect: int,
        body: Iterable[bytes | memoryview] = (),
        length: int = 0,
        headers: Iterable[tuple[str, str]] = (),
    ) -> Answer:
        """Send, receive, and fail unless the status is the expected one."""
        self.send(method, path, body=body, length=length, headers=headers)
        answer = self.answer(head_only=method == "HEAD")
        if answer.status != expect:
            told = answer.body[:300].decode(errors="replace")
            raise BenchFailed(f"{method} {path}: {answer.status} instead of {expect}: {told}")
        return answer

    def _head(self) -> tuple[int, dict[str, str]]:
        while (end := self._left.find(b"\r\n\r\n")) < 0:
            self._left += self._receive()
        lines = self._left[:end].decode("latin-1").split("\r\n")
        self._left = self._left[end + 4 :]
        status = int(lines[0].split(" ", 2)[1])
        if status == 100:
            return self._head()
        pairs = (line.partition(":") for line in lines[1:])
        return status, {name.lower(): value.strip() for name, _, value in pairs}

    def _receive(self) -> bytes:
        data = self._socket.recv(_PIECE)
        if not data:
            raise BenchFailed("the server closed the connection in the middle of an answer")
        return data

    def _exactly(self, length: int) -> bytes:
        pieces = [self._left[:length]]
        self._left = self._left[length:]
        got = len(pieces[0])
        while got < length:
            data = self._receive()
            pieces.append(data[: length - got])
            self._left = data[length - got :]
            got += len(pieces[-1])
        return b"".join(pieces)

    def _discard(self, length: int) -> int:
        got = min(len(self._left), length)
        self._left = self._left[got:]
        space = bytearray(_PIECE)
        while got < length:
            count = self._socket.recv_into(space, min(_PIECE, length - got))
            if not count:
                raise BenchFailed(f"the server closed the connection after {got} of {length} bytes")
            got += count
        return got

    def _chunks(self) -> bytes:
        pieces: list[bytes] = []
        while True:
            while (end := self._left.find(b"\r\n")) < 0:
                self._left += self._receive()
            size = int(self._left[:end].split(b";")[0], 16)
            self._left = self._left[end + 2 :]
            piece = self._exactly(size + 2)
            if not size:
                return b"".join(pieces)
            pieces.append(piece[:size])
