"""The control planes that tests run against behave as the Kubernetes of a user would."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from engines.servers import APIRefused, ControlPlane, KubectlFailed

DIGEST = "sha256:" + "b" * 64


def _await(told: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not told():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.1)


def _pod(plane: ControlPlane, namespace: str, name: str) -> Any:
    return plane.request("GET", f"/api/v1/namespaces/{namespace}/pods/{name}")


def _container(plane: ControlPlane, namespace: str, name: str) -> Any:
    """The status of the pod's one container, as soon as it has one."""
    _await(lambda: "containerStatuses" in _pod(plane, namespace, name)["status"])
    return _pod(plane, namespace, name)["status"]["containerStatuses"][0]


def test_a_deployment_is_rolled_out_on_the_fake_nodes(kubernetes: ControlPlane, namespace: str) -> None:
    kubernetes.kubectl("create", "deployment", "web", "--image=acme/web:1", "--replicas=4", "-n", namespace)
    kubernetes.kubectl("rollout", "status", "deployment/web", "-n", namespace, "--timeout=60s")
    deployment = json.loads(kubernetes.kubectl("get", "deployment/web", "-n", namespace, "-o", "json"))
    assert deployment["status"]["readyReplicas"] == 4


def test_a_job_on_the_fake_nodes_ends(kubernetes: ControlPlane, namespace: str) -> None:
    kubernetes.kubectl("create", "job", "once", "--image=acme/once:1", "-n", namespace)
    kubernetes.kubectl("wait", "--for=condition=complete", "job/once", "-n", namespace, "--timeout=60s")


def test_a_pod_that_is_bound_to_an_architecture_runs_there(kubernetes: ControlPlane, namespace: str) -> None:
    selector = {"spec": {"nodeSelector": {"kubernetes.io/arch": "arm64"}}}
    overrides = f"--overrides={json.dumps(selector)}"
    kubernetes.kubectl("run", "arm", "--image=acme/web:1", overrides, "-n", namespace)
    kubernetes.kubectl("wait", "--for=condition=Ready", "pod/arm", "-n", namespace, "--timeout=60s")
    node = kubernetes.request(
        "GET", f"/api/v1/nodes/{_pod(kubernetes, namespace, 'arm')['spec']['nodeName']}"
    )
    assert node["status"]["nodeInfo"]["architecture"] == "arm64"


def test_a_pull_error_and_a_running_digest_are_shown_where_a_pod_asks_for_them(
    kubernetes: ControlPlane, namespace: str
) -> None:
    failing = "--annotations=fake-kubelet/pull-error=401 Unauthorized"
    running = f"--annotations=fake-kubelet/image-id=acme/web@{DIGEST}"
    kubernetes.kubectl("run", "bad", "--image=acme/web:1", failing, "-n", namespace)
    kubernetes.kubectl("run", "good", "--image=acme/web:1", running, "-n", namespace)
    waiting = _container(kubernetes, namespace, "bad")["state"]["waiting"]
    assert waiting == {"reason": "ErrImagePull", "message": "401 Unauthorized"}
    assert _container(kubernetes, namespace, "good")["imageID"] == f"acme/web@{DIGEST}"


def test_two_clusters_do_not_meet(
    kubernetes: ControlPlane, other_kubernetes: ControlPlane, namespace: str
) -> None:
    assert kubernetes.has(f"/api/v1/namespaces/{namespace}")
    assert not other_kubernetes.has(f"/api/v1/namespaces/{namespace}")


def test_a_service_accounts_token_may_what_its_role_says_until_the_account_is_gone(
    kubernetes: ControlPlane, namespace: str
) -> None:
    token = kubernetes.service_account_token("reader", namespace=namespace, cluster_role="view")
    config = kubernetes.home / f"{namespace}.kubeconfig"
    config.write_text(kubernetes.kubeconfig_of(token, namespace=namespace))

    def as_reader(*arguments: str) -> str:
        return kubernetes.kubectl(f"--kubeconfig={config}", *arguments)

    as_reader("get", "pods")
    with pytest.raises(KubectlFailed, match="forbidden"):
        as_reader("create", "namespace", "of-the-reader")
    kubernetes.kubectl("delete", "serviceaccount", "reader", "-n", namespace)

    def is_revoked() -> bool:
        try:
            as_reader("get", "pods")
        except KubectlFailed as failure:
            return "logged in" in str(failure) or "Unauthorized" in str(failure)
        return False

    _await(is_revoked)


def test_a_client_certificate_names_its_user_and_groups(kubernetes: ControlPlane) -> None:
    pair = kubernetes.authority.client("ada", ["system:masters"])
    config = kubernetes.home / "ada.kubeconfig"
    config.write_text(kubernetes.kubeconfig_of(pair))
    told = kubernetes.kubectl(f"--kubeconfig={config}", "auth", "whoami", "-o", "json")
    assert json.loads(told)["status"]["userInfo"]["username"] == "ada"


def test_what_was_compacted_is_gone_and_what_is_there_stays(own_kubernetes: ControlPlane) -> None:
    plane = own_kubernetes
    for number in range(3):
        plane.kubectl("create", "configmap", f"one-{number}")
    path = "/api/v1/namespaces/default/configmaps"
    page = plane.request("GET", f"{path}?limit=1")
    plane.kubectl("create", "configmap", "later")
    plane.compact()
    plane.restart_apiserver()
    with pytest.raises(APIRefused) as refused:
        plane.request("GET", f"{path}?limit=1&continue={page['metadata']['continue']}")
    assert refused.value.status == 410
    assert plane.has(f"{path}/one-0")


def test_while_the_apiserver_is_down_nothing_answers_and_afterwards_all_is_there(
    own_kubernetes: ControlPlane,
) -> None:
    plane = own_kubernetes
    plane.kubectl("create", "configmap", "kept")
    plane.stop_apiserver()
    with pytest.raises(OSError):
        plane.request("GET", "/version")
    plane.start_apiserver()
    assert plane.has("/api/v1/namespaces/default/configmaps/kept")
