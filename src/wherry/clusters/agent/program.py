"""The agent of Wherry in a cluster: dials out to Wherry and passes requests on to this cluster's API server.

It listens on no port and runs nothing. Requests come through one WebSocket, each as a stream of its own. The
agent adds this pod's own token, which never leaves the cluster, and connects to this API server only. What
Wherry may do is what the ClusterRole beside this file says. Standard library only, for Python 3.9 or newer.
"""

from __future__ import annotations

import asyncio
import base64
import collections
import contextlib
import hashlib
import json
import os
import platform
import random
import signal
import ssl
import struct
import sys
import time
from pathlib import Path
from typing import Any, Deque, Dict, List, NamedTuple, Optional, Tuple  # noqa: UP035 (Python 3.9)
from urllib.parse import urlsplit

PROTOCOL = 1
OPEN, DATA, END, RESET, CREDIT, PING, PONG, HELLO = range(1, 9)
# So many bytes of a stream may be under way before the other end has passed some on.
WINDOW = 256 * 1024
PIECE = 32 * 1024
MAX_MESSAGE = 64 * 1024
MAX_HEAD = 64 * 1024
MAX_STREAMS = 1024
CONNECT_SECONDS = 10.0
PING_EVERY = 15.0
SILENCE = 45.0
FIRST_PAUSE, LONGEST_PAUSE, REFUSED_PAUSE = 1.0, 30.0, 60.0
# After this the connection lasted, and a new one may be tried soon.
LASTED = 60.0
# Headers that this program alone sets, or that would make another login or protocol of the request.
OURS = (b"authorization", b"connection", b"upgrade", b"proxy-connection", b"keep-alive", b"te", b"trailer")
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Refused(Exception):
    """Wherry does not want this agent; asking again soon would not help."""


class Broken(Exception):
    """The connection to Wherry ended, or what came is not the protocol."""


def log(text: str) -> None:
    sys.stdout.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {text}\n")
    sys.stdout.flush()


class Place(NamedTuple):
    """Where things are. Everything comes from the environment and from mounted files."""

    url: str
    credential: Path
    ca: Optional[Path]  # noqa: UP045 (Python 3.9)
    account: Path
    api_host: str
    api_port: int
    alive: Optional[Path]  # noqa: UP045

    @classmethod
    def of(cls, environment: Any) -> Place:
        ca, alive = environment.get("WHERRY_CA_FILE"), environment.get("WHERRY_ALIVE_FILE")
        account = environment.get("SERVICE_ACCOUNT_FOLDER", "/var/run/secrets/kubernetes.io/serviceaccount")
        return cls(
            environment["WHERRY_URL"].rstrip("/"),
            Path(environment["WHERRY_CREDENTIAL_FILE"]),
            Path(ca) if ca and Path(ca).is_file() else None,
            Path(account),
            environment["KUBERNETES_SERVICE_HOST"].strip("[]"),
            int(environment["KUBERNETES_SERVICE_PORT"]),
            Path(alive) if alive else None,
        )


def frame(kind: int, stream: int = 0, payload: bytes = b"") -> bytes:
    """One message of the tunnel."""
    return struct.pack("!BI", kind, stream) + payload


def unframe(message: bytes) -> Tuple[int, int, bytes]:  # noqa: UP006
    if len(message) < 5:
        raise Broken("a message is too short")
    kind, stream = struct.unpack_from("!BI", message)
    return kind, stream, message[5:]


def masked(content: bytes, key: bytes) -> bytes:
    """What a WebSocket client sends: each byte XOR one of the key's."""
    size = len(content)
    repeated = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(content, "big") ^ int.from_bytes(repeated, "big")).to_bytes(size, "big")


def with_login(head: bytes, token: str, host: str) -> bytes:
    """The head of a request as it goes to the API server: with this pod's token, good for one request."""
    first, *lines = head.split(b"\r\n")
    kept = [first]
    for line in lines:
        name = line.partition(b":")[0].strip().lower()
        if not line or name in OURS or name == b"host" or name.startswith((b"impersonate-", b"x-remote-")):
            continue
        kept.append(line)
    ours = [b"Host: " + host.encode(), b"Authorization: Bearer " + token.encode(), b"Connection: close"]
    return b"\r\n".join([*kept, *ours]) + b"\r\n\r\n"


def check_upgrade(head: bytes, key: bytes) -> None:
    """Whether the answer to a handshake makes a WebSocket of the connection. Raises `Refused`, `Broken`."""
    status = head.split(b" ", 2)[1]
    if status in (b"401", b"403"):
        raise Refused("Wherry does not know this agent's credential; join the cluster again")
    # As RFC 6455 has it; it protects nothing.
    expected = base64.b64encode(hashlib.sha1(key + GUID).digest())  # noqa: S324
    if status != b"101" or expected not in head:
        raise Broken(f"Wherry answers HTTP {status.decode(errors='replace')}, not a WebSocket")


class Socket:
    """A WebSocket, the client's end of it: RFC 6455, whole binary messages."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._turn = asyncio.Lock()

    @classmethod
    async def connect(cls, place: Place) -> Socket:
        """Raises `Refused`, `Broken`, OSError."""
        parts = urlsplit(place.url)
        secure = parts.scheme == "https"
        tls = ssl.create_default_context(cafile=str(place.ca) if place.ca else None) if secure else None
        host, port = parts.hostname or "", parts.port or (443 if secure else 80)
        reader, writer = await asyncio.open_connection(host, port, ssl=tls, limit=MAX_HEAD)
        key = base64.b64encode(os.urandom(16))
        credential = place.credential.read_text().strip()
        writer.write(
            f"GET {parts.path}/tunnel HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key.decode()}\r\n"
            f"Authorization: Bearer {credential}\r\nUser-Agent: wherry-agent/{PROTOCOL}\r\n\r\n".encode()
        )
        try:
            await writer.drain()
            check_upgrade(await reader.readuntil(b"\r\n\r\n"), key)
        except BaseException:
            writer.close()
            raise
        return cls(reader, writer)

    async def send(self, content: bytes, opcode: int = 2) -> None:
        key, size = os.urandom(4), len(content)
        if size < 126:
            head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
        elif size < 65536:
            head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, size)
        async with self._turn:
            self._writer.write(head + key + masked(content, key))
            await self._writer.drain()

    async def receive(self) -> bytes:
        """The next message. Raises `Refused`, `Broken`, OSError."""
        whole = b""
        while True:
            first, second = await self._reader.readexactly(2)
            size = second & 0x7F
            if size > 125:
                size = int.from_bytes(await self._reader.readexactly(2 if size == 126 else 8), "big")
            if size + len(whole) > MAX_MESSAGE or second & 0x80:
                raise Broken("a message is too long, or masked")
            content, opcode = await self._reader.readexactly(size), first & 0x0F
            if opcode == 8:
                code = int.from_bytes(content[:2], "big")
                words = content[2:].decode("utf-8", "replace")
                raise (Refused if 4000 < code < 4100 else Broken)(words or f"Wherry closed ({code})")
            if opcode == 9:
                await self.send(content, 10)
            elif opcode in (0, 2):
                whole += content
                if first & 0x80:
                    return whole

    def close(self) -> None:
        self._writer.close()


class Stream:
    """One request on its way: what came for it and was not passed on yet, and what may still be sent."""

    def __init__(self) -> None:
        self.waiting: Deque[bytes] = collections.deque()  # noqa: UP006
        self.unread = 0
        self.is_over = False
        self.credit = WINDOW
        self.news = asyncio.Event()
        self.task: Optional[asyncio.Task[None]] = None  # noqa: UP045


class Tunnel:
    """One connection to Wherry, and the requests in it."""

    def __init__(self, place: Place, socket: Socket) -> None:
        self._place = place
        self._socket = socket
        self._streams: Dict[int, Stream] = {}  # noqa: UP006
        self._heard = time.monotonic()
        account = place.account
        self._tls = ssl.create_default_context(cafile=str(account / "ca.crt"))
        # CAs that clusters make for themselves may lack an extension that newer Pythons want.
        self._tls.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)

    async def run(self) -> None:
        """Until the connection ends. Raises `Refused`, `Broken`, OSError."""
        said = {"protocol": PROTOCOL, "python": platform.python_version(), "host": platform.node()}
        await self._socket.send(frame(HELLO, 0, json.dumps(said).encode()))
        pulse = asyncio.ensure_future(self._pulse())
        reading = asyncio.ensure_future(self._read())
        try:
            done, _ = await asyncio.wait([pulse, reading], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            tasks = [pulse, reading, *(one.task for one in self._streams.values() if one.task)]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._socket.close()

    async def _pulse(self) -> None:
        while True:
            if self._place.alive:
                self._place.alive.touch()
            await asyncio.sleep(PING_EVERY)
            if time.monotonic() - self._heard > SILENCE:
                raise Broken(f"nothing came from Wherry for {SILENCE:.0f} s")
            await self._socket.send(frame(PING))

    async def _read(self) -> None:
        """Never waits for a stream: one that is slow must hold up no other."""
        while True:
            kind, number, payload = unframe(await self._socket.receive())
            self._heard = time.monotonic()
            if kind == OPEN:
                if len(self._streams) >= MAX_STREAMS or number in self._streams:
                    raise Broken("Wherry opens more requests at once than can be")
                stream = self._streams[number] = Stream()
                stream.task = asyncio.ensure_future(self._relay(number, stream))
                continue
            known = self._streams.get(number)
            if known is None:
                continue  # it ended here, and Wherry does not know yet
            if kind == DATA:
                known.unread += len(payload)
                if known.unread > WINDOW:
                    raise Broken("Wherry sends more than was asked for")
                known.waiting.append(payload)
            elif kind == CREDIT:
                known.credit += int.from_bytes(payload, "big")
            elif kind in (END, RESET):
                known.is_over = True
                if kind == RESET and known.task:
                    known.task.cancel()
            known.news.set()

    async def _relay(self, number: int, stream: Stream) -> None:
        """One request, to its end or until Wherry lets go of it."""
        try:
            head, rest = await self._head(number, stream)
            reader, writer = await self._connect()
            try:
                token = (self._place.account / "token").read_text().strip()
                writer.write(with_login(head, token, "kubernetes.default.svc") + rest)
                up = asyncio.ensure_future(self._pass_on(number, stream, writer))
                try:
                    await self._answer(number, stream, reader)
                finally:
                    up.cancel()
                    await asyncio.gather(up, return_exceptions=True)
            finally:
                writer.close()
            await self._socket.send(frame(END, number))
        except (OSError, asyncio.TimeoutError, Broken, ValueError) as error:  # noqa: UP041 (Python 3.9)
            words = f"the agent cannot reach the API server: {str(error) or type(error).__name__}"
            await self._socket.send(frame(RESET, number, words.encode()[:1000]))
        finally:
            del self._streams[number]

    async def _connect(self) -> Tuple[asyncio.StreamReader, asyncio.StreamWriter]:  # noqa: UP006
        host, port = self._place.api_host, self._place.api_port
        opening = asyncio.open_connection(host, port, ssl=self._tls, limit=PIECE)
        return await asyncio.wait_for(opening, CONNECT_SECONDS)

    async def _head(self, number: int, stream: Stream) -> Tuple[bytes, bytes]:  # noqa: UP006
        read = b""
        while b"\r\n\r\n" not in read:
            if len(read) > MAX_HEAD:
                raise Broken("the head of a request is too long")
            read += await self._next(number, stream)
        head, _, rest = read.partition(b"\r\n\r\n")
        return head, rest

    async def _next(self, number: int, stream: Stream) -> bytes:
        while not stream.waiting:
            if stream.is_over:
                raise Broken("the request ended in the middle")
            stream.news.clear()
            await stream.news.wait()
        piece = stream.waiting.popleft()
        stream.unread -= len(piece)
        await self._socket.send(frame(CREDIT, number, struct.pack("!I", len(piece))))
        return piece

    async def _pass_on(self, number: int, stream: Stream, writer: asyncio.StreamWriter) -> None:
        while True:
            await writer.drain()
            writer.write(await self._next(number, stream))

    async def _answer(self, number: int, stream: Stream, reader: asyncio.StreamReader) -> None:
        while True:
            while stream.credit <= 0:
                stream.news.clear()
                await stream.news.wait()
            piece = await reader.read(min(PIECE, stream.credit))
            if not piece:
                return
            stream.credit -= len(piece)
            await self._socket.send(frame(DATA, number, piece))


async def serve(place: Place) -> None:
    """Connect, and connect again whenever that ends."""
    pause = FIRST_PAUSE
    while True:
        began = time.monotonic()
        try:
            socket = await asyncio.wait_for(Socket.connect(place), CONNECT_SECONDS)
            log(f"connected to {place.url}")
            await Tunnel(place, socket).run()
        except Refused as error:
            log(f"not wanted: {error}")
            pause = REFUSED_PAUSE
        except (OSError, EOFError, asyncio.TimeoutError, asyncio.LimitOverrunError, Broken) as error:  # noqa: UP041
            log(f"not connected to {place.url}: {str(error) or type(error).__name__}")
            if time.monotonic() - began > LASTED:
                pause = FIRST_PAUSE
        if place.alive:
            place.alive.touch()
        # All agents lose a server that restarts at one moment; they come back one after another.
        await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311
        pause = min(pause * 2, LONGEST_PAUSE)


def main(arguments: List[str]) -> int:  # noqa: UP006
    place = Place.of(os.environ)
    if "--alive" in arguments:  # what the probe of the pod asks
        age = time.time() - place.alive.stat().st_mtime if place.alive else 0
        return 0 if age < REFUSED_PAUSE + SILENCE else 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(place))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
