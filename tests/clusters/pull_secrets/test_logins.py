"""What own secrets log in with: one's own keys, or pull-only ones that are rotated with an overlap."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.clusters.fake_cluster import FakeCluster
from tests.clusters.registered import SEALER, register
from tests.databases import Do, FixedClock
from tests.people import add_user
from wherry.access.levels import Level
from wherry.clusters.cluster import Cluster
from wherry.clusters.errors import InvalidRequest
from wherry.clusters.kinds import SECRET
from wherry.clusters.pull_secrets.create import (
    PullSecret,
    SecretRequest,
    get_secret,
    put_secret,
    record_secret,
    request_of,
)
from wherry.clusters.pull_secrets.documents import RegistryLogin, content_of, read_content
from wherry.clusters.pull_secrets.keys import end_retired
from wherry.clusters.pull_secrets.logins import (
    Login,
    begin_rotation,
    drop_secret,
    drop_unused_keys,
    exchange_login,
    login_of_key,
    make_login,
    settle_keys,
)
from wherry.clusters.register import remove_cluster
from wherry.clusters.rights import open_cluster
from wherry.identity.access_keys import (
    create_access_key,
    delete_access_key,
    list_access_keys,
    set_key_disabled,
)
from wherry.identity.errors import AccessKeyUnknown
from wherry.identity.login_keys import login_key
from wherry.identity.organizations import create_organization
from wherry.identity.robots import list_robots

HOST = "registry.example.com"
OVERLAP = timedelta(hours=1)


@pytest.fixture
def cluster(do: Do, clock: FixedClock) -> Cluster:
    for name in ("acme", "partner"):
        do(create_organization, name, None, clock.now())
    return register(do, "prod", "acme")


def made(do: Do, cluster: Cluster, clock: FixedClock, name: str = "pull", **more: Any) -> PullSecret:
    """An own secret with a key of its own, remembered."""
    login: Login = do(make_login, SEALER, cluster, "default", name, HOST, clock.now(), **more)
    request = SecretRequest(name, login.login, source=login.source, expires_at=login.expires_at)
    do(record_secret, SEALER, cluster, request, None, clock.now())
    known: PullSecret = do(get_secret, cluster, "default", name)
    return known


def keys(do: Do) -> list[str]:
    return [f"made:{key.id}" for key in do(list_access_keys)]


def test_a_login_is_made_of_ones_own_key_only(do: Do, clock: FixedClock) -> None:
    ann, bob = add_user(do, clock, "ann"), add_user(do, clock, "bob")
    ends = clock.now() + timedelta(days=3)
    key = do(create_access_key, SEALER, ann, "mine", clock.now(), expires_at=ends)
    login = do(login_of_key, SEALER, ann, key.id, HOST, clock.now())
    password = login_key(key.id, key.secret)
    assert login == Login(RegistryLogin(HOST, f"wherry@{key.id}", password), f"key:{key.id}", ends)
    with pytest.raises(AccessKeyUnknown):
        do(login_of_key, SEALER, bob, key.id, HOST, clock.now())
    with pytest.raises(InvalidRequest, match="disabled or has expired"):
        do(login_of_key, SEALER, ann, key.id, HOST, ends)
    do(set_key_disabled, key.id, True)
    with pytest.raises(InvalidRequest, match="disabled or has expired"):
        do(login_of_key, SEALER, ann, key.id, HOST, clock.now())


@pytest.mark.parametrize("what", [None, "acme", "acme/web"])
def test_a_made_key_pulls_and_nothing_else(
    do: Do, clock: FixedClock, cluster: Cluster, what: str | None
) -> None:
    known = made(do, cluster, clock, what=what, lifetime=timedelta(days=90))
    [key] = do(list_access_keys)
    [robot] = do(list_robots, "acme")
    assert known.source == f"made:{key.id}"
    assert (key.user, key.scope) == (robot.user_name, {what or "acme": int(Level.READ)})
    assert known.expires_at == key.expires_at == clock.now() + timedelta(days=90)


def test_a_key_is_made_only_for_whom_the_cluster_serves(do: Do, clock: FixedClock, cluster: Cluster) -> None:
    with pytest.raises(InvalidRequest, match="prod does not serve partner"):
        made(do, cluster, clock, what="partner/web")
    do(open_cluster, "prod", "partner", Level.READ)
    assert made(do, cluster, clock, what="partner/web").source in keys(do)
    with pytest.raises(InvalidRequest, match="repository name"):
        made(do, cluster, clock, what="acme/")
    with pytest.raises(InvalidRequest, match="say whose images"):
        made(do, register(do, "shared"), clock)


async def test_the_old_key_is_good_until_the_cluster_has_the_new_one(
    do: Do, clock: FixedClock, cluster: Cluster
) -> None:
    fake = FakeCluster()
    old = made(do, cluster, clock, what="acme/web", lifetime=timedelta(days=90))
    await put_secret(fake.connect(), do(request_of, SEALER, old))
    clock.move(days=30)
    request = do(begin_rotation, SEALER, cluster, old, clock.now())
    clock.move(days=2)  # the cluster was away
    assert do(end_retired, clock.now()) == 0
    assert sorted(keys(do)) == sorted([old.source, request.source])
    await put_secret(fake.connect(), request)
    do(settle_keys, cluster, "default", "pull", clock.now(), overlap=OVERLAP)
    clock.move(minutes=59)
    assert do(end_retired, clock.now(), cluster) == 0
    clock.move(minutes=1)
    assert do(end_retired, clock.now(), cluster) == 1
    [key] = do(list_access_keys)
    assert (f"made:{key.id}", key.scope) == (request.source, {"acme/web": int(Level.READ)})
    live = await fake.connect().get(SECRET, "pull", "default")
    assert read_content(content_of(live) or "") == (request.login,)
    assert do(get_secret, cluster, "default", "pull").expires_at == key.expires_at


def test_settling_twice_moves_no_end(do: Do, clock: FixedClock, cluster: Cluster) -> None:
    do(begin_rotation, SEALER, cluster, made(do, cluster, clock), clock.now())
    for _ in range(2):
        do(settle_keys, cluster, "default", "pull", clock.now(), overlap=OVERLAP)
        clock.move(minutes=30)
    assert do(end_retired, clock.now()) == 1


def test_a_key_that_somebody_has_deleted_is_made_anew(do: Do, clock: FixedClock, cluster: Cluster) -> None:
    old = made(do, cluster, clock)
    do(delete_access_key, old.source.removeprefix("made:"))
    request = do(begin_rotation, SEALER, cluster, old, clock.now())
    assert keys(do) == [request.source]


def test_what_is_not_wherrys_is_exchanged_and_never_rotated(
    do: Do, clock: FixedClock, cluster: Cluster
) -> None:
    given = SecretRequest("hub", RegistryLogin("docker.io", "ann", "s3cret"), description="Hub")
    do(record_secret, SEALER, cluster, given, None, clock.now())
    known = do(get_secret, cluster, "default", "hub")
    with pytest.raises(InvalidRequest, match="not Wherry's to rotate"):
        do(begin_rotation, SEALER, cluster, known, clock.now())
    other = Login(RegistryLogin("docker.io", "ann", "newer"), "given", None)
    request = do(exchange_login, SEALER, cluster, known, other, clock.now())
    assert (request.login, request.description) == (other.login, "Hub")


def test_a_dropped_secret_takes_its_keys_along_and_no_others(
    do: Do, clock: FixedClock, cluster: Cluster
) -> None:
    do(begin_rotation, SEALER, cluster, made(do, cluster, clock), clock.now())
    other = made(do, cluster, clock, "other")
    assert do(drop_secret, cluster, "default", "pull") is True
    assert keys(do) == [other.source]
    assert do(drop_secret, cluster, "default", "pull") is False


def test_the_key_of_an_attempt_that_failed_ends(do: Do, clock: FixedClock, cluster: Cluster) -> None:
    known = made(do, cluster, clock)
    do(make_login, SEALER, cluster, "default", "pull", HOST, clock.now())
    do(drop_unused_keys, cluster, "default", "pull")
    assert keys(do) == [known.source]


def test_keys_end_with_the_registration_of_their_cluster(do: Do, clock: FixedClock, cluster: Cluster) -> None:
    made(do, cluster, clock)
    do(remove_cluster, "prod")
    assert keys(do) == []
    assert do(list_robots, "acme") == ()
