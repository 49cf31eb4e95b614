"""Create Secret: with the fields of the form, remembered sealed, and never over somebody else's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from tests.clusters.registered import NOW, SEALER, register
from tests.clusters.worlds import World
from tests.databases import Do, FixedClock
from wherry.clusters.connection import ClusterConnection
from wherry.clusters.errors import InvalidRequest, ObjectExists, ObjectUnknown, PullSecretUnknown
from wherry.clusters.kinds import SECRET
from wherry.clusters.pull_secrets.create import (
    SecretRequest,
    Sync,
    check_secret,
    content_of_secret,
    forget_secret,
    get_secret,
    list_secrets,
    put_secret,
    record_secret,
    request_of,
    sync_of,
    take_secret,
)
from wherry.clusters.pull_secrets.documents import RegistryLogin, write_content
from wherry.clusters.tables import pull_secrets

LOGIN = RegistryLogin("registry.example.com", "wherry@AK", "s3cret")
REQUEST = SecretRequest("pull", LOGIN, description="For the shop", labels={"team": "shop"})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "Pull"}, "secret name 'Pull'"),
        ({"name": "default-secret"}, "made and renewed by Wherry itself"),
        ({"namespace": "a.b"}, "namespace 'a.b'"),
        ({"labels": {"a b": ""}}, "label 'a b'"),
        ({"labels": {"app.kubernetes.io/managed-by": "me"}}, "is set by Wherry"),
        ({"description": "x" * 1001}, "at most 1000"),
        ({"login": replace(LOGIN, registry="")}, "is a host such as"),
        ({"login": replace(LOGIN, registry="https://registry.example.com")}, "no https:// before it"),
        ({"login": replace(LOGIN, registry="a b")}, "is a host such as"),
        ({"login": replace(LOGIN, user="a:b")}, "no ':'"),
        ({"login": replace(LOGIN, user="")}, "not empty"),
        ({"login": replace(LOGIN, password="")}, "password is not empty"),
    ],
)
def test_what_is_wrong_is_said(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidRequest, match=said.replace("(", r"\(")):
        check_secret(replace(REQUEST, **change))


async def test_it_is_made_and_renewed(connection: ClusterConnection, namespace: str) -> None:
    request = replace(REQUEST, namespace=namespace)
    made = await put_secret(connection, request)
    assert made["metadata"]["labels"]["team"] == "shop"
    assert made["metadata"]["annotations"]["wherry.dev/description"] == "For the shop"
    newer = replace(request, login=replace(LOGIN, password="newer"), labels={})
    renewed = await put_secret(connection, newer)
    assert renewed["metadata"]["uid"] == made["metadata"]["uid"]
    assert sync_of(renewed, write_content((newer.login,))) is Sync.IN_SYNC
    assert sync_of(made, write_content((newer.login,))) is Sync.DRIFTED
    assert sync_of(None, "") is Sync.MISSING


async def test_somebody_elses_secret_stays(
    connection: ClusterConnection, world: World, namespace: str
) -> None:
    theirs = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "pull", "namespace": namespace},
        "type": "Opaque",
    }
    world.others_apply(theirs, "helm")
    with pytest.raises(ObjectExists, match="that is not Wherry's; it stays"):
        await put_secret(connection, replace(REQUEST, namespace=namespace))
    live = await connection.get(SECRET, "pull", namespace)
    assert live["type"] == "Opaque"
    assert sync_of(live, "") is Sync.FOREIGN


async def test_only_what_is_ours_is_deleted(
    connection: ClusterConnection, world: World, namespace: str
) -> None:
    await put_secret(connection, replace(REQUEST, namespace=namespace))
    assert await take_secret(connection, "pull", namespace) is True
    assert await take_secret(connection, "pull", namespace) is False
    theirs = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "pull", "namespace": namespace},
        "type": "Opaque",
    }
    world.others_apply(theirs, "helm")
    with pytest.raises(ObjectExists, match="is not Wherry's; it stays"):
        await take_secret(connection, "pull", namespace)
    with pytest.raises(InvalidRequest, match="is switched off on its namespace"):
        await take_secret(connection, "default-secret", namespace)


async def test_one_that_somebody_made_unchangeable_is_replaced(
    connection: ClusterConnection, world: World, namespace: str
) -> None:
    request = replace(REQUEST, namespace=namespace)
    made = await put_secret(connection, request)
    frozen = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "pull", "namespace": namespace},
        "type": made["type"],
        "immutable": True,
    }
    world.others_apply(frozen, "policy")
    newer = replace(request, login=replace(LOGIN, password="newer"))
    replaced = await put_secret(connection, newer)
    assert replaced["metadata"]["uid"] != made["metadata"]["uid"]
    assert sync_of(replaced, write_content((newer.login,))) is Sync.IN_SYNC


async def test_a_namespace_that_is_not_there(connection: ClusterConnection) -> None:
    with pytest.raises(ObjectUnknown, match='namespaces "nowhere" not found'):
        await put_secret(connection, replace(REQUEST, namespace="nowhere"))


def test_what_was_made_is_remembered_sealed(do: Do, clock: FixedClock) -> None:
    cluster = register(do, "prod")
    do(record_secret, SEALER, cluster, REQUEST, None, NOW)
    later = clock.move(days=1)
    do(record_secret, SEALER, cluster, replace(REQUEST, description="New", source="key:AK"), None, later)
    [known] = do(list_secrets, cluster, "default")
    assert (known.name, known.description, known.source, known.created_at, known.changed_at) == (
        "pull",
        "New",
        "key:AK",
        NOW,
        later,
    )
    assert do(content_of_secret, SEALER, known) == write_content((LOGIN,))
    assert do(request_of, SEALER, known) == replace(REQUEST, description="New", source="key:AK")
    assert do(get_secret, cluster, "default", "pull") == known
    with pytest.raises(PullSecretUnknown):
        do(get_secret, cluster, "other", "pull")
    sealed = do(lambda tx: tx.execute(select(pull_secrets.c.sealed_content)).scalar_one())
    assert "s3cret" not in sealed
    assert do(list_secrets, cluster, "other") == ()
    assert do(forget_secret, cluster, "default", "pull") is True
    assert do(forget_secret, cluster, "default", "pull") is False
