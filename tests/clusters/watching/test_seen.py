"""What is kept of live objects: a status in the table's words, pods with what they wait for and what runs."""

from __future__ import annotations

from typing import Any

import pytest

from wherry.clusters.watching.pull_failures import PullPart
from wherry.clusters.watching.seen import Word, digest_of, see_node, see_pod, see_workload, word_of

DIGEST = "sha256:" + "ab" * 32


def deployment(spec: dict[str, Any], status: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "generation": 2, "uid": "u"} | metadata,
        "spec": {"replicas": 3} | spec,
        "status": {"observedGeneration": 2} | status,
    }


def all_of(count: int) -> dict[str, int]:
    return dict.fromkeys(("replicas", "readyReplicas", "updatedReplicas", "availableReplicas"), count)


STUCK = {"conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]}


@pytest.mark.parametrize(
    ("live", "word"),
    [
        (deployment({}, all_of(3)), Word.RUNNING),
        (deployment({"replicas": 0}, {}), Word.RUNNING),
        (deployment({}, all_of(3) | {"readyReplicas": 2, "availableReplicas": 2}), Word.AVAILABLE),
        (deployment({}, all_of(3) | {"readyReplicas": 0, "availableReplicas": 0}), Word.UNREADY),
        (deployment({}, all_of(3) | {"updatedReplicas": 1}), Word.UPGRADING),
        (deployment({}, all_of(3) | {"updatedReplicas": 1} | STUCK), Word.UNREADY),
        (deployment({}, all_of(3) | {"replicas": 4}), Word.UPGRADING),
        (deployment({}, all_of(3) | {"observedGeneration": 1}), Word.UPGRADING),
        (deployment({}, {}), Word.UPGRADING),
        (deployment({}, all_of(3), deletionTimestamp="2026"), Word.DELETING),
        (
            {
                "kind": "DaemonSet",
                "metadata": {"name": "a"},
                "status": {
                    "desiredNumberScheduled": 2,
                    "currentNumberScheduled": 2,
                    "numberReady": 2,
                    "updatedNumberScheduled": 2,
                },
            },
            Word.RUNNING,
        ),
        ({"kind": "Job", "metadata": {"name": "a"}, "status": {"active": 1}}, Word.RUNNING),
        (
            {
                "kind": "Job",
                "metadata": {"name": "a"},
                "status": {"conditions": [{"type": "Complete", "status": "True"}]},
            },
            Word.COMPLETE,
        ),
        (
            {
                "kind": "Job",
                "metadata": {"name": "a"},
                "status": {"conditions": [{"type": "Failed", "status": "True"}]},
            },
            Word.FAILED,
        ),
        ({"kind": "CronJob", "metadata": {"name": "a"}, "spec": {"suspend": True}}, Word.SUSPENDED),
        ({"kind": "CronJob", "metadata": {"name": "a"}, "spec": {}}, Word.RUNNING),
    ],
)
def test_a_status_in_one_word(live: dict[str, Any], word: Word) -> None:
    assert word_of(live) is word


def test_a_workload_in_a_line() -> None:
    pod = {"containers": [{"name": "c", "image": "h/acme/web:1"}], "imagePullSecrets": [{"name": "s"}]}
    live = deployment(
        {"template": {"spec": pod}, "paused": True},
        all_of(3),
        labels={"app.kubernetes.io/managed-by": "wherry"},
    )
    seen = see_workload(live)
    assert (seen.desired, seen.ready, seen.images, seen.pull_secrets) == (3, 3, ("h/acme/web:1",), ("s",))
    assert seen.is_ours
    assert seen.is_paused


def pod(status: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "web-5d-x", "namespace": "shop"} | metadata,
        "spec": {"nodeName": "n1", "containers": [{"name": "c", "image": "h/acme/web:1"}]},
        "status": status,
    }


def test_a_running_pod_says_what_runs_and_whose_it_is() -> None:
    status = {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": [
            {
                "name": "c",
                "ready": True,
                "restartCount": 1,
                "image": "sha256:config",
                "imageID": f"h/acme/web@{DIGEST}",
                "state": {"running": {}},
            }
        ],
    }
    owner = {"kind": "ReplicaSet", "name": "web-5d", "controller": True}
    seen = see_pod(pod(status, ownerReferences=[owner], labels={"pod-template-hash": "5d"}))
    [container] = seen.containers
    assert (seen.owner, seen.is_ready, seen.phase) == (("Deployment", "web"), True, "Running")
    assert (container.image, container.digest, container.restarts) == ("h/acme/web:1", DIGEST, 1)


def test_a_pod_that_cannot_pull_says_why() -> None:
    waiting = {"reason": "ErrImagePull", "message": "h/acme/web:1: not found"}
    status = {"phase": "Pending", "containerStatuses": [{"name": "c", "state": {"waiting": waiting}}]}
    [failure] = see_pod(pod(status)).failures
    assert failure.part is PullPart.IMAGE


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        ({"reason": "Error", "exitCode": 3}, "it ended with exit code 3"),
        ({"reason": "OOMKilled", "exitCode": 137}, "it took more memory than it may have (OOMKilled)"),
        (
            {"reason": "StartError", "exitCode": 128, "message": "exec: /bin/none: no such file"},
            "it cannot be started: exec: /bin/none: no such file",
        ),
        ({}, None),
    ],
)
def test_what_crashes_again_and_again_says_how_it_ended_last(
    ended: dict[str, Any], words: str | None
) -> None:
    status = {"name": "c", "lastState": {"terminated": ended}}
    crashing = status | {"state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    [crashed] = see_pod(pod({"containerStatuses": [crashing]})).containers
    assert crashed.last_end == words
    [running] = see_pod(pod({"containerStatuses": [status | {"state": {"running": {}}}]})).containers
    assert running.last_end is None


def test_a_pod_without_a_node_says_why() -> None:
    condition = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available"}
    assert see_pod(pod({"phase": "Pending", "conditions": [condition]})).problem == "0/1 nodes are available"


@pytest.mark.parametrize(
    ("image_id", "digest"),
    [
        (f"h/acme/web@{DIGEST}", DIGEST),
        (f"docker-pullable://h/acme/web@{DIGEST}", DIGEST),
        (DIGEST, DIGEST),
        (f"docker://{DIGEST}", DIGEST),
        ("", None),
        ("h/acme/web:1", None),
    ],
)
def test_digests_as_nodes_write_them(image_id: str, digest: str | None) -> None:
    assert digest_of(image_id) == digest


def test_a_node() -> None:
    status = {"nodeInfo": {"architecture": "arm64"}, "conditions": [{"type": "Ready", "status": "False"}]}
    seen = see_node({"metadata": {"name": "n"}, "spec": {"unschedulable": True}, "status": status})
    assert (seen.architecture, seen.is_ready, seen.is_schedulable) == ("arm64", False, False)


@pytest.mark.parametrize("see", [see_pod, see_workload, see_node])
def test_objects_that_say_nothing_break_nothing(see: Any) -> None:
    emptinesses: list[dict[str, Any]] = [{}, {"spec": None, "status": None}, {"spec": {}, "status": {}}]
    for empty in emptinesses:
        assert see({"kind": "Deployment", "metadata": {"name": "a"}} | empty).name == "a"
