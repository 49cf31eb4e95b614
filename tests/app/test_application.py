"""The whole application from its settings: lifespan, faces, what a start that fails says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.registry.contents import image
from wherry.app import create_app, prepare
from wherry.app.application import Application
from wherry.oci.digests import Digest
from wherry.settings import Settings

PASSWORD = "correct horse"


@asynccontextmanager
async def lifespan(app: Application) -> AsyncIterator[None]:
    """As a server runs it."""
    to_app: asyncio.Queue[Any] = asyncio.Queue()
    from_app: asyncio.Queue[Any] = asyncio.Queue()
    running = asyncio.create_task(app({"type": "lifespan"}, to_app.get, from_app.put))
    await to_app.put({"type": "lifespan.startup"})
    assert await from_app.get() == {"type": "lifespan.startup.complete"}
    yield
    await to_app.put({"type": "lifespan.shutdown"})
    assert await from_app.get() == {"type": "lifespan.shutdown.complete"}
    await running


async def test_an_image_survives_a_restart(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, admin_password=PASSWORD)
    prepare(settings)
    blobs = (b"{}", b"layer")
    async with lifespan(app := create_app(settings)), client(app) as http:
        for blob in blobs:
            url = f"/v2/acme/web/blobs/uploads/?digest={Digest.of(blob)}"
            assert (await http.post(url, content=blob)).status_code == 201
        assert (await http.put("/v2/acme/web/manifests/1.0", content=image())).status_code == 201
        assert (await http.get("/readyz")).json()["ready"]
        assert (await http.get("/")).status_code == 200
    prepare(settings)
    async with lifespan(app := create_app(settings)), client(app) as http:
        assert (await http.get("/v2/acme/web/manifests/1.0")).content == image()
        for blob in blobs:
            assert (await http.get(f"/v2/acme/web/blobs/{Digest.of(blob)}")).content == blob


def client(app: Application) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="http://registry.example",
        auth=("admin", PASSWORD),
    )


async def test_a_start_that_fails_says_why(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, database_url=f"sqlite:///{tmp_path}/none/wherry.db")
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "lifespan.startup"}

    async def send(message: Any) -> None:
        sent.append(message)

    with pytest.raises(Exception, match="unable to open"):
        await create_app(settings)({"type": "lifespan"}, receive, send)
    assert [message["type"] for message in sent] == ["lifespan.startup.failed"]
    assert "unable to open" in sent[0]["message"]
