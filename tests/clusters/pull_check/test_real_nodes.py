"""A pull check on real kubelets: what is wrong is named as the nodes say it, and nothing stays behind.

Everything is real: a Wherry server, a kube-apiserver, kubelets on containerd that pull from that Wherry.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from functools import partial
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from engines.servers import RealCluster, Wherry, wherry
from tests.clusters.certificates import Authority
from tests.clusters.registered import NOW
from tests.clusters.test_walk import Typed
from wherry.app.wiring import open_blob_store, open_sealer
from wherry.blobs.intake import Intake
from wherry.clusters.addresses import AddressRules
from wherry.clusters.connection import ClusterConnection
from wherry.clusters.drivers.http import HttpConnection
from wherry.clusters.kubeconfig import read_kubeconfig
from wherry.clusters.pull_check.check import Asked, PullCheck, run_check
from wherry.clusters.pull_check.image import REPOSITORY, build_image
from wherry.clusters.pull_check.pods import CHECK
from wherry.clusters.pull_check.targets import EACH_ARCHITECTURE, Wanted, choose_targets
from wherry.clusters.pull_secrets.documents import RegistryLogin
from wherry.clusters.watching.pull_failures import PullPart
from wherry.clusters.watching.seen import SeenNode
from wherry.db.database import Database
from wherry.identity.robots import list_robots
from wherry.kit.clock import SystemClock
from wherry.registry.manifest_list import page_of_manifests
from wherry.settings import Settings
from wherry.web.pull_checking import CheckRequest, PullChecking, check_pulls

pytestmark = [pytest.mark.engine("kubernetes"), pytest.mark.slow]

IMAGE = f"{REPOSITORY}@sha256:{'0' * 64}"


@pytest.fixture(scope="module")
def registry(nodes: RealCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wherry]:
    """A Wherry that the nodes reach, over plain HTTP as they were told."""
    folder = tmp_path_factory.mktemp("pull-check")
    with wherry(folder / "data", address=nodes.network.address) as server:
        nodes.trust(server.host)
        yield server


@pytest.fixture
async def parts(registry: Wherry) -> AsyncIterator[PullChecking]:
    """As the server itself would work, on the same data folder."""
    settings = Settings(data=registry.data)
    database, store = Database(settings.effective_database_url), open_blob_store(settings)
    yield PullChecking(database, store, Intake(store), open_sealer(settings), SystemClock(), registry.host)
    await store.close()
    database.close()


@pytest.fixture
async def connection(nodes: RealCluster) -> AsyncIterator[ClusterConnection]:
    login = read_kubeconfig(nodes.plane.kubeconfig.read_text(), NOW).login()
    rules = AddressRules((ip_network(f"{nodes.network.address}/32"),))
    made = HttpConnection("real", login, rules)
    yield made
    await made.close()


def leftovers(nodes: RealCluster) -> list[Any]:
    found = []
    for plural in ("pods", "secrets"):
        found += nodes.plane.request("GET", f"/api/v1/{plural}?labelSelector={CHECK.replace('/', '%2F')}")[
            "items"
        ]
    return [one["metadata"]["name"] for one in found if not one["metadata"].get("deletionTimestamp")]


async def nothing_is_left(nodes: RealCluster, parts: PullChecking) -> bool:
    robots = await parts.database.read(lambda tx: list_robots(tx, "library"))
    page = await parts.database.read(lambda tx: page_of_manifests(tx, REPOSITORY))
    return not leftovers(nodes) and not robots and not page.items


async def test_a_node_that_can_pull_is_well_each_time_anew(
    nodes: RealCluster, parts: PullChecking, connection: ClusterConnection
) -> None:
    for request in (CheckRequest(), CheckRequest(wanted=Wanted(every_node=True))):
        done = await check_pulls(parts, connection, request)
        assert done.is_well, done
        assert done.left == ()
        assert await nothing_is_left(nodes, parts)
    assert [one.node for one in done.results] == ["real-0", "real-1"]
    assert {one.architecture for one in done.results} == {"amd64"}
    assert max(one.seconds for one in done.results) < 30


async def test_an_architecture_without_a_node_is_said(
    nodes: RealCluster, parts: PullChecking, connection: ClusterConnection
) -> None:
    done = await check_pulls(parts, connection, CheckRequest(wanted=Wanted(architectures=("s390x",))))
    [one] = done.results
    assert one.failure is not None
    assert (one.architecture, one.failure.part) == ("s390x", PullPart.NODE)
    assert await nothing_is_left(nodes, parts)


async def test_a_cancelled_check_leaves_nothing(
    nodes: RealCluster, parts: PullChecking, connection: ClusterConnection
) -> None:
    elsewhere = replace(parts, host=f"{nodes.network.prefix}.200.1:5000")  # nobody answers there
    task = asyncio.create_task(check_pulls(elsewhere, connection, CheckRequest(seconds=60)))
    while not leftovers(nodes):  # noqa: ASYNC110 (of another program)
        await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await nothing_is_left(nodes, parts)


async def tried(connection: ClusterConnection, image: str, **more: Any) -> PullCheck:
    asked = Asked(f"t{id(image):x}"[-12:], image, seconds=more.pop("seconds", 60.0), **more)
    node = SeenNode("real-0", "amd64", is_ready=True, is_schedulable=True)
    return await run_check(connection, asked, choose_targets([node], EACH_ARCHITECTURE), SystemClock())


def part_of(done: PullCheck) -> PullPart:
    [one] = done.results
    assert one.failure is not None, done
    return one.failure.part


@pytest.fixture
def knows_no_name(nodes: RealCluster, tmp_path: Path) -> Iterator[None]:
    """The first node asks a name server that knows no name at all."""
    node, address = nodes.nodes[0], nodes.network.address
    (tmp_path / "resolv.conf").write_text(f"nameserver {address}\noptions ndots:0\n")
    node.run("mount", "--bind", tmp_path / "resolv.conf", "/etc/resolv.conf")
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((address, 53))

    def answer() -> None:
        with contextlib.suppress(OSError):
            while True:
                asked, sender = server.recvfrom(512)
                if not asked:
                    return
                # The question again, with: answer, recursion available, no such name (RFC 1035 §4.1.1).
                server.sendto(asked[:2] + b"\x81\x83" + asked[4:6] + bytes(6) + question_of(asked), sender)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    time.sleep(6)  # programs in Go look at the file every five seconds
    try:
        yield
    finally:
        node.run("umount", "/etc/resolv.conf")
        server.sendto(b"", (address, 53))
        thread.join(5)
        server.close()


def question_of(asked: bytes) -> bytes:
    end = asked.index(b"\0", 12) + 5
    return asked[12:end]


@pytest.mark.usefixtures("knows_no_name")
async def test_a_name_that_nobody_knows(nodes: RealCluster, connection: ClusterConnection) -> None:
    done = await tried(connection, f"no-such-host.invalid:5000/{IMAGE}")
    assert part_of(done) is PullPart.DNS, done
    assert leftovers(nodes) == []


async def test_a_port_that_is_closed(nodes: RealCluster, connection: ClusterConnection) -> None:
    with socket.create_server((nodes.network.address, 0)) as closed:
        port = closed.getsockname()[1]
    done = await tried(connection, f"{nodes.network.address}:{port}/{IMAGE}")
    assert part_of(done) is PullPart.TCP, done


async def test_packets_that_are_lost(nodes: RealCluster, connection: ClusterConnection) -> None:
    with socket.create_server((nodes.network.address, 0), backlog=1) as silent:
        host = f"{nodes.network.address}:{silent.getsockname()[1]}"
        done = await tried(connection, f"{host}/{IMAGE}", seconds=6.0)
    assert part_of(done) in (PullPart.TIMEOUT, PullPart.TCP, PullPart.TLS), done


async def test_a_certificate_that_the_node_does_not_trust(
    nodes: RealCluster, connection: ClusterConnection, tmp_path: Path
) -> None:
    pair = Authority().sign("registry", addresses=(nodes.network.address,))
    (tmp_path / "cert.pem").write_text(pair.certificate)
    (tmp_path / "key.pem").write_text(pair.key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    with listening(nodes.network.address, context) as host:
        done = await tried(connection, f"{host}/{IMAGE}")
    assert part_of(done) is PullPart.TLS, done
    assert "does not trust the registry's certificate" in str(done.results[0].failure)


async def test_a_registry_without_tls_that_the_node_was_not_told_of(
    nodes: RealCluster, connection: ClusterConnection, tmp_path: Path
) -> None:
    with wherry(tmp_path / "data", address=nodes.network.address) as plain:
        done = await tried(connection, f"{plain.host}/{IMAGE}")
    assert part_of(done) is PullPart.TLS, done
    assert "speaks plain HTTP there" in str(done.results[0].failure)


async def test_a_login_that_is_not_accepted(
    nodes: RealCluster, connection: ClusterConnection, registry: Wherry
) -> None:
    wrong = RegistryLogin(registry.host, "admin", "wrong")
    done = await tried(connection, f"{registry.host}/{IMAGE}", login=wrong)
    assert part_of(done) is PullPart.CREDENTIALS, done
    assert leftovers(nodes) == []


async def test_an_image_for_another_architecture(
    nodes: RealCluster, connection: ClusterConnection, parts: PullChecking, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = partial(build_image, {"s390x"})
    monkeypatch.setattr("wherry.web.pull_checking.build_image", lambda _nodes, nonce: other(nonce))
    done = await check_pulls(parts, connection, CheckRequest())
    assert part_of(done) is PullPart.ARCHITECTURE, done


async def test_the_image_that_somebody_names_with_the_secrets_of_its_namespace(
    nodes: RealCluster, connection: ClusterConnection, parts: PullChecking, registry: Wherry
) -> None:
    request = CheckRequest(image=f"{registry.host}/acme/none:1", secrets=("none",))
    done = await check_pulls(parts, connection, request)
    assert part_of(done) in (PullPart.CREDENTIALS, PullPart.IMAGE, PullPart.RIGHTS), done
    assert leftovers(nodes) == []


@contextlib.contextmanager
def listening(address: str, context: ssl.SSLContext) -> Iterator[str]:
    """A server that shakes hands, and says no more."""
    server = socket.create_server((address, 0))

    def serve() -> None:
        while True:
            try:
                taken, _ = server.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), context.wrap_socket(taken, server_side=True):
                pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"{address}:{server.getsockname()[1]}"
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(5)


def test_as_typed(nodes: RealCluster, registry: Wherry) -> None:
    typed = Typed(registry, f"{nodes.network.address}/32")
    typed("cluster", "add", "prod", "--kubeconfig", str(nodes.plane.kubeconfig), "--no-default-secret")
    done = typed.rows("cluster", "check", "prod", "--registry", registry.host, "--node", "real-1")
    assert done["well"], done
    assert [(one["node"], one["pulls"], one["part"]) for one in done["nodes"]] == [("real-1", True, None)]
    assert "yes" in typed("cluster", "check", "prod", "--registry", registry.host)
    assert leftovers(nodes) == []
