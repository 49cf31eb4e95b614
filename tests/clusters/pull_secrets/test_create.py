"""Create Secret: with the fields of the form, remembered sealed, and never over somebody else's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from tests.clusters.registered import NOW, SEALER, register
from tests.clusters.worlds import World
from tests.databases import Do, FixedClock
from tests.people import add_user
from wherry.clusters.connection import ClusterConnection
from wherry.clusters.errors import InvalidRequest, ObjectExists, ObjectUnknown
from wherry.clusters.kinds import SECRET
from wherry.clusters.pull_secrets.create import (
    SecretRequest,
    Sync,
    check_secret,
    content_of_secret,
    forget_secret,
    list_secrets,
    login_of_key,
    put_secret,
    record_secret,
    sync_of,
)
from wherry.clusters.pull_secrets.documents import RegistryLogin, write_content
from wherry.clusters.tables import pull_secrets
from wherry.identity.access_keys import create_access_key
from wherry.identity.errors import AccessKeyUnknown
from wherry.identity.login_keys import login_key

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
    sealed = do(lambda tx: tx.execute(select(pull_secrets.c.sealed_content)).scalar_one())
    assert "s3cret" not in sealed
    assert do(list_secrets, cluster, "other") == ()
    assert do(forget_secret, cluster, "default", "pull") is True
    assert do(forget_secret, cluster, "default", "pull") is False


def test_a_login_is_made_of_ones_own_key_only(do: Do, clock: FixedClock) -> None:
    ann, bob = add_user(do, clock, "ann"), add_user(do, clock, "bob")
    key = do(create_access_key, SEALER, ann, "mine", clock.now())
    login = do(login_of_key, SEALER, ann, key.id, "registry.example.com")
    assert (login.user, login.password) == (f"wherry@{key.id}", login_key(key.id, key.secret))
    with pytest.raises(AccessKeyUnknown):
        do(login_of_key, SEALER, bob, key.id, "registry.example.com")
