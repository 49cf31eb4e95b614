"""Registered clusters: named once, known by what they are, their logins sealed."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from tests.clusters.kubeconfigs import SERVER, kubeconfig
from tests.clusters.registered import NOW, SEALER, readable, register
from tests.databases import Do, FixedClock
from wherry.clusters.addresses import AddressRules
from wherry.clusters.cluster import find_cluster, get_cluster, open_login
from wherry.clusters.errors import (
    AddressRefused,
    ClusterExists,
    ClusterUnknown,
    InvalidCluster,
    KubeconfigRefused,
)
from wherry.clusters.register import change_cluster, remove_cluster, renew_login
from wherry.clusters.tables import clusters
from wherry.identity.errors import OrganizationUnknown
from wherry.identity.organizations import create_organization
from wherry.identity.tables import organizations


def test_a_cluster_is_registered_and_its_login_is_sealed(do: Do, clock: FixedClock) -> None:
    do(create_organization, "acme", None, clock.now())
    made = register(do, "prod", "acme", description="the one that counts")
    assert (made.name, made.organization, made.server, made.context) == ("prod", "acme", SERVER, "main")
    assert made.state.word == "Unknown"
    assert do(get_cluster, "prod") == made
    assert do(open_login, SEALER, "prod").token == "t0ken"
    [sealed] = do(lambda tx: tx.execute(select(clusters.c.sealed_login)).scalars().all())
    assert "t0ken" not in sealed


def test_a_name_is_given_once(do: Do) -> None:
    register(do, "prod")
    with pytest.raises(ClusterExists):
        register(do, "prod")


def test_a_cluster_is_registered_once_whatever_its_name(do: Do) -> None:
    register(do, "prod", uid="7e57")
    with pytest.raises(InvalidCluster, match="registered already") as refused:
        register(do, "again", uid="7e57")
    assert "prod" not in str(refused.value)
    register(do, "other", uid="7e58")


@pytest.mark.parametrize("name", ["", "Prod", "1a", "a-", "a_b", "a" * 64, "a/b", "a\n"])
def test_a_name_that_cannot_be_is_refused(do: Do, name: str) -> None:
    with pytest.raises(InvalidCluster, match="lowercase letters"):
        register(do, name)


def test_what_cannot_be_registered_leaves_nothing(do: Do) -> None:
    with pytest.raises(OrganizationUnknown):
        register(do, "prod", "nobody")
    with pytest.raises(InvalidCluster, match="at most 1000"):
        register(do, "prod", description="x" * 1001)
    with pytest.raises(KubeconfigRefused, match="running a program"):
        register(do, "prod", kubeconfig=readable(kubeconfig({}, {"exec": {"command": "x"}})))
    with pytest.raises(AddressRefused, match="this machine itself"):
        register(do, "prod", kubeconfig=readable(kubeconfig({"server": "https://127.0.0.1:6443"})))
    with pytest.raises(AddressRefused, match="metadata"):
        register(do, "prod", kubeconfig=readable(kubeconfig({"server": "https://[fd00:ec2::254]"})))
    assert do(find_cluster, "prod") is None


def test_a_cluster_is_renamed_and_described_anew(do: Do, clock: FixedClock) -> None:
    register(do, "prod", description="old")
    register(do, "test")
    later = clock.move(hours=1)
    changed = do(change_cluster, "prod", later, new_name="production", makes_default_secret=False)
    assert (changed.name, changed.description, changed.makes_default_secret) == ("production", "old", False)
    assert changed.changed_at == later
    with pytest.raises(ClusterExists):
        do(change_cluster, "production", later, new_name="test")
    with pytest.raises(ClusterUnknown):
        do(change_cluster, "prod", later, description="")
    with pytest.raises(InvalidCluster):
        do(change_cluster, "test", later, new_name="Test")


def test_another_login_is_for_the_same_cluster(do: Do) -> None:
    register(do, "prod", uid="7e57")
    other = readable(kubeconfig({}, {"token": "n3w"}))
    with pytest.raises(InvalidCluster, match="another cluster"):
        do(renew_login, SEALER, AddressRules(), "prod", other, None, uid="0ther", now=NOW)
    assert do(open_login, SEALER, "prod").token == "t0ken"
    do(renew_login, SEALER, AddressRules(), "prod", other, None, uid="7e57", now=NOW)
    assert do(open_login, SEALER, "prod").token == "n3w"


def test_a_removed_cluster_is_forgotten(do: Do) -> None:
    register(do, "prod")
    do(remove_cluster, "prod")
    for gone in (
        lambda: do(get_cluster, "prod"),
        lambda: do(open_login, SEALER, "prod"),
        lambda: do(remove_cluster, "prod"),
    ):
        with pytest.raises(ClusterUnknown):
            gone()


def test_an_organization_that_goes_takes_its_registrations_along(do: Do, clock: FixedClock) -> None:
    do(create_organization, "acme", None, clock.now())
    register(do, "prod", "acme")
    register(do, "site")
    do(lambda tx: tx.execute(organizations.delete().where(organizations.c.name == "acme")))
    assert do(find_cluster, "prod") is None
    assert do(find_cluster, "site") is not None
