"""Both ends of a tunnel in this process: Wherry's, and the agents' program, with a line between them."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from engines.servers.kubernetes import ControlPlane
from wherry.clusters.agent import program
from wherry.clusters.drivers.tunnel import Tunnel
from wherry.clusters.drivers.tunnel_frames import TunnelBroken
from wherry.clusters.drivers.tunnel_sockets import TunnelSockets

NAME = "a-cluster"


class Line:
    """Whole messages both ways; the agent's end of it looks like its WebSocket."""

    def __init__(self) -> None:
        self._to_agent: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._to_wherry: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def send_to_agent(self, message: bytes) -> None:
        self._to_agent.put_nowait(message)

    async def receive_from_agent(self) -> bytes:
        message = await self._to_wherry.get()
        if message is None:
            raise TunnelBroken("the agent closed the line")
        return message

    async def send(self, content: bytes, opcode: int = 2) -> None:
        self._to_wherry.put_nowait(content)

    async def receive(self) -> bytes:
        message = await self._to_agent.get()
        if message is None:
            raise program.Broken("Wherry closed the line")
        return message

    def close(self) -> None:
        self._to_wherry.put_nowait(None)


def place_of(folder: Path, host: str, port: int, ca: bytes, token: str) -> program.Place:
    """A pod's files for the agent."""
    account = folder / "account"
    account.mkdir(parents=True)
    (account / "ca.crt").write_bytes(ca)
    (account / "token").write_text(token)
    return program.Place("http://wherry.example", folder / "credential", None, account, host, port, None)


@contextlib.asynccontextmanager
async def tunnelled(place: program.Place, sockets: TunnelSockets) -> Any:
    """A tunnel to the API server of `place`, which is reached by the socket `NAME`."""
    line = Line()
    agent = program.Tunnel(place, cast("program.Socket", line))
    ours = Tunnel(line.send_to_agent, line.receive_from_agent)
    running = asyncio.create_task(agent.run())
    assert (await ours.greet()).protocol == program.PROTOCOL
    holding = asyncio.create_task(ours.run())
    server = await asyncio.start_unix_server(ours.relay, sock=sockets.bind(NAME))
    try:
        yield ours
    finally:
        server.close()
        for task in (running, holding):
            task.cancel()
        await asyncio.gather(running, holding, return_exceptions=True)
        sockets.remove(NAME)


class TunnelThread:
    """A tunnel to a real API server in a loop of its own, as if in another process."""

    def __init__(self, plane: ControlPlane, folder: Path) -> None:
        server = urlsplit(plane.url)
        self._place = place_of(folder, str(server.hostname), server.port or 443, plane.ca, plane.token)
        self.sockets = TunnelSockets(folder)
        self._began, self._over = threading.Event(), asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=[self._run()])
        self._thread.start()
        assert self._began.wait(20)

    async def _run(self) -> None:
        async with tunnelled(self._place, self.sockets):
            self._began.set()
            await self._over.wait()

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()
        self._loop.close()
        self.sockets.close()
