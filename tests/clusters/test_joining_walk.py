"""A cluster joins: a real server, a real kube-apiserver, and the manifest's agent, with its rights only."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from engines.pytest_plugin import require
from engines.servers.kubernetes import ControlPlane, control_plane
from engines.servers.process import ending
from engines.servers.wherry import Wherry, start_wherry, wherry
from tests.cli.served import PASSWORD, Served, run, served
from tests.clusters.joined import Pod, until

pytestmark = [pytest.mark.engine("kubernetes"), pytest.mark.slow]


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """One of its own: agents of other registries would be in the same namespace."""
    require("kubernetes")
    require("kubectl")
    with control_plane() as running:
        running.add_nodes(1)
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("joins") / "data", "--workers", "2") as running:
        assert run("user", "list", environ={"WHERRY_DATA": str(running.data)}).returncode == 0
        yield running


class Typed:
    """Commands on the data folder of a running server."""

    def __init__(self, server: Served | Wherry) -> None:
        self.server = server

    def __call__(self, *arguments: str) -> str:
        done = run(
            *arguments,
            environ={"WHERRY_DATA": str(self.server.data), "WHERRY_PUBLIC_URL": self.server.url},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def rows(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--json"))

    def state(self, name: str) -> Any:
        [row] = [row for row in self.rows("cluster", "list") if row["name"] == name]
        return row


@pytest.fixture(scope="module")
def typed(server: Served) -> Typed:
    return Typed(server)


def fetch(line: str) -> httpx.Response:
    """What `kubectl apply -f` would get."""
    with httpx.Client(trust_env=False) as http:
        return http.get(line.strip().removeprefix("kubectl apply -f "))


@pytest.fixture
def pod(typed: Typed, plane: ControlPlane, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Pod]:
    """The cluster `edge` has joined, and is watched."""
    made = Pod(plane, fetch(typed("cluster", "join", "edge")).text, tmp_path / "pod")
    made.start()
    try:
        until(lambda: typed.state("edge")["status"] == "Running")
        yield made
    finally:
        made.stop()
        run("cluster", "remove", "edge", environ={"WHERRY_DATA": str(typed.server.data)})


def test_a_cluster_joins_and_is_used_as_any_other(typed: Typed, plane: ControlPlane, pod: Pod) -> None:
    state = typed.state("edge")
    assert (state["server"], state["nodes"]) == ("agent", "1/1")
    shown = typed.rows("cluster", "show", "edge")
    assert shown["now"] == "Running"
    typed(
        "workload",
        "create",
        "edge",
        "demo",
        "--image",
        "registry.example/acme/web:1",
        "--pods",
        "2",
        "--watch",
    )
    assert plane.kubectl("get", "deployment", "demo", "-o", "jsonpath={.spec.replicas}") == "2"
    # What is changed in the cluster is seen by the watch, in a process of the server.
    plane.kubectl("label", "node", "--all", "seen=yes")
    plane.add_nodes(1, prefix="late")
    until(lambda: typed.state("edge")["nodes"] == "2/2")


def test_the_line_is_good_once(typed: Typed, plane: ControlPlane) -> None:
    line = typed("cluster", "join", "once")
    try:
        assert fetch(line).status_code == 200
        again = fetch(line)
        assert again.status_code == 404
        assert "it was used" in again.text
        assert fetch(line[:-5] + "AAAA\n").status_code == 404
        assert typed.state("once")["status"] in ("Unknown", "Unavailable")
        token = line.strip().rpartition("/")[2]
        assert isinstance(typed.server, Served)
        assert token not in typed.server.out, "a token is in the log"
    finally:
        typed("cluster", "remove", "once")


def test_before_the_agent_comes_the_state_says_so(typed: Typed) -> None:
    typed("cluster", "join", "late", "--manifest", "-")
    try:
        until(lambda: "waiting for the agent" in str(typed.state("late").get("problem")))
        shown = typed.rows("cluster", "show", "late")
        assert "waiting for the agent" in shown["problem"]
    finally:
        typed("cluster", "remove", "late")


def test_an_agent_without_a_credential_is_not_let_in(typed: Typed, pod: Pod) -> None:
    headers = {
        "upgrade": "websocket",
        "connection": "upgrade",
        "sec-websocket-version": "13",
        "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    with httpx.Client(trust_env=False, base_url=typed.server.url) as http:
        for more in ({}, {"authorization": "Bearer guessed"}, {"authorization": "Basic YTpi"}):
            assert http.get("/tunnel", headers=headers | more).status_code == 401
        assert http.get("/elsewhere", headers=headers).status_code == 403
        assert http.get("/tunnel").status_code == 426
        assert http.get("/v2/", auth=("admin", PASSWORD)).status_code == 200


def test_an_agent_that_is_killed_is_missed_and_comes_back(typed: Typed, pod: Pod) -> None:
    pod.stop()
    until(lambda: typed.state("edge")["stale_since"] is not None)
    assert "not connected" in typed.state("edge")["problem"]
    shown = typed.rows("cluster", "show", "edge")
    assert "its agent is not connected since 2" in shown["problem"]
    pod.start()
    until(lambda: typed.state("edge")["status"] == "Running")


def test_a_removed_cluster_ends_its_tunnel_within_seconds(typed: Typed, pod: Pod) -> None:
    typed("cluster", "remove", "edge")
    until(lambda: "not wanted: this agent's credential is of no use any more" in pod.said, 10)
    assert not list((typed.server.data / "tunnels").iterdir())


def test_another_manifest_ends_the_credential_before(
    typed: Typed, plane: ControlPlane, pod: Pod, tmp_path: Path
) -> None:
    other = Pod(plane, typed("cluster", "join", "edge", "--manifest", "-"), tmp_path / "other")
    assert pod.process is not None
    until(lambda: typed.state("edge")["status"] == "Running")
    other.start()
    try:
        until(lambda: "not wanted" in pod.said, 20)
        until(lambda: typed.rows("cluster", "show", "edge").get("now") == "Running")
    finally:
        other.stop()


def test_a_manifest_in_another_cluster_is_refused(typed: Typed, pod: Pod, tmp_path: Path) -> None:
    with control_plane() as elsewhere:
        other = Pod(elsewhere, typed("cluster", "join", "edge", "--manifest", "-"), tmp_path / "other")
        other.start()
        try:
            until(lambda: "another cluster than the one that joined first" in other.said)
        finally:
            other.stop()
    assert typed.rows("cluster", "show", "edge")["now"] == "Running"


def test_a_big_list_and_many_requests_at_once(typed: Typed, plane: ControlPlane, pod: Pod) -> None:
    plane.kubectl("create", "namespace", "big")
    text = "x" * 900_000
    with ThreadPoolExecutor(4) as threads:
        list(
            threads.map(
                lambda number: plane.request(
                    "POST",
                    "/api/v1/namespaces/big/configmaps",
                    {"metadata": {"name": f"c{number}"}, "data": {"text": text}},
                ),
                range(12),
            )
        )
    sockets = list((typed.server.data / "tunnels").iterdir())
    assert len(sockets) == 1
    assert sockets[0].stat().st_mode & 0o777 == 0o600
    transport = httpx.HTTPTransport(uds=str(sockets[0]))
    with httpx.Client(transport=transport, base_url="http://kubernetes", timeout=60) as http:
        once = {"connection": "close"}
        began = time.monotonic()
        whole = http.get("/api/v1/namespaces/big/configmaps", headers=once)
        assert whole.status_code == 200
        assert len(whole.content) > 10_000_000
        with ThreadPoolExecutor(50) as threads:
            answers = list(threads.map(lambda _: http.get("/api/v1/namespaces", headers=once), range(50)))
        assert {answer.status_code for answer in answers} == {200}
        assert time.monotonic() - began < 30
        # What the role does not allow is refused by the cluster; nobody else can be acted as.
        assert http.get("/apis/rbac.authorization.k8s.io/v1/clusterroles", headers=once).status_code == 403
        acting = {**once, "impersonate-user": "kubernetes-admin", "impersonate-group": "system:masters"}
        assert http.get("/apis/rbac.authorization.k8s.io/v1/clusterroles", headers=acting).status_code == 403


def test_a_server_that_starts_anew_is_found_again(plane: ControlPlane, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with wherry(data) as first:
        typed = Typed(first)
        pod = Pod(plane, fetch(typed("cluster", "join", "again")).text, tmp_path / "pod")
        pod.start()
        until(lambda: typed.state("again")["status"] == "Running")
    try:
        second = start_wherry(data, port=int(first.host.rpartition(":")[2]))
        with ending(second.process):
            until(lambda: pod.said.count("Z connected to http") == 2)
            until(lambda: typed.rows("cluster", "show", "again").get("now") == "Running")
            until(lambda: typed.state("again")["stale_since"] is None)
    finally:
        pod.stop()
