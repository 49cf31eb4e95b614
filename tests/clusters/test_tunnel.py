"""The tunnel's two ends: what they say to each other, how much may be under way, and what ends one."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import json
import ssl
import stat
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clusters.tunnelled import NAME, Line, place_of, tunnelled
from wherry.clusters.agent import program
from wherry.clusters.agent.seen import AgentSeen
from wherry.clusters.drivers import tunnel_frames
from wherry.clusters.drivers.tunnel import MAX_STREAMS, Tunnel
from wherry.clusters.drivers.tunnel_frames import (
    MAX_MESSAGE,
    WINDOW,
    Frame,
    Hello,
    Kind,
    TunnelBroken,
    credit,
)
from wherry.clusters.drivers.tunnel_sockets import TunnelSockets


@given(st.sampled_from(Kind), st.integers(0, 2**32 - 1), st.binary(max_size=MAX_MESSAGE - 5))
def test_both_ends_write_the_same_messages(kind: Kind, stream: int, payload: bytes) -> None:
    message = Frame(kind, stream, payload).to_bytes()
    assert message == program.frame(kind, stream, payload)
    assert program.unframe(message) == (kind, stream, payload)
    assert Frame.from_bytes(message) == Frame(kind, stream, payload)


def test_both_ends_go_by_the_same_numbers() -> None:
    for name in ("PROTOCOL", "WINDOW", "PIECE", "MAX_MESSAGE"):
        assert getattr(program, name) == getattr(tunnel_frames, name)
    assert {kind.name: kind.value for kind in Kind} == {
        kind.name: getattr(program, kind.name) for kind in Kind
    }
    assert program.MAX_STREAMS == MAX_STREAMS


@given(st.binary(max_size=300))
def test_what_is_no_message_is_refused_and_breaks_nothing_else(message: bytes) -> None:
    with contextlib.suppress(TunnelBroken):
        Hello.of(Frame.from_bytes(message))
    with contextlib.suppress(program.Broken):
        program.unframe(message)


@given(st.binary(max_size=70_000), st.binary(min_size=4, max_size=4))
def test_masking_twice_is_nothing(content: bytes, key: bytes) -> None:
    masked = program.masked(content, key)
    assert program.masked(masked, key) == content
    assert masked == bytes(byte ^ key[at % 4] for at, byte in enumerate(content))


@pytest.mark.parametrize(
    "line",
    [
        "Authorization: Bearer theirs",
        "authorization:Bearer theirs",
        "Connection: keep-alive",
        "Upgrade: SPDY/3.1",
        "Impersonate-User: admin",
        "IMPERSONATE-GROUP: system:masters",
        "X-Remote-User: admin",
        "Host: elsewhere",
    ],
)
def test_a_head_gets_the_agents_login_and_nobody_elses(line: str) -> None:
    head = f"GET /api?x=1 HTTP/1.1\r\nAccept: application/json\r\n{line}\r\nX-More: 1".encode()
    lines = program.with_login(head, "token-of-the-pod", "kubernetes.default.svc").decode().split("\r\n")
    assert lines == [
        "GET /api?x=1 HTTP/1.1",
        "Accept: application/json",
        "X-More: 1",
        "Host: kubernetes.default.svc",
        "Authorization: Bearer token-of-the-pod",
        "Connection: close",
        "",
        "",
    ]


class Api:
    """An API server's listener without TLS: each test says what it answers."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.sent = 0
        self.port = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        path = head.split()[1]
        with contextlib.suppress(OSError):
            if path == b"/large":
                for _ in range(2000):
                    writer.write(b"x" * 10_000)
                    await writer.drain()
                    self.sent += 10_000
            elif path == b"/echo":
                size = int(head.lower().partition(b"content-length: ")[2].split()[0])
                writer.write(await reader.readexactly(size))
            elif path == b"/watch":
                writer.write(b"first\n")
                await reader.read()  # until who watches has gone
            else:
                writer.write(b"answer")
            writer.close()


@pytest.fixture
async def api(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Api]:
    made = Api()
    server = await asyncio.start_server(made.answer, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]

    async def connect(tunnel: program.Tunnel) -> object:
        return await asyncio.open_connection("127.0.0.1", made.port, limit=program.PIECE)

    # TLS to a real API server is what test_joining_walk.py and the contract suite have.
    monkeypatch.setattr(program.Tunnel, "_connect", connect)
    made_up = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    monkeypatch.setattr(ssl, "create_default_context", lambda **_: made_up)
    yield made
    server.close()


@pytest.fixture
def sockets(tmp_path: Path) -> Iterator[TunnelSockets]:
    """In a folder whose path is longer than that of a socket may be."""
    folder = tmp_path / ("deep" * 20) / "data"
    folder.mkdir(parents=True)
    made = TunnelSockets(folder)
    yield made
    made.close()


@pytest.fixture
async def tunnel(api: Api, sockets: TunnelSockets, tmp_path: Path) -> AsyncIterator[Tunnel]:
    place = place_of(tmp_path / "pod", "127.0.0.1", api.port, b"", "token-of-the-pod\n")
    async with tunnelled(place, sockets) as running:
        yield running


async def ask(
    sockets: TunnelSockets, path: str, body: bytes = b""
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_unix_connection(sockets.path(NAME))
    head = f"GET {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    return reader, writer


async def all_closed(tunnel: Tunnel) -> None:
    while tunnel.streams:  # noqa: ASYNC110 (it tells nobody)
        await asyncio.sleep(0.01)


async def test_requests_go_through_and_are_closed_behind(
    api: Api, sockets: TunnelSockets, tunnel: Tunnel
) -> None:
    async with asyncio.timeout(20):
        for _ in range(3):
            reader, writer = await ask(sockets, "/")
            assert await reader.read() == b"answer"
            writer.close()
        body = bytes(range(256)) * 4000  # a megabyte, four windows
        reader, writer = await ask(sockets, "/echo", body)
        assert await reader.read() == body
        writer.close()
        await all_closed(tunnel)
    assert all(b"Authorization: Bearer token-of-the-pod\r\n" in head for head in api.heads)


async def test_who_does_not_read_holds_up_no_other_and_little_is_under_way(
    api: Api, sockets: TunnelSockets, tunnel: Tunnel
) -> None:
    async with asyncio.timeout(30):
        slow_reader, slow_writer = await ask(sockets, "/large")
        before = -1
        while api.sent != before:  # until it stands still
            before = api.sent
            await asyncio.sleep(0.3)
        assert 0 < api.sent < 12_000_000, "the kernel's buffers and one window, not all of it"
        for _ in range(20):
            reader, writer = await ask(sockets, "/")
            assert await reader.read() == b"answer"
            writer.close()
        assert len(await slow_reader.read()) == 20_000_000
        slow_writer.close()


async def test_who_goes_away_ends_the_request_in_the_cluster(
    api: Api, sockets: TunnelSockets, tunnel: Tunnel
) -> None:
    async with asyncio.timeout(20):
        reader, writer = await ask(sockets, "/watch")
        assert await reader.readline() == b"first\n"
        assert tunnel.streams == 1
        writer.close()
        await all_closed(tunnel)


async def test_an_api_server_that_is_away_is_told_in_words(
    sockets: TunnelSockets, tunnel: Tunnel, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(tunnel: program.Tunnel) -> object:
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(program.Tunnel, "_connect", refuse)
    async with asyncio.timeout(20):
        reader, writer = await ask(sockets, "/")
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
    assert head.startswith(b"HTTP/1.1 502 ")
    assert "the agent cannot reach the API server: [Errno 111]" in json.loads(body)["message"]


class Lone:
    """Wherry's end alone; the test plays the agent."""

    def __init__(self) -> None:
        self.line = Line()
        self.tunnel = Tunnel(self.line.send_to_agent, self.line.receive_from_agent, silence=0.3)

    async def says(self, *frames: Frame) -> None:
        for frame in frames:
            await self.line.send(frame.to_bytes())


async def test_an_agent_that_says_nothing_is_given_up() -> None:
    lone = Lone()
    with pytest.raises(TunnelBroken, match="said nothing"):
        await lone.tunnel.run()


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ([Frame(Kind.DATA, 1, b"x" * 60_000)] * 6, "more of an answer than there is room for"),
        ([credit(1, WINDOW)], "more credit than it had taken"),
        ([Frame(Kind.CREDIT, 1, b"\0")], "a credit that cannot be"),
    ],
)
async def test_an_agent_that_does_not_keep_to_the_window_is_cut_off(
    frames: list[Frame], words: str, tmp_path: Path
) -> None:
    lone = Lone()
    reader, writer = await _stuck()
    relaying = asyncio.create_task(lone.tunnel.relay(reader, cast("asyncio.StreamWriter", writer)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert lone.tunnel.streams == 1
    await lone.says(*frames)
    with pytest.raises(TunnelBroken, match=words):
        await lone.tunnel.run()
    relaying.cancel()
    await asyncio.gather(relaying, return_exceptions=True)


async def _stuck() -> tuple[asyncio.StreamReader, object]:
    """Who asks, and then reads nothing."""

    class Writer:
        transport = property(lambda self: self)

        def write(self, _: bytes) -> None:
            return None

        async def drain(self) -> None:
            await asyncio.Event().wait()

        def close(self) -> None:
            return None

        def abort(self) -> None:
            return None

        async def wait_closed(self) -> None:
            return None

    return asyncio.StreamReader(), Writer()


async def test_a_hello_of_another_version_is_refused() -> None:
    lone = Lone()
    await lone.says(Frame(Kind.HELLO, 0, b'{"protocol": 2, "python": "3.9", "host": "pod"}'))
    with pytest.raises(TunnelBroken, match="version 2"):
        await lone.tunnel.greet()


def test_sockets_are_their_owners_alone_and_the_newer_one_stays(tmp_path: Path) -> None:
    sockets = TunnelSockets(tmp_path)
    first, second = sockets.bind("first"), sockets.bind("second")
    assert stat.S_IMODE((tmp_path / "tunnels").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "tunnels" / "first").stat().st_mode) == 0o600
    old, new = sockets.publish("first", NAME), sockets.publish("second", NAME)
    sockets.remove(NAME, old)
    assert (tmp_path / "tunnels" / NAME).exists(), "it is the newer one's"
    sockets.remove(NAME, new)
    assert not (tmp_path / "tunnels" / NAME).exists()
    for made in (first, second):
        made.close()


def test_where_an_agent_is_absent_the_reason_is_told() -> None:
    assert "waiting for the agent" in AgentSeen(None, None, None, None).why_absent("here")
    assert "on elsewhere, and this is here" in AgentSeen("elsewhere", None, None, None).why_absent("here")
    assert "not let in: another" in AgentSeen(None, None, None, "another").why_absent("here")


def test_the_agent_is_one_file_that_python_3_9_reads_with_its_own_library_only() -> None:
    source = Path(program.__file__).read_text()
    parsed = ast.parse(source, feature_version=(3, 9))
    imported = {
        (node.module or "").partition(".")[0]
        if isinstance(node, ast.ImportFrom)
        else alias.name.partition(".")[0]
        for node in ast.walk(parsed)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert imported <= sys.stdlib_module_names
