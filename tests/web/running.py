"""A registry in this process, spoken to by HTTP messages, with a clock that the test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from argon2 import PasswordHasher
from starlette.types import Receive, Scope, Send

from tests.databases import FixedClock
from wherry.access.signing_keys import ensure_signing_key
from wherry.app.wiring import Wired, open_sealer, open_services
from wherry.db.database import Database
from wherry.identity.users import create_user
from wherry.kit.clock import Clock
from wherry.observability import AccessLog, Metrics
from wherry.oci.digests import Digest
from wherry.settings import Settings
from wherry.web.api.face import ApiFace
from wherry.web.console.face import ConsoleFace
from wherry.web.console.paths import concerns_console
from wherry.web.distribution.face import DistributionFace
from wherry.web.frame import Frame
from wherry.web.hooks.face import HooksFace, concerns_hooks
from wherry.web.operations.face import OperationsFace, OperationsServices
from wherry.web.proxies import TrustedProxies

PASSWORD = "correct horse"
ADMIN = ("admin", PASSWORD)
BOB = ("bob", PASSWORD)
# As good as any hash, and cheap to check.
_CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@dataclass
class Registry:
    """`http` comes as the administrator; `as_nobody` without credentials."""

    http: httpx.AsyncClient
    app: Any
    wired: Wired
    clock: FixedClock

    @property
    def database(self) -> Database:
        return self.wired.database

    def client(self, auth: tuple[str, str] | None = None, **headers: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=self.app, client=("192.0.2.7", 4711))
        return httpx.AsyncClient(
            transport=transport, base_url="http://registry.example", auth=auth, headers=headers
        )

    @property
    def as_nobody(self) -> httpx.AsyncClient:
        return self.client()

    async def push_blob(self, name: str, content: bytes) -> Digest:
        digest = Digest.of(content)
        answer = await self.http.post(f"/v2/{name}/blobs/uploads/?digest={digest}", content=content)
        assert answer.status_code == 201, answer.text
        return digest

    async def push_manifest(
        self, name: str, content: bytes, reference: str | None = None, **headers: str
    ) -> Digest:
        digest = Digest.of(content)
        answer = await self.http.put(
            f"/v2/{name}/manifests/{reference or digest}", content=content, headers=headers
        )
        assert answer.status_code == 201, answer.text
        return digest


@asynccontextmanager
async def registry_of(settings: Settings, clock: FixedClock) -> AsyncIterator[Registry]:
    """Serve `settings`, whose database `make_users` has filled."""
    metrics = Metrics(version="test", multiprocess_dir=None)
    async with AsyncExitStack() as stack:
        wired = await open_services(settings, metrics, clock, stack)
        distribution = DistributionFace(wired.distribution)
        api = ApiFace(wired.api)
        console = ConsoleFace(wired.console)
        hooks = HooksFace(wired.hooks)
        operations = OperationsFace(OperationsServices(wired.database, wired.store, metrics, clock, "test"))

        async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["path"].startswith("/api/"):
                await api(scope, receive, send)
                return
            if concerns_hooks(scope):
                await hooks(scope, receive, send)
                return
            if concerns_console(scope):
                await console(scope, receive, send)
                return
            of_registry = scope["path"].startswith(("/v2", "/token"))
            await (distribution if of_registry else operations)(scope, receive, send)

        log = AccessLog(format="text", level="error")
        app = Frame(dispatch, metrics, log, TrustedProxies(settings.trusted_proxies))
        registry = Registry(None, app, wired, clock)  # type: ignore[arg-type]
        registry.http = await stack.enter_async_context(registry.client(ADMIN))
        yield registry


def make_users(settings: Settings, clock: Clock) -> None:
    """A signing key, `admin`, and `bob`, who is no administrator."""
    database = Database(settings.effective_database_url)
    hashed, now = _CHEAP.hash(PASSWORD), clock.now()
    try:
        database.write_now(lambda tx: ensure_signing_key(tx, open_sealer(settings), now))
        database.write_now(lambda tx: create_user(tx, "admin", hashed, now, is_admin=True))
        database.write_now(lambda tx: create_user(tx, "bob", hashed, now))
    finally:
        database.close()


def code_of(answer: httpx.Response) -> str:
    """The code of the OCI error envelope, which has exactly the three fields."""
    (error,) = answer.json()["errors"]
    assert set(error) == {"code", "message", "detail"}
    assert error["message"]
    assert answer.headers["content-type"] == "application/json"
    return str(error["code"])


def files_with(content: bytes, folder: Path) -> list[Path]:
    """All files below `folder` that hold just `content`."""
    return [path for path in folder.rglob("*") if path.is_file() and path.read_bytes() == content]
