"""Sends mutated requests over many connections at once, judges each answer, and boils a failing one down."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from tests.hostile.answers import MAX_HEAD, BrokenAnswer, NoAnswer, read_answer, split_answers
from tests.hostile.mutations import Mutator
from tests.hostile.requests import Answer, Request
from tests.hostile.seeds import Credentials, Seeds
from tests.hostile.verdict import fault_of, fault_of_wire_answer
from tests.hostile.wire_mutations import WireRequest, broken

PIPELINED = 8
# What is no HTTP is mostly waiting: for the server to see that, or for its clock.
WIRE_AT_ONCE = 64
WIRE_PATIENCE_SECONDS = 0.25
AFTER_ANSWER_SECONDS = 0.02
# One in so many is not even HTTP.
WIRE_SHARE = 0.1
# Well past every time limit that the server under test has, so that a slow machine is no finding.
ANSWER_SECONDS = 60.0
MAX_FINDINGS = 10


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that was broken, and the bytes that did it."""

    fault: str
    content: bytes
    answer: str

    def __str__(self) -> str:
        shown = self.content if len(self.content) < 3000 else self.content[:3000] + b"... cut"
        return f"{self.fault}\n  sent: {shown!r}\n  came: {self.answer[:600]}"


@dataclass(slots=True)
class Tally:
    """What was sent and what came of it."""

    sent: int = 0
    wire: int = 0
    seconds: float = 0.0
    statuses: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    slowest: float = 0.0

    @property
    def rate(self) -> float:
        return self.sent / self.seconds if self.seconds else 0.0

    def __str__(self) -> str:
        statuses = ", ".join(f"{status}: {count}" for status, count in sorted(self.statuses.items()))
        return (
            f"{self.sent} requests ({self.wire} of them no HTTP) in {self.seconds:.1f} s, {self.rate:.0f}/s, "
            f"slowest answer {self.slowest:.2f} s; {len(self.findings)} findings; {statuses}"
        )


async def fuzz(
    host: str, port: int, credentials: Credentials, *, requests: int, seed: int, connections: int = 32
) -> Tally:
    """Send `requests` mutated requests; stops early once there are `MAX_FINDINGS`."""
    tally, began, wire = Tally(), time.monotonic(), asyncio.Semaphore(WIRE_AT_ONCE)
    share = -(-requests // connections)
    async with asyncio.TaskGroup() as group:
        for number in range(connections):
            rng = random.Random(f"{seed}/{number}")
            group.create_task(_Worker(host, port, credentials, rng, tally).run(share, group, wire))
    tally.seconds = time.monotonic() - began
    return tally


class _Worker:
    """Sends batches one after another, and beside them what is no HTTP, each on a connection of its own."""

    def __init__(
        self, host: str, port: int, credentials: Credentials, rng: random.Random, tally: Tally
    ) -> None:
        self._host, self._port = host, port
        self._rng = rng
        self._tally = tally
        self._seeds = Seeds(credentials)
        self._mutator = Mutator(rng)

    async def run(self, count: int, group: asyncio.TaskGroup, wire: asyncio.Semaphore) -> None:
        left = count
        while left > 0 and len(self._tally.findings) < MAX_FINDINGS:
            size = min(left, PIPELINED)
            left -= size
            batch: list[Request] = []
            for _ in range(size):
                request = self._seeds.draw(self._rng)
                if self._rng.random() < WIRE_SHARE:
                    await wire.acquire()
                    task = group.create_task(self._send_wire(broken(request, self._rng)))
                    task.add_done_callback(lambda _: wire.release())
                else:
                    # A few stay as they are, so that sessions, tags and repositories come and go.
                    batch.append(request if self._rng.random() < 0.15 else self._mutator.changed(request))
            await self._send_batch(batch)

    async def _send_batch(self, batch: list[Request]) -> None:
        """All at once, on one connection after another where the server closes one between two answers."""
        rest = batch
        while rest:
            answered = 0
            try:
                async for answer in self._answers(rest):
                    self._judge(rest[answered], answer)
                    answered += 1
            except NoAnswer:
                fault = "closed without an answer"
            except (BrokenAnswer, ValueError, asyncio.LimitOverrunError) as error:
                fault = f"no HTTP came back: {error}"
            except TimeoutError:
                fault = f"no answer within {ANSWER_SECONDS:.0f} s"
            if answered == 0:
                self._find(fault, rest[0].encode(), "nothing")
                answered = 1
            rest = rest[answered:]

    async def _answers(self, batch: list[Request]) -> AsyncIterator[Answer]:
        async with self._connected() as (reader, writer):
            writer.write(b"".join(request.encode() for request in batch))
            for request in batch:
                began = time.monotonic()
                async with asyncio.timeout(ANSWER_SECONDS):
                    answer = await read_answer(reader, request.method)
                self._tally.slowest = max(self._tally.slowest, time.monotonic() - began)
                yield answer

    def _judge(self, request: Request, answer: Answer) -> None:
        self._tally.sent += 1
        self._tally.statuses[str(answer.status)] += 1
        location = answer.headers.get("location", "")
        if answer.status == 202 and "/blobs/uploads/" in location:
            self._seeds.remember(location)
        fault = fault_of(request, answer)
        if fault is not None:
            self._find(
                fault, request.encode(), f"{answer.status} {dict(answer.headers)} {answer.body[:300]!r}"
            )

    async def _send_wire(self, request: WireRequest) -> None:
        self._tally.sent += 1
        self._tally.wire += 1
        received, fault = b"", None
        try:
            async with asyncio.timeout(ANSWER_SECONDS), self._connected() as (reader, writer):
                writer.write(request.content)
                patience = ANSWER_SECONDS if request.is_patient else WIRE_PATIENCE_SECONDS
                with contextlib.suppress(TimeoutError):
                    while piece := await asyncio.wait_for(reader.read(65536), patience):
                        received += piece
                        patience = AFTER_ANSWER_SECONDS
                writer.write_eof()
                while piece := await reader.read(65536):
                    received += piece
        except TimeoutError:
            fault = f"neither answered nor closed within {ANSWER_SECONDS:.0f} s"
        except OSError:
            self._tally.statuses["reset"] += 1
        if fault is None and received:
            fault = self._judge_wire(request, received)
        elif not received:
            self._tally.statuses["closed"] += 1
        if fault is not None:
            self._find(fault, request.content, repr(received[:400]))

    def _judge_wire(self, request: WireRequest, received: bytes) -> str | None:
        if b"PRI * HTTP/2.0" in request.content and not received.startswith(b"HTTP/1"):
            self._tally.statuses["HTTP/2"] += 1
            return None
        # A mutated HEAD may have become another method, so its answers are not taken apart.
        method = "HEAD" if b"HEAD " in request.content else "GET"
        try:
            answers = split_answers(received, method)
        except BrokenAnswer as error:
            cut_off = received.startswith(b"HTTP/1.1 2") or method == "HEAD"
            return None if cut_off else f"no HTTP came back: {error}"
        websocket = b"websocket" in request.content.lower()
        for answer in answers:
            self._tally.statuses[str(answer.status)] += 1
            if fault := fault_of_wire_answer(answer, asks_for_websocket=websocket):
                return fault
        return None

    def _find(self, fault: str, content: bytes, answer: str) -> None:
        self._tally.findings.append(Finding(fault, content, answer))

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection(self._host, self._port, limit=MAX_HEAD)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()


async def simplified(host: str, port: int, finding: Finding) -> Finding:
    """The same fault with fewer lines: each is left out as long as the fault stays."""
    content = finding.content
    for _ in range(3):
        before = content
        for shorter in list(_shorter(content)):
            if await _fault(host, port, shorter) == finding.fault:
                content = shorter
                break
        if content == before:
            break
    return replace(finding, content=content)


def _shorter(content: bytes) -> Iterator[bytes]:
    head, separator, body = content.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    for place in range(1, len(lines)):
        if not lines[place].lower().startswith((b"host", b"content-length", b"transfer-encoding")):
            yield b"\r\n".join(lines[:place] + lines[place + 1 :]) + separator + body


async def _fault(host: str, port: int, content: bytes) -> str | None:
    """What is wrong with the first answer to these bytes, if it is one that a client could read."""
    reader, writer = await asyncio.open_connection(host, port, limit=MAX_HEAD)
    try:
        writer.write(content)
        method, _, rest = content.partition(b" ")
        target = rest.partition(b" ")[0].decode("latin-1")
        async with asyncio.timeout(ANSWER_SECONDS):
            answer = await read_answer(reader, method.decode("latin-1"))
    except (TimeoutError, NoAnswer, BrokenAnswer, OSError, ValueError):
        return None
    finally:
        writer.transport.abort()
    return fault_of(Request(method.decode("latin-1"), target), answer)
