"""A cluster over HTTPS, or through its agent's tunnel.

Each connection over HTTPS goes to an address that was checked just then, and to no proxy.

https://kubernetes.io/docs/reference/using-api/api-concepts/
"""

import asyncio
import contextlib
import json
import os
import random
import socket
import ssl
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp.client_exceptions import UnixClientConnectorError
from aiohttp.connector import AddrInfoType

from wherry.clusters.addresses import AddressRules
from wherry.clusters.connection import (
    EVERYTHING,
    FIELD_MANAGER,
    Change,
    ClusterVersion,
    ListPage,
    Selection,
    WatchEvent,
)
from wherry.clusters.drivers.tunnel_sockets import TunnelSockets
from wherry.clusters.errors import AddressRefused, ClusterCallFailed, ClusterUnreachable, WatchExpired
from wherry.clusters.kinds import Kind, Object, kind_of, name_of, namespace_of
from wherry.clusters.kubeconfig import ClusterLogin
from wherry.clusters.statuses import failure_of

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 30.0
PAGE_SIZE = 500
MAX_ANSWER = 64 * 1024 * 1024
# etcd keeps at most 1.5 MiB of an object, which JSON can double.
MAX_EVENT = 8 * 1024 * 1024
# The server ends a watch after this, so that one over a connection that died unseen ends as well.
WATCH_SECONDS = (240, 360)

# Which API server it is, the agent knows; the way to it is inside of the tunnel.
_WITHIN = "http://kubernetes.default.svc"

_JSON = "application/json"
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"


class HttpConnection:
    """`ClusterConnection` over HTTPS; belongs to one event loop. Close it at the end.

    `sockets` are where the tunnels of agents are found, for logins that lead through one.
    """

    def __init__(
        self, cluster: str, login: ClusterLogin, rules: AddressRules, sockets: TunnelSockets | None = None
    ) -> None:
        """Raises `ClusterUnreachable` where the login's certificates cannot be used."""
        self._cluster = cluster
        self._server = login.server if login.tunnel is None else _WITHIN
        self._absent = _why_absent(login, sockets)
        self._server_name = login.tls_server_name
        self._rules = rules
        self._refusal: AddressRefused | None = None
        headers = {"Accept": _JSON, "User-Agent": "wherry"}
        if login.token is not None:
            headers["Authorization"] = f"Bearer {login.token}"
        self._session = aiohttp.ClientSession(
            connector=self._connector(login, sockets),
            headers=headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=True,
        )

    @property
    def cluster(self) -> str:
        return self._cluster

    async def version(self) -> ClusterVersion:
        began = time.perf_counter()
        said = await self._call("GET", "/version")
        return ClusterVersion(
            str(said.get("gitVersion", "")), str(said.get("platform", "")), time.perf_counter() - began
        )

    async def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object:
        return await self._call("GET", kind.path(namespace, name))

    async def list(self, kind: Kind, which: Selection = EVERYTHING) -> AsyncIterator[ListPage]:
        query, seen = _query(which) | {"limit": str(PAGE_SIZE)}, 0
        while True:
            try:
                answer = await self._call("GET", kind.path(which.namespace), query)
            except WatchExpired:
                if not seen:
                    raise
                # The list grew old while it was read: what is left of it is read as it is now.
                query = _query(which)
                seen = 0
                continue
            metadata = answer.get("metadata") or {}
            items = tuple(_whole(item, kind) for item in answer.get("items") or ())
            seen += len(items)
            yield ListPage(items, str(metadata.get("resourceVersion", "")))
            if not metadata.get("continue"):
                return
            query["continue"] = str(metadata["continue"])

    async def watch(
        self, kind: Kind, resource_version: str, which: Selection = EVERYTHING
    ) -> AsyncIterator[WatchEvent]:
        seconds = random.randint(*WATCH_SECONDS)  # noqa: S311 (so that 100 watches do not end at once)
        query = _query(which) | {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(seconds),
        }
        timeout = aiohttp.ClientTimeout(None, sock_connect=CONNECT_SECONDS, sock_read=seconds + 30)
        async with self._asked("GET", kind.path(which.namespace), query, limits=timeout) as answer:
            async for line in _lines(answer.content, self._cluster):
                yield self._event(line, kind)

    async def create(self, made: Object, *, dry_run: bool = False) -> Object:
        path = kind_of(made).path(namespace_of(made))
        return await self._call("POST", path, _writing(dry_run), made, _JSON)

    async def apply(
        self, made: Object, *, dry_run: bool = False, force: bool = False, manager: str = FIELD_MANAGER
    ) -> Object:
        path = kind_of(made).path(namespace_of(made), name_of(made))
        query = _writing(dry_run) | {"force": "true" if force else "false", "fieldManager": manager}
        return await self._call("PATCH", path, query, made, _APPLY)

    async def patch(
        self, kind: Kind, name: str, namespace: str | None, change: Object, *, subresource: str | None = None
    ) -> Object:
        path = kind.path(namespace, name) + (f"/{subresource}" if subresource else "")
        return await self._call("PATCH", path, _writing(False), change, _MERGE)

    async def delete(
        self, kind: Kind, name: str, namespace: str | None = None, *, uid: str | None = None
    ) -> None:
        options: Object = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        await self._call("DELETE", kind.path(namespace, name), {}, options, _JSON)

    async def close(self) -> None:
        await self._session.close()

    async def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        content_type: str | None = None,
    ) -> Object:
        content = None if body is None else json.dumps(body).encode()
        headers = None if content_type is None else {"Content-Type": content_type}
        timeout = aiohttp.ClientTimeout(ANSWER_SECONDS, sock_connect=CONNECT_SECONDS)
        async with self._asked(
            method, path, query or {}, limits=timeout, content=content, headers=headers
        ) as answer:
            said = await _json(answer, self._cluster)
            if not isinstance(said, dict):
                raise ClusterUnreachable(self._cluster, "http", "what answers there is no Kubernetes API")
            return said

    @contextlib.asynccontextmanager
    async def _asked(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        *,
        limits: aiohttp.ClientTimeout,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer of a good status, still to be read; all that goes wrong becomes one of our errors."""
        try:
            async with self._session.request(
                method,
                self._server + path,
                params=query,
                data=content,
                headers=headers,
                timeout=limits,
                allow_redirects=False,
                server_hostname=self._server_name,
            ) as answer:
                if answer.status >= 300:
                    raise failure_of(self._cluster, answer.status, await _json(answer, self._cluster))
                yield answer
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            if self._refusal is not None and isinstance(error, aiohttp.ClientConnectorError):
                raise self._refusal from None
            if isinstance(error, UnixClientConnectorError):
                raise ClusterUnreachable(self._cluster, "tunnel", self._absent) from None
            raise _unreachable(self._cluster, error, limits) from error

    def _event(self, line: bytes, kind: Kind) -> WatchEvent:
        try:
            said = json.loads(line)
            made = said["object"]
            if said["type"] == "ERROR":
                raise failure_of(self._cluster, int(made.get("code", 500)), made)
            change = Change(said["type"])
            return WatchEvent(change, _whole(made, kind), str(made["metadata"]["resourceVersion"]))
        except (ValueError, KeyError, TypeError):
            raise ClusterUnreachable(self._cluster, "http", "its watch says what is no event") from None

    def _connector(self, login: ClusterLogin, sockets: TunnelSockets | None) -> aiohttp.BaseConnector:
        if login.tunnel is not None:
            path = sockets.path(login.tunnel) if sockets is not None else os.devnull
            # The agent adds its login to the head of a connection: that is one request.
            return aiohttp.UnixConnector(path, force_close=True, limit=0)
        try:
            tls = _tls(login)
        except (ssl.SSLError, ValueError) as error:
            raise ClusterUnreachable(
                self._cluster, "tls", f"its certificates cannot be used: {error}"
            ) from None
        return aiohttp.TCPConnector(ssl=tls, limit=0, ttl_dns_cache=10, socket_factory=self._socket)

    def _socket(self, info: AddrInfoType) -> socket.socket:
        """Called for each address that is about to be connected to, looked up or literal."""
        family, kind, protocol, _, address = info
        try:
            self._rules.check(_host(self._server), str(address[0]))
        except AddressRefused as refusal:
            self._refusal = refusal
            raise PermissionError(str(refusal)) from None
        self._refusal = None
        made = socket.socket(family, kind, protocol)
        # A watch is silent for long; this is how a peer that is gone is noticed within a minute.
        made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in (("TCP_KEEPIDLE", 20), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
            if hasattr(socket, option):
                made.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
        return made


def _why_absent(login: ClusterLogin, sockets: TunnelSockets | None) -> str:
    if login.agent is None or sockets is None:
        return "its agent is not connected"
    return login.agent.why_absent(sockets.machine)


def _tls(login: ClusterLogin) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=login.ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Python 3.13 sets it; the CAs that many clusters made for themselves lack an extension that it wants.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if login.certificate is not None and login.key is not None:
        # Python's ssl reads keys from files only; this one is its owner's alone, and gone a moment later.
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
            file.write(f"{login.key.rstrip()}\n{login.certificate}")
            file.flush()
            context.load_cert_chain(Path(file.name))
    return context


def _query(which: Selection) -> dict[str, str]:
    query = {}
    if which.labels:
        query["labelSelector"] = which.labels
    if which.fields:
        query["fieldSelector"] = which.fields
    return query


def _writing(dry_run: bool) -> dict[str, str]:
    query = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
    return query | {"dryRun": "All"} if dry_run else query


def _whole(made: Object, kind: Kind) -> Object:
    """Items of a list do not say what they are."""
    made.setdefault("apiVersion", kind.version)
    made.setdefault("kind", kind.name)
    return made


async def _json(answer: aiohttp.ClientResponse, cluster: str) -> Any:
    parts, size = [], 0
    async for part in answer.content.iter_any():
        size += len(part)
        if size > MAX_ANSWER:
            raise ClusterUnreachable(cluster, "http", f"it answers more than {MAX_ANSWER >> 20} MiB at once")
        parts.append(part)
    content = b"".join(parts)
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        if answer.status < 300:
            raise ClusterUnreachable(cluster, "http", "what answers there is no Kubernetes API") from None
        return content[:500].decode("utf-8", "replace").strip()


async def _lines(content: aiohttp.StreamReader, cluster: str) -> AsyncIterator[bytes]:
    rest = b""
    async for part in content.iter_any():
        *lines, rest = (rest + part).split(b"\n") if rest else part.split(b"\n")
        for line in lines:
            if line:
                yield line
        if len(rest) > MAX_EVENT:
            raise ClusterUnreachable(cluster, "http", f"one event has more than {MAX_EVENT >> 20} MiB")


def _unreachable(cluster: str, error: Exception, limits: aiohttp.ClientTimeout) -> ClusterCallFailed:
    words = str(error) or type(error).__name__
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return ClusterUnreachable(cluster, "dns", f"the name {error.host} cannot be looked up")
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        why = getattr(error.certificate_error, "verify_message", None) or words
        return ClusterUnreachable(cluster, "tls", f"its certificate is not trusted: {why}")
    if isinstance(error, aiohttp.ClientSSLError):
        return ClusterUnreachable(cluster, "tls", f"no TLS connection comes about: {words}")
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return ClusterUnreachable(cluster, "tcp", f"no connection within {CONNECT_SECONDS:.0f} s")
    if isinstance(error, aiohttp.ClientConnectorError):
        place, number = f"{error.host}:{error.port}", error.os_error.errno
        if isinstance(error.os_error, ConnectionResetError):
            return ClusterUnreachable(cluster, "tls", f"{place} ends the connection before TLS comes about")
        why = os.strerror(number) if number else words
        return ClusterUnreachable(cluster, "tcp", f"no connection to {place}: {why}")
    if isinstance(error, aiohttp.InvalidURL):
        return ClusterUnreachable(cluster, "dns", "its address is none that can be connected to")
    if isinstance(error, asyncio.TimeoutError):
        waited = limits.total or limits.sock_read or 0
        return ClusterUnreachable(cluster, "http", f"no answer within {waited:.0f} s")
    return ClusterUnreachable(cluster, "http", f"the connection broke off: {words}")


def _host(server: str) -> str:
    return server.removeprefix("https://").partition("/")[0]
