"""Wherry's end of a tunnel to a cluster: byte streams in one line of messages, none holds up another.

A stream is one HTTP request to the cluster's API server. Here it comes from a socket in the data folder.
"""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Awaitable, Callable

from wherry.clusters.drivers.tunnel_frames import (
    PIECE,
    PROTOCOL,
    WINDOW,
    Frame,
    Hello,
    Kind,
    TunnelBroken,
    credit,
    credit_of,
)

Send = Callable[[bytes], Awaitable[None]]
Receive = Callable[[], Awaitable[bytes]]

MAX_STREAMS = 1024
# The agent says something every 15 s.
SILENCE = 45.0


class Tunnel:
    """`send` and `receive` are whole messages; `receive` raises `TunnelBroken` where the line has ended."""

    def __init__(self, send: Send, receive: Receive, *, silence: float = SILENCE) -> None:
        self._send = send
        self._receive = receive
        self._silence = silence
        self._turn = asyncio.Lock()
        self._streams: dict[int, _Stream] = {}
        self._last = 0
        self._answers: set[asyncio.Task[None]] = set()

    @property
    def streams(self) -> int:
        """How many are open."""
        return len(self._streams)

    async def greet(self) -> Hello:
        """What the agent says first; before `run`. Raises `TunnelBroken`."""
        hello = Hello.of(await self._next())
        if hello.protocol != PROTOCOL:
            raise TunnelBroken(
                f"the agent speaks version {hello.protocol} of the tunnel and Wherry {PROTOCOL}: join again"
            )
        return hello

    async def run(self) -> None:
        """Until the line ends, which raises `TunnelBroken`. Waits for no stream."""
        try:
            while True:
                frame = await self._next()
                if frame.kind is Kind.PING:
                    self._answer(Frame(Kind.PONG))
                elif frame.kind in (Kind.DATA, Kind.END, Kind.RESET, Kind.CREDIT):
                    stream = self._streams.get(frame.stream)
                    if stream is not None:  # else it ended here, and the agent does not know yet
                        stream.take(frame)
        finally:
            for task in self._answers:
                task.cancel()
            for stream in self._streams.values():
                stream.break_off("the connection to the cluster's agent ended")

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request that came to this process, until its answer is whole or somebody lets go of it."""
        try:
            if len(self._streams) >= MAX_STREAMS:
                writer.write(_answer_of_ours("too many requests to this cluster are under way"))
                return
            await self._stream(reader, writer)
        except (OSError, TunnelBroken):
            writer.transport.abort()
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._last += 1
        number = self._last
        stream = self._streams[number] = _Stream()
        up = down = None
        try:
            await self.send(Frame(Kind.OPEN, number))
            up = asyncio.create_task(self._pass_up(number, stream, reader))
            down = asyncio.create_task(self._pass_down(number, stream, writer))
            done, _ = await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            del self._streams[number]
            tasks = [task for task in (up, down) if task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if not stream.is_over:
                self._answer(Frame(Kind.RESET, number))

    async def _pass_up(self, number: int, stream: "_Stream", reader: asyncio.StreamReader) -> None:
        """Ends when who asks has gone away: nobody closes one half only."""
        while piece := await reader.read(PIECE):
            await stream.may_send(len(piece))
            await self.send(Frame(Kind.DATA, number, piece))

    async def _pass_down(self, number: int, stream: "_Stream", writer: asyncio.StreamWriter) -> None:
        """Ends when the answer is whole."""
        passed, has_begun = 0, False
        while piece := await stream.next():
            writer.write(piece)
            await writer.drain()
            has_begun = True
            passed += len(piece)
            if passed >= WINDOW // 4:
                await self.send(credit(number, passed))
                passed = 0
        if stream.reason is not None:
            if has_begun:
                raise TunnelBroken(stream.reason)
            writer.write(_answer_of_ours(stream.reason))

    async def send(self, frame: Frame) -> None:
        """One after another: the line takes a message at a time."""
        async with self._turn:
            await self._send(frame.to_bytes())

    def _answer(self, frame: Frame) -> None:
        """Send it, without waiting until the line takes it."""
        task = asyncio.create_task(self._sent(frame))
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)

    async def _sent(self, frame: Frame) -> None:
        with contextlib.suppress(OSError, RuntimeError, TunnelBroken):
            await self.send(frame)

    async def _next(self) -> Frame:
        try:
            async with asyncio.timeout(self._silence):
                return Frame.from_bytes(await self._receive())
        except TimeoutError:
            raise TunnelBroken(f"the agent said nothing for {self._silence:.0f} s") from None


class _Stream:
    """What came and was not passed on yet, and how much may still be sent."""

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        self._may_come = WINDOW
        self._credit = WINDOW
        self._news = asyncio.Event()
        self.is_over = False
        self.reason: str | None = None

    def take(self, frame: Frame) -> None:
        """Raises `TunnelBroken`."""
        if frame.kind is Kind.DATA:
            self._may_come -= len(frame.payload)
            if self._may_come < 0:
                raise TunnelBroken("the agent sends more of an answer than there is room for")
            if not self.is_over and frame.payload:
                self._waiting.append(frame.payload)
        elif frame.kind is Kind.CREDIT:
            self._credit += credit_of(frame)
            if self._credit > WINDOW:
                raise TunnelBroken("the agent gives more credit than it had taken")
        else:
            if frame.kind is Kind.RESET:
                self.reason = frame.payload[:1000].decode("utf-8", "replace") or "the agent let go of it"
            self.is_over = True
        self._news.set()

    def break_off(self, reason: str) -> None:
        """Nothing more comes."""
        if not self.is_over:
            self.is_over, self.reason = True, reason
            self._news.set()

    async def next(self) -> bytes:
        """What came next; empty at the end."""
        while not self._waiting:
            if self.is_over:
                return b""
            self._news.clear()
            await self._news.wait()
        piece = self._waiting.popleft()
        self._may_come += len(piece)
        return piece

    async def may_send(self, size: int) -> None:
        """Waits until the other end has room for so many bytes, and takes it."""
        while self._credit < size and not self.is_over:
            self._news.clear()
            await self._news.wait()
        self._credit -= size


def _answer_of_ours(words: str) -> bytes:
    body = json.dumps({"kind": "Status", "message": words}).encode()
    return (
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: application/json\r\nConnection: close\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body)
    ) + body
