"""A push by a real client rolls pods on real nodes; what cannot run is rolled back, and the history says why.

Everything is real: a Wherry server, a kube-apiserver with its controllers, kubelets on containerd that pull
from that Wherry with a secret that it made. All that is asked of it is asked over its API.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from engines.pytest_plugin import require
from engines.servers import RealCluster, Wherry, wherry, write_image_archive

T = TypeVar("T")

RUNS = ["/bin/busybox", "sh", "-c", "trap 'exit 0' TERM; while :; do /bin/busybox sleep 1; done"]
ENDS = ["/bin/busybox", "false"]
MISSING = ["/bin/server"]
WEB = "/organizations/acme/images/web"
TRIGGER = f"{WEB}/triggers/prod"
FAILURES = 3

pytestmark = [pytest.mark.engine("kubernetes"), pytest.mark.slow]


@pytest.fixture
def registry(nodes: RealCluster, tmp_path: Path) -> Iterator[Wherry]:
    settings = {"WHERRY_CLUSTERS_ALLOWED_NETWORKS": f"{nodes.network.apiserver_address}/32"}
    with wherry(tmp_path / "data", settings=settings, address=nodes.network.address) as server:
        nodes.trust(server.host)
        yield server


class Shop:
    """acme/web, and its Deployment `web` of two pods in one namespace of the cluster `prod`."""

    def __init__(
        self, server: Wherry, nodes: RealCluster, namespace: str, http: httpx.Client, folder: Path
    ) -> None:
        self._server, self._plane, self._namespace = server, nodes.plane, namespace
        self._http, self._folder = http, folder

    def push(self, tag: str, command: Sequence[str], architecture: str | None = None) -> str:
        """By skopeo, as a pipeline does; answers the digest."""
        archive = self._folder / f"{tag}.tar"
        programs = [require("busybox-static")]
        digest = write_image_archive(archive, "app:1", programs, command, note=tag, architecture=architecture)
        login = f"--dest-creds={self._server.username}:{self._server.password}"
        given = ["--quiet", "--preserve-digests", "--dest-tls-verify=false", login]
        image = f"docker://{self._server.host}/acme/web:{tag}"
        subprocess.run([require("skopeo"), "copy", *given, f"oci-archive:{archive}", image], check=True)
        archive.unlink()
        return digest

    def push_index(self, tag: str, architecture: str) -> None:
        """By crane, of an image for this architecture and no other."""
        self.push(f"{architecture}-{tag}", RUNS, architecture)
        image = f"{self._server.host}/acme/web"
        login = base64.b64encode(f"{self._server.username}:{self._server.password}".encode()).decode()
        (self._folder / "config.json").write_text(json.dumps({"auths": {self._server.host: {"auth": login}}}))
        given = ["--insecure", "-m", f"{image}:{architecture}-{tag}", "-t", f"{image}:{tag}"]
        subprocess.run(
            [require("crane"), "index", "append", *given],
            env={**os.environ, "DOCKER_CONFIG": str(self._folder)},
            capture_output=True,
            check=True,
        )

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._http.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def deploy(self, tag: str) -> None:
        """With a pull secret whose key may pull this image and nothing else."""
        kubeconfig = self._plane.kubeconfig.read_text()
        cluster = {"name": "prod", "kubeconfig": kubeconfig, "makes_default_secret": False}
        self.ask("POST", "/organizations/acme/clusters", cluster)
        secret = {"name": "web-pull", "namespace": self._namespace, "new_key": {"pulls": "acme/web"}}
        self.ask("POST", "/clusters/prod/pull-secrets", secret)
        pod = {
            "containers": [{"name": "app", "image": f"{self._server.host}/acme/web:{tag}"}],
            "pull_secrets": [{"name": "web-pull"}],
            "termination_grace": 1,
        }
        form = {"kind": "Deployment", "name": "web", "namespace": self._namespace, "pods": 2, "pod": pod}
        self.ask("POST", "/clusters/prod/workloads", {"workload": form})

    def make_trigger(self) -> None:
        target = {"namespace": self._namespace, "kind": "Deployment", "name": "web", "waves": [["prod"]]}
        options = {"deadline": 40, "pause_after": FAILURES}
        body = {"name": "prod", "condition": {"kind": "glob", "text": "v*"}, "target": target}
        self.ask("POST", f"{WEB}/triggers", body | {"options": options})

    def ended(self, count: int) -> dict[str, Any]:
        """The newest run, when there are so many of them and it is over."""

        def look() -> dict[str, Any] | None:
            runs = self.ask("GET", f"{TRIGGER}/runs")["items"]
            is_over = len(runs) >= count and runs[0]["ended_at"] is not None
            assert len(runs) <= count, runs
            return dict(runs[0]) if is_over else None

        return until(look)

    def pods_run(self, digest: str) -> bool:
        """Whether there are two ready pods, both of this image, as their nodes say."""
        path = f"/api/v1/namespaces/{self._namespace}/pods"
        items = self._plane.request("GET", path)["items"]
        left = [one for one in items if not one["metadata"].get("deletionTimestamp")]
        found = [status for one in left for status in one["status"].get("containerStatuses", ())]
        return [one["ready"] and one["imageID"].endswith(digest) for one in found] == [True, True]


@pytest.fixture
def shop(registry: Wherry, nodes: RealCluster, nodes_namespace: str, tmp_path: Path) -> Iterator[Shop]:
    login = (registry.username, registry.password)
    with httpx.Client(base_url=f"{registry.url}/api/v1", auth=login, timeout=60) as http:
        yield Shop(registry, nodes, nodes_namespace, http, tmp_path)


def until(look: Callable[[], T | None], seconds: float = 60) -> T:
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return found


def test_a_push_rolls_the_pods_and_what_cannot_run_is_rolled_back(shop: Shop) -> None:
    first = shop.push("v1", RUNS)
    shop.deploy("v1")
    until(lambda: shop.pods_run(first))
    shop.make_trigger()
    numbers = itertools.count(1)

    second = shop.push("v2", RUNS)
    run = shop.ended(next(numbers))
    assert (run["state"], run["digest"], run["pushed_by"]) == ("success", second, "admin"), run
    assert "2 of 2 pods ready, 2 of the new version" in run["detail"]
    until(lambda: shop.pods_run(second))

    broken: list[tuple[Callable[[str], object], str]] = [
        (lambda tag: shop.push(tag, ENDS), "it ended with exit code 1"),
        (
            lambda tag: shop.push_index(tag, "s390x"),
            "the image is not there for the architecture of the node",
        ),
        (lambda tag: shop.push(tag, MISSING), "it cannot be started: "),
    ]
    for number, (push, why) in enumerate(broken, 3):
        push(f"v{number}")
        run = shop.ended(next(numbers))
        assert run["state"] == "rolled back", run
        assert why in run["detail"]
        assert f"acme/web:v2@{second}; 2 of 2 pods ready" in run["detail"]
        until(lambda: shop.pods_run(second))
        trigger = shop.ask("GET", TRIGGER)
        assert (trigger["failures"], trigger["fires"]) == (number - 2, number - 2 < FAILURES), trigger

    # It has paused itself, and says why: nothing more is touched until somebody lets it go on.
    assert trigger["paused_because"].startswith("3 failures in a row, the last one: pod web-")
    assert f"{MISSING[0]}: no such file or directory" in trigger["paused_because"]
    shop.push("v6", RUNS)
    let_by = shop.ended(next(numbers))
    assert (let_by["state"], let_by["detail"]) == ("skipped", trigger["why_not"])
    planned = shop.ask("GET", f"{WEB}/trigger-preview?tag=v6")["triggers"]
    assert [(one["fires"], one["why_not"]) for one in planned] == [(False, trigger["why_not"])]
    shop.ask("DELETE", f"{TRIGGER}/pause")

    last = shop.push("v7", RUNS)
    run = shop.ended(next(numbers))
    assert run["state"] == "success", run
    until(lambda: shop.pods_run(last))
    assert shop.ask("GET", TRIGGER)["failures"] == 0

    # What ran before is what one goes back to by hand.
    [good] = [one for one in shop.ask("GET", f"{TRIGGER}/runs")["items"] if one["tag"] == "v2"]
    shop.ask("POST", f"{WEB}/trigger-runs/{good['id']}/replay")
    run = shop.ended(next(numbers))
    assert (run["state"], run["tag"], run["digest"]) == ("success", "v2", second), run
    until(lambda: shop.pods_run(second))
