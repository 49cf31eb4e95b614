"""Fake clusters behind real HTTPS, as one program of many clusters: each below a path of its own.

The driver reaches them as it does real ones, and they pass the same contract suite.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.clusters.certificates import Authority
from tests.clusters.fake_cluster import FakeCluster, FakeConnection
from tests.clusters.kubeconfigs import encoded
from wherry.clusters.connection import Selection, WatchEvent
from wherry.clusters.errors import (
    ApplyConflict,
    ClusterCallFailed,
    ClusterLoginFailed,
    ClusterRefused,
    ClusterUnreachable,
    ObjectExists,
    ObjectUnknown,
    WatchExpired,
)
from wherry.clusters.kinds import KINDS, Kind

TOKEN = "t0ken"
HOST = "127.0.0.1"

_CODES: Mapping[type[ClusterCallFailed], tuple[int, str]] = {
    ClusterLoginFailed: (401, "Unauthorized"),
    ObjectUnknown: (404, "NotFound"),
    ObjectExists: (409, "AlreadyExists"),
    ApplyConflict: (409, "Conflict"),
    WatchExpired: (410, "Expired"),
    ClusterUnreachable: (503, "ServiceUnavailable"),
}
_PLACES = {(kind.version, kind.plural): kind for kind in KINDS.values()}


class FakeAPI:
    """Serves `clusters`, by name. Those in `hanging` take a request and never answer."""

    def __init__(self, clusters: Mapping[str, FakeCluster]) -> None:
        self.clusters = clusters
        self.hanging: set[str] = set()
        self.ports: list[int] = []
        self._authority = Authority()
        self._sites: list[web.TCPSite] = []

    def kubeconfig(self, name: str, port: int | None = None) -> str:
        """Of one cluster; `port` is one of `ports`."""
        server = f"https://{HOST}:{port or self.ports[0]}/{name}"
        cluster = {"server": server, "certificate-authority-data": encoded(self._authority.pem)}
        context = {"cluster": "fake", "user": "fake"}
        return json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "fake", "cluster": cluster}],
                "users": [{"name": "fake", "user": {"token": TOKEN}}],
                "contexts": [{"name": "fake", "context": context}],
                "current-context": "fake",
            }
        )

    @asynccontextmanager
    async def serving(self, ports: int = 1) -> AsyncIterator[None]:
        """On so many ports; each takes requests for every cluster."""
        app = web.Application()
        app.router.add_route("*", "/{cluster}/{path:.*}", self._answer)
        runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            for _ in range(ports):
                site = web.TCPSite(runner, HOST, 0, ssl_context=self._tls(), backlog=1000)
                await site.start()
                self._sites.append(site)
            self.ports = [address[1] for address in runner.addresses]
            yield
        finally:
            await runner.cleanup()

    async def close_port(self, number: int) -> None:
        """From now on connections to the port with this number are refused."""
        await self._sites[number].stop()

    def _tls(self) -> ssl.SSLContext:
        pair = self._authority.sign("fake", addresses=(HOST,))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
            file.write(pair.key + pair.certificate)
            file.flush()
            context.load_cert_chain(file.name)
        return context

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["cluster"]
        if name in self.hanging:
            await asyncio.Event().wait()
        connection = self.clusters[name].connect()
        try:
            if request.headers.get("Authorization") != f"Bearer {TOKEN}":
                raise ClusterLoginFailed(name, "Unauthorized")
            return await _answered(connection, request)
        except ClusterCallFailed as error:
            return web.json_response(_status(error), status=_status(error)["code"])


async def _answered(connection: FakeConnection, request: web.Request) -> web.StreamResponse:
    path = request.match_info["path"]
    if path == "version":
        version = await connection.version()
        return web.json_response({"gitVersion": version.git_version, "platform": version.platform})
    found = _place(path)
    if found is None:
        return web.Response(status=404, text="404 page not found\n")
    kind, namespace, name, subresource = found
    query = request.query
    dry_run = query.get("dryRun") == "All"
    if request.method == "GET" and name is None:
        which = Selection(namespace, query.get("labelSelector"), query.get("fieldSelector"))
        if query.get("watch") == "true":
            return await _watched(connection, request, kind, which)
        [page] = [page async for page in connection.list(kind, which)]
        metadata = {"resourceVersion": page.resource_version}
        return web.json_response({"kind": f"{kind}List", "metadata": metadata, "items": page.items})
    if request.method == "GET":
        return web.json_response(await connection.get(kind, str(name), namespace))
    body = json.loads(await request.read() or b"{}")
    if request.method == "POST":
        return web.json_response(await connection.create(body, dry_run=dry_run), status=201)
    if request.method == "DELETE":
        uid = (body.get("preconditions") or {}).get("uid")
        await connection.delete(kind, str(name), namespace, uid=uid)
        return web.json_response({"kind": "Status", "status": "Success"})
    if request.content_type == "application/apply-patch+yaml":
        force = query.get("force") == "true"
        manager = query["fieldManager"]
        return web.json_response(await connection.apply(body, dry_run=dry_run, force=force, manager=manager))
    return web.json_response(
        await connection.patch(kind, str(name), namespace, body, subresource=subresource)
    )


async def _watched(
    connection: FakeConnection, request: web.Request, kind: Kind, which: Selection
) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    try:
        async with asyncio.timeout(float(request.query.get("timeoutSeconds", 300))):
            async for event in connection.watch(kind, request.query["resourceVersion"], which):
                await answer.write(_line(event))
    except TimeoutError:
        pass
    except ConnectionError:
        return answer
    except ClusterUnreachable:
        assert request.transport is not None
        request.transport.close()  # as a cluster that goes away does, in the middle of a watch
        return answer
    except ClusterCallFailed as error:
        await answer.write(json.dumps({"type": "ERROR", "object": _status(error)}).encode() + b"\n")
    await answer.write_eof()
    return answer


def _line(event: WatchEvent) -> bytes:
    return json.dumps({"type": event.change, "object": event.object}).encode() + b"\n"


def _place(path: str) -> tuple[Kind, str | None, str | None, str | None] | None:
    """Kind, namespace, name and subresource of a path of the API."""
    parts = path.split("/")
    version, rest = (parts[1], parts[2:]) if parts[0] == "api" else ("/".join(parts[1:3]), parts[3:])
    namespace = None
    if len(rest) > 2 and rest[0] == "namespaces" and (version, rest[2]) in _PLACES:
        namespace, rest = rest[1], rest[2:]
    kind = _PLACES.get((version, rest[0])) if rest else None
    if kind is None:
        return None
    return kind, namespace, rest[1] if len(rest) > 1 else None, rest[2] if len(rest) > 2 else None


def _status(error: ClusterCallFailed) -> dict[str, Any]:
    code, reason = _CODES.get(type(error), (422, "Invalid"))
    if isinstance(error, ClusterRefused):
        code, reason = 409 if error.reason == "Conflict" else 422, error.reason
    causes = []
    if isinstance(error, ApplyConflict):
        causes = [
            {
                "reason": "FieldManagerConflict",
                "field": owner.field,
                "message": f'conflict with "{owner.owner}" using v1',
            }
            for owner in error.owners
        ]
    message = str(error).removeprefix(f"cluster {error.cluster}: ")
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": message,
        "details": {"causes": causes},
    }
