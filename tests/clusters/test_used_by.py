"""The registry knows which digest runs where, also of clusters that do not answer, so that it stays."""

from __future__ import annotations

from typing import Any

from tests.clusters.registered import NOW, register
from tests.databases import Do, FixedClock
from wherry.clusters.cluster import State, get_cluster
from wherry.clusters.register import remove_cluster
from wherry.clusters.used_by import (
    Running,
    in_use,
    record_running,
    record_state,
    running_images_of,
    used_by,
)
from wherry.clusters.watching.seen import SeenContainer, SeenPod
from wherry.oci.names import RepositoryName

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64
HOSTS = ("registry.example.com", "registry.example.com:443")
WEB = RepositoryName("acme/web")


def pod(name: str, image: str, digest: str | None = None, **more: Any) -> SeenPod:
    container = SeenContainer("c", image, digest, True, 0, None, None)
    given = {"owner": ("Deployment", "web"), "phase": "Running"} | more
    return SeenPod("shop", name, given["owner"], given["phase"], True, "n", (container,), None)


def test_pods_are_counted_by_what_they_really_run() -> None:
    image = "registry.example.com/acme/web:1"
    found = running_images_of(
        [
            pod("a", image, A),
            pod("b", image, A),
            pod("c", image, B),  # the tag moved in between
            pod("d", image),  # still pulling
            pod("e", f"registry.example.com:443/acme/web@{B}", owner=None),
            pod("f", "docker.io/library/nginx:1", A),
            pod("g", "nginx", A),
            pod("h", "Not:An:Image", A),
            pod("i", image, A, phase="Succeeded"),
        ],
        HOSTS,
    )
    assert [(one.kind, one.workload, one.digest, one.tag, one.pods) for one in found] == [
        ("Deployment", "web", "", "1", 1),
        ("Deployment", "web", A, "1", 2),
        ("Deployment", "web", B, "1", 1),
        ("Pod", "e", B, None, 1),
    ]
    assert {one.repository for one in found} == {"acme/web"}


def running(digest: str, workload: str = "web") -> Running:
    return Running("shop", "Deployment", workload, "h/acme/web:1", digest, "acme/web", "1", 2)


def test_what_runs_is_in_use_until_it_does_not(do: Do, clock: FixedClock) -> None:
    prod, test = register(do, "prod"), register(do, "test")
    assert do(record_running, prod, [running(A), running(B)], NOW) is True
    assert do(record_running, test, [running(A)], NOW) is True
    assert do(record_running, test, [running(A)], clock.move(hours=1)) is False
    assert do(in_use, [A, B, "sha256:" + "c" * 64]) == {A, B}
    uses = do(used_by, WEB)
    assert {digest: [use.cluster for use in found] for digest, found in uses.items()} == {
        A: ["prod", "test"],
        B: ["prod"],
    }
    assert uses[B][0].running == running(B)
    assert uses[B][0].seen_at == NOW
    assert set(do(used_by, WEB, visible=["test"])) == {A}
    assert do(used_by, RepositoryName("acme/other")) == {}
    do(record_running, prod, [], clock.now())
    assert do(in_use, [A, B]) == {A}
    do(remove_cluster, "test")
    assert do(in_use, [A, B]) == frozenset()


def test_any_number_of_digests_can_be_asked_about(do: Do) -> None:
    do(record_running, register(do, "prod"), [running(A)], NOW)
    many = [f"sha256:{number:064x}" for number in range(5000)]
    assert do(in_use, [*many, A]) == {A}
    assert do(in_use, []) == frozenset()


def test_the_state_of_a_cluster_is_remembered(do: Do) -> None:
    prod = register(do, "prod")
    seen = State("v1.37.2", 3, 2, ("amd64", "arm64"), 0.012, None, NOW, None)
    do(record_state, prod, seen)
    assert do(get_cluster, "prod").state == seen
    assert seen.word == "Running"
    gone = State("v1.37.2", 3, 2, (), 0.012, "no connection", NOW, NOW)
    do(record_state, prod, gone)
    assert do(get_cluster, "prod").state == gone
    assert gone.word == "Unavailable"
