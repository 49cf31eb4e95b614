"""`default-secret` is in every namespace, stays what it is to be, and never replaces a foreign one."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from engines.servers.kubernetes import ControlPlane
from tests.clusters.fake_cluster import FakeCluster
from tests.clusters.worlds import RealWorld, World
from wherry.clusters.connection import ClusterConnection, Selection, list_all
from wherry.clusters.kinds import SECRET, Object
from wherry.clusters.pull_secrets.default_secret import (
    NAME,
    Reconciled,
    Step,
    look_and_plan,
    plan,
    reconcile,
)
from wherry.clusters.pull_secrets.documents import (
    RegistryLogin,
    content_of,
    registries_in,
    secret_object,
    without_values,
    write_content,
)
from wherry.clusters.pull_secrets.keys import PullLogins

ENDS = datetime(2026, 3, 16, tzinfo=UTC)


def logins(password: str = "s3cret") -> PullLogins:
    return PullLogins((RegistryLogin("registry.example.com", "wherry@AK", password),), "AK", ENDS)


def namespace(name: str, **metadata: Any) -> Object:
    return {"metadata": {"name": name, **metadata}}


async def put(connection: ClusterConnection, wanted: PullLogins | None = None, **more: Any) -> Reconciled:
    return await reconcile(connection, await look_and_plan(connection, wanted or logins(), **more))


def test_the_content_is_what_docker_writes() -> None:
    content = json.loads(write_content(logins().logins))
    assert content == {
        "auths": {
            "registry.example.com": {
                "username": "wherry@AK",
                "password": "s3cret",
                "auth": base64.b64encode(b"wherry@AK:s3cret").decode(),
            }
        }
    }
    assert registries_in(json.dumps(content)) == ("registry.example.com",)
    assert registries_in("nonsense") == registries_in(None) == registries_in('{"auths": 7}') == ()


def test_a_secret_says_when_it_ends_and_whose_it_is_and_never_shows_its_value() -> None:
    made = secret_object("a", "b", "{}", role="own", source="AK", expires_at=ENDS, labels={"team": "shop"})
    assert made["metadata"]["annotations"]["wherry.dev/expires-at"] == "2026-03-16T00:00:00Z"
    assert made["metadata"]["labels"] == {
        "team": "shop",
        "app.kubernetes.io/managed-by": "wherry",
        "wherry.dev/pull-secret": "own",
    }
    assert without_values(made)["data"] == {".dockerconfigjson": "***"}
    assert content_of(made) == "{}"
    assert content_of({"data": {".dockerconfigjson": "%"}}) is content_of({}) is None


@pytest.mark.parametrize(
    ("space", "known", "step"),
    [
        (namespace("a"), None, Step.CREATE),
        (namespace("a", annotations={"wherry.dev/default-secret": "off"}), None, Step.NOTHING),
        (namespace("a", labels={"wherry.dev/default-secret": "off"}), "ours", Step.REMOVE),
        (namespace("a"), "ours", Step.NOTHING),
        (namespace("a"), "old", Step.UPDATE),
        (namespace("a"), "foreign", Step.LEAVE),
        (namespace("a", annotations={"wherry.dev/default-secret": "off"}), "foreign", Step.LEAVE),
    ],
)
def test_what_is_done_hangs_on_what_is_there(space: Object, known: str | None, step: Step) -> None:
    [created] = plan([namespace("a")], [], logins())
    assert created.wanted is not None
    secrets = {
        "ours": created.wanted,
        "old": plan([namespace("a")], [], logins("older"))[0].wanted,
        "foreign": {"metadata": {"name": NAME, "namespace": "a", "labels": {"secret-generated-by": "cce"}}},
    }
    [planned] = plan([space], [secrets[known]] if known else [], logins())  # type: ignore[list-item]
    assert planned.step is step


def test_a_namespace_that_ends_is_left_alone() -> None:
    ending = namespace("a", deletionTimestamp="2026-03-14T00:00:00Z")
    assert plan([ending, namespace("b") | {"status": {"phase": "Terminating"}}], [], logins()) == ()


async def test_every_namespace_gets_it_and_a_second_look_changes_nothing(
    connection: ClusterConnection, namespace: str
) -> None:
    done = await put(connection)
    assert namespace in done.written
    assert "default" in done.written
    assert done.is_whole
    live = await connection.get(SECRET, NAME, namespace)
    assert live["type"] == "kubernetes.io/dockerconfigjson"
    assert content_of(live) == write_content(logins().logins)
    again = await put(connection)
    assert again.written == ()
    assert namespace in again.unchanged
    await put(connection, switched_on=False)


async def test_a_new_key_reaches_every_namespace_and_drift_is_mended(
    connection: ClusterConnection, world: World, namespace: str
) -> None:
    await put(connection)
    assert namespace in (await put(connection, logins("newer"))).written
    live = await connection.get(SECRET, NAME, namespace)
    assert "newer" in (content_of(live) or "")
    spoilt = {key: live[key] for key in ("apiVersion", "kind", "type")} | {
        "metadata": {key: live["metadata"][key] for key in ("name", "namespace")},
        "data": {".dockerconfigjson": base64.b64encode(b'{"auths":{}}').decode()},
    }
    world.others_apply(spoilt, "somebody")
    assert (await put(connection, logins("newer"))).written == (namespace,)
    assert "newer" in (content_of(await connection.get(SECRET, NAME, namespace)) or "")
    await put(connection, switched_on=False)


async def test_a_foreign_secret_of_that_name_stays_as_it_is(
    connection: ClusterConnection, world: World, namespace: str
) -> None:
    foreign = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": NAME, "namespace": namespace, "labels": {"secret-generated-by": "cce"}},
        "type": "Opaque",
        "data": {"a": base64.b64encode(b"theirs").decode()},
    }
    world.others_apply(foreign, "cce")
    done = await put(connection)
    assert namespace in done.foreign
    off = await put(connection, switched_on=False)
    assert namespace in off.foreign
    live = await connection.get(SECRET, NAME, namespace)
    assert (live["type"], live["data"]) == ("Opaque", foreign["data"])


async def test_switched_off_ours_are_taken_away(connection: ClusterConnection, namespace: str) -> None:
    await put(connection)
    done = await put(connection, switched_on=False)
    assert namespace in done.removed
    assert await list_all(connection, SECRET, Selection(namespace)) == []


async def test_one_that_was_made_meanwhile_is_not_overwritten(
    connection: ClusterConnection, world: World, namespace: str
) -> None:
    planned = [one for one in await look_and_plan(connection, logins()) if one.namespace == namespace]
    theirs = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": NAME, "namespace": namespace},
        "type": "Opaque",
    }
    world.others_apply(theirs, "somebody")
    done = await reconcile(connection, planned)
    assert list(done.failed) == [namespace]
    assert not done.is_whole
    assert (await connection.get(SECRET, NAME, namespace))["type"] == "Opaque"


async def test_a_namespace_that_fails_does_not_keep_the_others_from_theirs() -> None:
    fake = FakeCluster()
    connection = fake.connect()
    planned = plan([namespace("default"), namespace("gone")], [], logins())
    done = await reconcile(connection, planned)
    assert done.written == ("default",)
    assert "not found" in done.failed["gone"]


@pytest.mark.engine("kubernetes")
async def test_kubernetes_takes_it_for_a_pull_secret(plane: ControlPlane) -> None:
    world = RealWorld(plane)
    world.add_namespace("kubectl-made")
    plane.kubectl(
        "create", "secret", "docker-registry", "theirs", "-n", "kubectl-made",
        "--docker-server=registry.example.com", "--docker-username=wherry@AK", "--docker-password=s3cret",
    )  # fmt: skip
    theirs = plane.request("GET", "/api/v1/namespaces/kubectl-made/secrets/theirs")
    ours = secret_object("ours", "kubectl-made", write_content(logins().logins), role="own", source="given")
    assert ours["type"] == theirs["type"]
    assert json.loads(content_of(ours) or "") == json.loads(content_of(theirs) or "")
