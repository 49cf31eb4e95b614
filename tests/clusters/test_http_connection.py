"""The HTTPS driver alone: what fails is named by its part, and no address is connected to unchecked."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from engines.servers.kubernetes import ControlPlane
from tests.clusters.certificates import Authority
from tests.clusters.registered import NOW
from tests.clusters.worlds import LOOPBACK, connect_to
from wherry.clusters.addresses import AddressRules
from wherry.clusters.connection import ListPage, WatchEvent
from wherry.clusters.drivers import http
from wherry.clusters.drivers.http import HttpConnection
from wherry.clusters.errors import (
    AddressRefused,
    ClusterCallFailed,
    ClusterLoginFailed,
    ClusterRefused,
    ClusterUnreachable,
    WatchExpired,
)
from wherry.clusters.kinds import POD
from wherry.clusters.kubeconfig import ClusterLogin, read_kubeconfig

AUTHORITY = Authority()
Answer = Callable[[bytes], Awaitable[bytes]]


def says(status: int, body: Any, **headers: str) -> bytes:
    """A whole answer, after which the connection closes."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return (
        f"HTTP/1.1 {status} X\r\nContent-Length: {len(content)}\r\nConnection: close\r\n{head}\r\n"
    ).encode() + content


@asynccontextmanager
async def server(tmp_path: Path, answer: Callable[[str], bytes | None]) -> AsyncIterator[ClusterLogin]:
    """TLS on a free port; `answer` gets the request's head, and None says nothing at all."""
    pair = AUTHORITY.sign("server", addresses=("127.0.0.1",))
    (tmp_path / "server.pem").write_text(pair.key + pair.certificate)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(tmp_path / "server.pem")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            said = answer(head.decode())
            if said is None:
                await reader.read()  # until the client gives up
            else:
                writer.write(said)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    port = listening.sockets[0].getsockname()[1]
    try:
        yield ClusterLogin(f"https://127.0.0.1:{port}", AUTHORITY.pem, token="t0ken")
    finally:
        listening.close()


@asynccontextmanager
async def connected(login: ClusterLogin, rules: AddressRules = LOOPBACK) -> AsyncIterator[HttpConnection]:
    made = HttpConnection("prod", login, rules)
    yield made
    await made.close()


async def failure(login: ClusterLogin, rules: AddressRules = LOOPBACK) -> Exception:
    async with connected(login, rules) as made:
        with pytest.raises((ClusterCallFailed, AddressRefused)) as refused:
            await made.version()
    return refused.value


async def unreachable(login: ClusterLogin) -> tuple[str, str]:
    error = await failure(login)
    assert isinstance(error, ClusterUnreachable)
    return error.part, str(error)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0x7f.1", "0x7f000001", "[::1]"])
async def test_every_spelling_of_this_machine_is_refused_when_connecting(tmp_path: Path, host: str) -> None:
    asked: list[str] = []
    async with server(tmp_path, lambda head: asked.append(head)) as login:
        port = login.server.rpartition(":")[2]
        error = await failure(replace(login, server=f"https://{host}:{port}"), AddressRules())
    assert isinstance(error, AddressRefused)
    assert "this machine itself" in str(error)
    assert asked == []


@pytest.mark.parametrize("host", ["2130706433", "127.1"])
async def test_numbers_that_are_no_proper_addresses_are_not_connected_to(tmp_path: Path, host: str) -> None:
    asked: list[str] = []
    async with server(tmp_path, lambda head: asked.append(head)) as login:
        port = login.server.rpartition(":")[2]
        part, said = await unreachable(replace(login, server=f"https://{host}:{port}"))
    assert (part, "none that can be connected to" in said) == ("dns", True)
    assert asked == []


async def test_a_name_is_checked_by_what_it_means_now_not_when_it_was_registered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    means = ["127.0.0.1"]
    real = socket.getaddrinfo

    def looked_up(host: Any, port: Any, *rest: Any, **more: Any) -> Any:
        named = host in ("api.example.com", b"api.example.com")
        return real(means[0] if named else host, port, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    async with server(tmp_path, lambda head: says(200, {"gitVersion": "v1.37.2"})) as login:
        named = replace(
            login, server=login.server.replace("127.0.0.1", "api.example.com"), tls_server_name="127.0.0.1"
        )
        only_this = AddressRules((ip_network("127.0.0.1/32"),))
        async with connected(named, only_this) as made:
            assert (await made.version()).git_version == "v1.37.2"
        means[0] = "169.254.169.254"
        error = await failure(named, only_this)
    assert isinstance(error, AddressRefused)
    assert (error.host, error.address) == (named.server.removeprefix("https://"), "169.254.169.254")


async def test_what_fails_is_named_by_its_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "ANSWER_SECONDS", 0.5)
    async with server(tmp_path, lambda head: None) as login:
        assert await unreachable(login) == ("http", "cluster prod: no answer within 0 s")
        part, said = await unreachable(replace(login, ca=Authority().pem))
        assert (part, "certificate is not trusted" in said) == ("tls", True)
        part, said = await unreachable(replace(login, tls_server_name="other"))
        assert (part, "not valid for 'other'" in said) == ("tls", True)
    part, said = await unreachable(login)  # nobody listens there any more
    assert (part, "refused" in said.lower()) == ("tcp", True)
    part, said = await unreachable(replace(login, server="https://nothing.invalid:6443"))
    assert (part, said) == ("dns", "cluster prod: the name nothing.invalid cannot be looked up")


async def test_a_listener_without_tls(tmp_path: Path) -> None:
    listening = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    part, _ = await unreachable(ClusterLogin(f"https://127.0.0.1:{port}", AUTHORITY.pem, token="t"))
    listening.close()
    assert part == "tls"


async def test_what_is_no_kubernetes_is_said_so(tmp_path: Path) -> None:
    for body in (b"<html>hello</html>", b"[1]", b"7", b"\xff", b"[" * 100_000):
        async with server(tmp_path, lambda head, body=body: says(200, body)) as login:  # type: ignore[misc]
            assert await unreachable(login) == (
                "http",
                "cluster prod: what answers there is no Kubernetes API",
            )


async def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    answer = says(302, b"", Location="https://169.254.169.254/latest/meta-data/")
    async with server(tmp_path, lambda head: answer) as login:
        error = await failure(login)
    assert isinstance(error, ClusterRefused)
    assert error.reason == "302"


async def test_an_answer_without_end_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_ANSWER", 1000)
    async with server(tmp_path, lambda head: says(200, b"x" * 5000)) as login:
        part, said = await unreachable(login)
    assert (part, "answers more than" in said) == ("http", True)


@pytest.mark.parametrize(
    ("code", "body", "kind", "said"),
    [
        (401, {"message": "Unauthorized", "reason": "Unauthorized"}, ClusterLoginFailed, "does not accept"),
        (403, {"message": "exceeded quota: q", "reason": "Forbidden"}, ClusterRefused, "exceeded quota: q"),
        (400, {"message": 'admission webhook "w" denied the request: no'}, ClusterRefused, "denied the req"),
        (410, {"message": "too old", "reason": "Expired"}, WatchExpired, "too old"),
        (429, {"message": "too many requests"}, ClusterUnreachable, "cannot serve this now"),
        (503, b"upstream connect error", ClusterUnreachable, "upstream connect error"),
        (500, {"message": "etcdserver: no leader"}, ClusterRefused, "no leader"),
        (422, {"message": "x", "details": {"causes": "no list"}}, ClusterRefused, "x"),
        (422, b"", ClusterRefused, "HTTP status 422"),
    ],
)
async def test_the_clusters_own_words_reach_the_user(
    tmp_path: Path, code: int, body: Any, kind: type[Exception], said: str
) -> None:
    async with server(tmp_path, lambda head: says(code, body)) as login:
        error = await failure(login)
    assert type(error) is kind
    assert said in str(error)


async def test_the_token_is_sent_and_nothing_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    asked: list[str] = []

    def answer(head: str) -> bytes:
        asked.append(head)
        return says(200, {"gitVersion": "v1.37.2", "platform": "linux/arm64"})

    async with server(tmp_path, answer) as login, connected(login) as made:
        assert (await made.version()).platform == "linux/arm64"
    assert "Authorization: Bearer t0ken\r\n" in asked[0]


async def listed(login: ClusterLogin) -> list[ListPage]:
    async with connected(login) as made:
        return [page async for page in made.list(POD)]


async def test_a_list_that_grows_old_between_its_pages_is_read_again(tmp_path: Path) -> None:
    answers = [
        says(200, {"metadata": {"resourceVersion": "5", "continue": "c"}, "items": [{"metadata": {}}]}),
        says(410, {"reason": "Expired", "message": "too old"}),
        says(200, {"metadata": {"resourceVersion": "9"}, "items": [{"metadata": {"name": "a"}}]}),
    ]
    async with server(tmp_path, lambda head: answers.pop(0)) as login:
        pages = await listed(login)
    assert [page.resource_version for page in pages] == ["5", "9"]
    assert pages[1].items[0] == {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}


async def watched(login: ClusterLogin) -> list[WatchEvent]:
    async with connected(login) as made:
        return [event async for event in made.watch(POD, "1")]


async def test_a_watch_reads_events_wherever_they_are_cut(tmp_path: Path) -> None:
    line = b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"7"}}}\n'
    async with server(tmp_path, lambda head: says(200, line * 3)) as login:
        assert [event.resource_version for event in await watched(login)] == ["7", "7", "7"]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b'{"type":"ERROR","object":{"code":410,"reason":"Expired","message":"too old"}}\n', WatchExpired),
        (b'{"type":"ERROR","object":{"code":403,"message":"no"}}\n', ClusterRefused),
        (b"nonsense\n", ClusterUnreachable),
        (b'{"type":"SOMETHING","object":{}}\n', ClusterUnreachable),
        (b"7\n", ClusterUnreachable),
        (b"x" * 9_000_000, ClusterUnreachable),
    ],
)
async def test_what_a_watch_cannot_tell_is_an_error(
    tmp_path: Path, content: bytes, kind: type[Exception]
) -> None:
    async with server(tmp_path, lambda head: says(200, content)) as login:
        with pytest.raises(kind):
            await watched(login)


@pytest.mark.engine("kubernetes")
async def test_a_revoked_token_is_said_so(plane: ControlPlane) -> None:
    made = connect_to(plane, "never-issued")
    with pytest.raises(ClusterLoginFailed, match="does not accept the login"):
        await made.get(POD, "a", "default")
    await made.close()


@pytest.mark.engine("kubernetes")
async def test_a_client_certificate_logs_in_to_a_real_cluster(plane: ControlPlane) -> None:
    text = plane.kubeconfig_of(plane.authority.client("ann", ["system:masters"]))
    made = HttpConnection("world", read_kubeconfig(text, NOW).login(), LOOPBACK)
    assert (await made.version()).git_version.startswith("v1.")
    assert [page async for page in made.list(POD)][-1].resource_version
    await made.close()


@pytest.mark.engine("kubernetes")
async def test_what_somebody_may_not_is_said_in_the_clusters_words(plane: ControlPlane) -> None:
    made = connect_to(plane, plane.service_account_token("weak"))
    with pytest.raises(ClusterRefused, match='cannot get resource "pods"'):
        await made.get(POD, "a", "default")
    await made.close()
