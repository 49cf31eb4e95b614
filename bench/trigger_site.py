"""What the latency of triggers is measured on: both ends, seen from outside of the server.

A relay before the server notes when the 201 of a manifest passes; a watch at the kube-apiserver notes when a
Deployment has the image. Both are the bench's, by one clock; the server knows of neither.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp

from engines.servers.kubernetes import ControlPlane

NAMESPACE = "default"
_PIECE = 1 << 16
_PUT = re.compile(rb"(?:^|\r\n)PUT /v2/[^ ]+/manifests/[^ ]+ HTTP/1.1\r\n")
_DIGEST = re.compile(rb"\r\ndocker-content-digest: *(sha256:[0-9a-f]{64})", re.IGNORECASE)


class Relay:
    """TCP between clients and the server on 127.0.0.1. `arrived`: by digest, when its 201 came."""

    def __init__(self, port: int) -> None:
        self._server_port = port
        self.arrived: dict[str, float] = {}
        self.port = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        awaited = asyncio.Event()

        async def up() -> None:
            while piece := await reader.read(_PIECE):
                if _PUT.search(piece):
                    awaited.set()
                up_writer.write(piece)
                await up_writer.drain()

        async def down() -> None:
            while piece := await up_reader.read(_PIECE):
                if awaited.is_set() and piece.startswith(b"HTTP/1.1 201"):
                    now, found = time.perf_counter(), _DIGEST.search(piece)
                    if found is not None:
                        self.arrived[found[1].decode()] = now
                        awaited.clear()
                writer.write(piece)
                await writer.drain()

        tasks = [asyncio.create_task(up()), asyncio.create_task(down())]
        with suppress(OSError):
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for one in (writer, up_writer):
            one.close()


class DeploymentWatch:
    """`seen`: by digest, when a Deployment's first container had it."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self.seen: dict[str, float] = {}
        self.news = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled; fails where the watch ends by itself, so that nothing is missed unseen."""
        path = f"{self._plane.url}/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
        limits = aiohttp.ClientTimeout(None)
        headers = {"Authorization": f"Bearer {self._plane.token}"}
        async with (
            aiohttp.ClientSession(headers=headers, timeout=limits, read_bufsize=1 << 22) as session,
            session.get(path, params={"watch": "true"}, ssl=self._plane.tls) as answer,
        ):
            async for line in answer.content:
                now, made = time.perf_counter(), json.loads(line)["object"]
                image = made["spec"]["template"]["spec"]["containers"][0]["image"]
                digest = image.partition("@")[2]
                if digest and digest not in self.seen:
                    self.seen[digest] = now
                    self.news.set()
        raise RuntimeError("the watch at the kube-apiserver ended")


def deployment(number: int, host: str) -> dict[str, Any]:
    """Of the image `bench/iNNN` of the server at `host`, with one pod."""
    name = f"w{number:03}"
    labels = {"app": name}
    container = {"name": "app", "image": f"{host}/bench/i{number:03}:v0"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def trigger(number: int, cluster: str) -> dict[str, Any]:
    """For every version of the image; updates its Deployment."""
    return {
        "name": "prod",
        "condition": {"kind": "glob", "text": "v*"},
        "target": {
            "namespace": NAMESPACE,
            "kind": "Deployment",
            "name": f"w{number:03}",
            "waves": [[cluster]],
        },
    }
