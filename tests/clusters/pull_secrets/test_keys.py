"""A cluster's keys: pull only, replaced in time, the old one good until all namespaces have the new one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.clusters.registered import SEALER, register
from tests.databases import Do, FixedClock
from wherry.access.grants import list_grants
from wherry.access.levels import Level
from wherry.clusters.cluster import Cluster
from wherry.clusters.pull_secrets.keys import (
    LIFETIME,
    OVERLAP,
    PullLogins,
    current_logins,
    end_retired,
    list_pull_keys,
    rolled_out,
)
from wherry.clusters.register import remove_cluster
from wherry.clusters.rights import open_cluster
from wherry.identity.access_keys import list_access_keys
from wherry.identity.organizations import create_organization
from wherry.identity.robots import list_robots
from wherry.identity.tables import access_keys

HOST = "registry.example.com"


@pytest.fixture
def cluster(do: Do, clock: FixedClock) -> Cluster:
    for name in ("acme", "partner"):
        do(create_organization, name, None, clock.now())
    return register(do, "prod", "acme")


def logins(do: Do, cluster: Cluster, clock: FixedClock, **more: Any) -> PullLogins:
    found: PullLogins = do(current_logins, SEALER, cluster, HOST, clock.now(), **more)
    return found


def test_a_cluster_pulls_with_a_robot_that_may_only_read(do: Do, clock: FixedClock, cluster: Cluster) -> None:
    made = logins(do, cluster, clock)
    [login] = made.logins
    [key] = do(list_access_keys)
    [robot] = do(list_robots, "acme")
    assert (login.registry, login.user) == (HOST, f"wherry@{key.id}")
    assert (key.user, key.scope) == (robot.user_name, {"acme": int(Level.READ)})
    assert [(grant.level, grant.resource.name) for grant in do(list_grants, user=robot.user_name)] == [
        (Level.READ, "acme")
    ]
    assert made.expires_at == key.expires_at
    assert login.password not in repr(made)


def test_the_same_key_is_used_until_half_of_its_life(do: Do, clock: FixedClock, cluster: Cluster) -> None:
    first = logins(do, cluster, clock)
    clock.move(seconds=LIFETIME.total_seconds() / 2 - 1)
    assert logins(do, cluster, clock) == first
    clock.move(seconds=1)
    second = logins(do, cluster, clock)
    assert second.source != first.source
    assert len(do(list_pull_keys, cluster)) == 2


def test_the_old_key_ends_an_overlap_after_all_namespaces_have_the_new(
    do: Do, clock: FixedClock, cluster: Cluster
) -> None:
    old = logins(do, cluster, clock)
    new = logins(do, cluster, clock, rotate=True)
    clock.move(hours=20)
    assert do(end_retired, clock.now()) == 0  # nobody said that the new one is everywhere
    do(rolled_out, cluster, new.source, clock.now())
    clock.move(seconds=OVERLAP.total_seconds() - 1)
    assert do(end_retired, clock.now()) == 0
    clock.move(seconds=1)
    assert do(end_retired, clock.now(), cluster) == 1
    assert [key.id for key in do(list_access_keys)] == [new.source]
    assert [key.key_id for key in do(list_pull_keys, cluster)] == [new.source]
    assert old.source != new.source


def test_a_rotation_that_is_not_rolled_out_ends_nothing(do: Do, clock: FixedClock, cluster: Cluster) -> None:
    for _ in range(3):
        logins(do, cluster, clock, rotate=True)
    clock.move(hours=40)
    assert do(end_retired, clock.now()) == 0
    assert len(do(list_access_keys)) == 3


def test_an_opened_cluster_has_a_key_for_each_organization(
    do: Do, clock: FixedClock, cluster: Cluster
) -> None:
    do(open_cluster, "prod", "partner", Level.READ)
    made = logins(do, cluster, clock)
    assert [login.registry for login in made.logins] == [f"{HOST}/acme", f"{HOST}/partner"]
    assert {key.user for key in do(list_access_keys)} == {
        f"acme+cluster-{cluster.id}",
        f"partner+cluster-{cluster.id}",
    }


def test_a_cluster_of_the_site_that_is_opened_to_nobody_has_no_key(do: Do, clock: FixedClock) -> None:
    assert logins(do, register(do, "site"), clock) == PullLogins((), "", None)


def test_a_removed_clusters_keys_and_robots_end_at_once(do: Do, clock: FixedClock, cluster: Cluster) -> None:
    logins(do, cluster, clock)
    logins(do, cluster, clock, rotate=True)
    do(remove_cluster, "prod")
    assert do(lambda tx: tx.execute(select(func.count()).select_from(access_keys)).scalar_one()) == 0
    assert do(list_robots, "acme") == ()


def test_twenty_rotations_leave_one_key(do: Do, clock: FixedClock, cluster: Cluster) -> None:
    for _ in range(20):
        made = logins(do, cluster, clock, rotate=True)
        do(rolled_out, cluster, made.source, clock.now(), overlap=timedelta(0))
        do(end_retired, clock.now(), cluster)
    assert [key.id for key in do(list_access_keys)] == [made.source]
