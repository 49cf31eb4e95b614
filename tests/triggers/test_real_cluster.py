"""The same against a real kube-apiserver with its controllers, whose nodes are played."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from engines.servers.kubernetes import ControlPlane
from tests.clusters.worlds import connect_to
from tests.triggers.world import HOST, TARGET, World, deployment, digest
from wherry.clusters.cluster import Cluster
from wherry.clusters.connection import ClusterConnection
from wherry.triggers.plan import RUN
from wherry.triggers.runs import State
from wherry.triggers.trigger import Target, WorkloadKind

pytestmark = pytest.mark.engine("kubernetes")


@pytest.fixture
def kind() -> str:
    """One database is enough here."""
    return "sqlite"


@pytest.fixture
def real(site: World, kubernetes: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> World:
    """The world, whose cluster `berlin` is a real one."""

    def connect(_self: World, _cluster: Cluster, _login: Any) -> ClusterConnection:
        return connect_to(kubernetes)

    monkeypatch.setattr(World, "connect", connect)
    return site


def apply(plane: ControlPlane, made: dict[str, Any], namespace: str) -> None:
    made = {key: value for key, value in made.items() if key != "status"}
    made["metadata"] = {"name": made["metadata"]["name"], "namespace": namespace}
    plane.kubectl("apply", "--server-side", "--field-manager=helm", "-f", "-", stdin=json.dumps(made))
    plane.kubectl("-n", namespace, "rollout", "status", "--timeout=60s", f"deploy/{made['metadata']['name']}")


def shown(plane: ControlPlane, namespace: str) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(
        plane.kubectl("-n", namespace, "get", "deploy", "web", "-o", "json", "--show-managed-fields")
    )
    return made


def images(made: dict[str, Any]) -> list[str]:
    return [one["image"] for one in made["spec"]["template"]["spec"]["containers"]]


async def test_the_image_is_set_its_roll_out_seen_and_its_field_taken(
    real: World, kubernetes: ControlPlane, namespace: str
) -> None:
    apply(kubernetes, deployment(replicas=3), namespace)
    target = replace(TARGET, namespace=namespace)
    real.trigger("app", target=replace(target, containers=("app",)))
    run = await real.deliver("1.4", 4)
    assert run.state is State.SUCCESS, run.detail
    assert "the image was managed by helm" in run.detail
    assert "3 of 3 pods ready, 3 of the new version" in run.detail
    made = shown(kubernetes, namespace)
    assert images(made) == [f"{HOST}/acme/web:1.4@{digest(4)}", "docker.io/envoyproxy/envoy:v1.30"]
    assert made["metadata"]["annotations"][RUN] == str(run.id)
    managers = {one["manager"]: one for one in made["metadata"]["managedFields"]}
    fields = managers["wherry-trigger"]["fieldsV1"]["f:spec"]["f:template"]["f:spec"]
    assert list(fields) == ["f:containers"]
    # Another of its containers, by another trigger: what the first one set stays.
    real.trigger("setup", target=replace(target, containers=("setup",)))
    for again in (await real.deliver("1.5", 5), real.runs[1]):
        assert again.state is State.SUCCESS, again.detail
    made = shown(kubernetes, namespace)
    assert images(made)[0] == f"{HOST}/acme/web:1.5@{digest(5)}"
    assert (
        made["spec"]["template"]["spec"]["initContainers"][0]["image"] == f"{HOST}/acme/web:1.5@{digest(5)}"
    )


async def test_a_roll_out_that_cannot_be_is_rolled_back(
    real: World, kubernetes: ControlPlane, namespace: str
) -> None:
    apply(kubernetes, deployment(replicas=1), namespace)
    kubernetes.kubectl("-n", namespace, "create", "quota", "one", "--hard=pods=1")
    real.trigger(target=replace(TARGET, namespace=namespace), deadline=3)
    run = await real.deliver("1.4", 4)
    assert run.state is State.ROLLED_BACK, run.detail
    assert "Deployment web is not there after" in run.detail
    assert f"rolled back to {HOST}/acme/web:1.3" in run.detail
    assert images(shown(kubernetes, namespace))[0] == f"{HOST}/acme/web:1.3"


async def test_by_labels_and_what_is_not_there(real: World, kubernetes: ControlPlane, namespace: str) -> None:
    apply(kubernetes, deployment(), namespace)
    kubernetes.kubectl("-n", namespace, "label", "deploy", "web", "part=shop")

    def by(selector: str) -> Target:
        return Target(namespace, WorkloadKind.DEPLOYMENT, None, selector, (("berlin",),))

    real.trigger("shop", target=by("part in (shop,api)"))
    assert (await real.deliver("1.4", 4)).state is State.SUCCESS
    real.trigger("none", target=by("part=none"))
    assert "there is no Deployment with the labels part=none" in (await real.deliver("1.5", 5)).detail
    real.trigger("wrong", target=by("part in ("))
    assert "cannot be read" in (await real.deliver("1.6", 6)).detail
    real.trigger("gone", target=replace(TARGET, namespace=namespace, name="gone"))
    assert 'deployments.apps "gone" not found' in (await real.deliver("1.7", 7)).detail
