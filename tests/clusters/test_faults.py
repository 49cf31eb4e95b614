"""What befalls real clusters, and what a user sees of it: since when it is old, why, that it comes back."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest

from engines.servers.kubernetes import ControlPlane
from tests.clusters.really_kept import really_keeping, register_real
from tests.clusters.registered import NOW, SEALER
from tests.clusters.test_keeping import until
from tests.clusters.worlds import LOOPBACK
from tests.databases import Do, FixedClock
from wherry.clusters.cluster import get_cluster
from wherry.clusters.kubeconfig import read_kubeconfig
from wherry.clusters.pull_secrets.default_secret import NAME
from wherry.clusters.pull_secrets.documents import content_of
from wherry.clusters.pull_secrets.keys import list_pull_keys
from wherry.clusters.register import renew_login
from wherry.clusters.watching import cluster_watch
from wherry.db.database import Database
from wherry.identity.organizations import create_organization

pytestmark = [pytest.mark.engine("kubernetes"), pytest.mark.slow]

SECRET = f"/api/v1/namespaces/default/secrets/{NAME}"
COMES_BACK = 60


@pytest.fixture
def kind() -> str:
    """One database is enough here."""
    return "sqlite"


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_watch, "LOOK_EVERY", 0.5)


def _password(plane: ControlPlane) -> str | None:
    if not plane.has(SECRET):
        return None
    [auth] = json.loads(content_of(plane.request("GET", SECRET)) or "")["auths"].values()
    return str(auth["password"])


async def test_a_cluster_that_is_gone_for_an_hour_comes_back_with_a_new_key(
    do: Do, database: Database, clock: FixedClock, own_kubernetes: ControlPlane
) -> None:
    """Its etcd is compacted meanwhile, so that no watch goes on from where it was."""
    plane = own_kubernetes
    do(create_organization, "acme", None, clock.now())
    cluster = register_real(do, plane, "prod", "acme")
    async with really_keeping(database, clock=clock, lifetime=timedelta(hours=2)) as keeper:
        await until(lambda: _password(plane) is not None)
        await until(lambda: do(get_cluster, "prod").state.word == "Running")
        first = _password(plane)
        plane.kubectl("create", "deployment", "before", "--image=example.com/a/b:1")
        await until(lambda: "before" in {one.name for one in keeper.watches["prod"].list_workloads()})

        plane.kubectl("delete", "deployment", "before")
        plane.kubectl("create", "deployment", "during", "--image=example.com/a/b:1")
        plane.compact()
        await asyncio.to_thread(plane.stop_apiserver)
        left = clock.now()
        await until(lambda: do(get_cluster, "prod").state.stale_since is not None)
        clock.move(hours=1)
        await until(lambda: keeper.acts)
        state = do(get_cluster, "prod").state
        assert (state.word, state.stale_since) == ("Unavailable", left)
        assert "no connection to" in state.problem
        assert len(do(list_pull_keys, cluster)) == 1  # nobody could be given another one

        await asyncio.to_thread(plane.start_apiserver)
        await until(lambda: do(get_cluster, "prod").state.word == "Running", COMES_BACK)
        assert do(get_cluster, "prod").state.stale_since is None
        await until(
            lambda: {one.name for one in keeper.watches["prod"].list_workloads()} == {"during"}, COMES_BACK
        )
        await until(lambda: _password(plane) != first, COMES_BACK)
        # The old one goes on while kubelets may still remember it.
        await until(lambda: any(key.retires_at for key in do(list_pull_keys, cluster)))


async def test_a_login_that_was_taken_back_is_said_and_mended_by_another_kubeconfig(
    do: Do, database: Database, clock: FixedClock, plane: ControlPlane
) -> None:
    token = plane.service_account_token("keeper", cluster_role="cluster-admin")
    register_real(do, plane, "prod", token=token)
    async with really_keeping(database, clock=clock) as keeper:
        await until(lambda: do(get_cluster, "prod").state.word == "Running")
        left = clock.now()
        plane.kubectl("delete", "serviceaccount", "keeper")
        # The apiserver itself goes on for ten seconds with what it has checked.
        await until(lambda: do(get_cluster, "prod").state.problem is not None, COMES_BACK)
        state = do(get_cluster, "prod").state
        assert "does not accept the login" in state.problem
        assert (state.word, state.stale_since) == ("Unavailable", left)

        another = read_kubeconfig(plane.kubeconfig_of(plane.token), NOW)
        now = clock.move(minutes=5)
        do(renew_login, SEALER, LOOPBACK, "prod", another, None, uid=None, now=now)
        await until(lambda: do(get_cluster, "prod").state.problem is None, COMES_BACK)
        await until(lambda: keeper.watches["prod"].namespaces.stale_since is None)
        assert do(get_cluster, "prod").state.word == "Running"


async def test_a_clock_that_jumps_by_a_day_stops_nothing(
    do: Do, database: Database, clock: FixedClock, own_kubernetes: ControlPlane
) -> None:
    """The clock of these tests is months away from the cluster's anyway; here it jumps as well."""
    plane = own_kubernetes
    do(create_organization, "acme", None, clock.now())
    register_real(do, plane, "prod", "acme")
    async with really_keeping(database, clock=clock) as keeper:
        await until(lambda: do(get_cluster, "prod").state.word == "Running")
        await until(lambda: plane.has(SECRET))
        for name, hours in (("ahead", 30), ("behind", -60)):
            clock.move(hours=hours)
            plane.kubectl("create", "namespace", name)
            there = f"/api/v1/namespaces/{name}/secrets/{NAME}"
            await until(lambda there=there: plane.has(there), COMES_BACK)  # type: ignore[misc]
            assert keeper.watches["prod"].state.stale_since is None
            state = do(get_cluster, "prod").state
            assert (state.word, state.problem) == ("Running", None)
