"""Two real clusters in one server: each is seen as it is, and one that is down leaves the other alone."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from engines.servers.kubernetes import ControlPlane
from tests.clusters.really_kept import really_keeping, register_real
from tests.clusters.test_keeping import until
from tests.clusters.workloads.requests import DEMO
from tests.clusters.worlds import connect_to
from tests.databases import Do
from wherry.clusters.cluster import get_cluster
from wherry.clusters.keeping import Keeper
from wherry.clusters.pull_secrets.default_secret import NAME
from wherry.clusters.workloads.build import build
from wherry.clusters.workloads.deploy import deploy
from wherry.db.database import Database
from wherry.identity.organizations import create_organization

pytestmark = [pytest.mark.engine("kubernetes"), pytest.mark.slow]


@pytest.fixture
def kind() -> str:
    """One database is enough here."""
    return "sqlite"


def seen(keeper: Keeper, cluster: str) -> dict[str, int]:
    """Pods that are asked for, by the name of the workload in `both`."""
    return {one.name: one.desired for one in keeper.watches[cluster].list_workloads(namespace="both")}


async def test_each_is_seen_as_it_is_and_one_that_is_down_leaves_the_other_alone(
    do: Do, database: Database, plane: ControlPlane, own_kubernetes: ControlPlane
) -> None:
    do(create_organization, "acme", None, register_real(do, plane, "one").created_at)
    register_real(do, own_kubernetes, "two", "acme")
    planes = {"one": plane, "two": own_kubernetes}
    connections = {name: connect_to(each) for name, each in planes.items()}

    async def put(cluster: str, name: str, pods: int) -> None:
        request = dataclasses.replace(DEMO, name=name, namespace="both", pods=pods)
        await deploy(connections[cluster], build(request))

    async with really_keeping(database) as keeper:
        for each in planes.values():
            each.kubectl("create", "namespace", "both")
        await until(lambda: len(keeper.watches) == 2)
        # The same name in the same namespace, of both; and one that only the second has.
        await put("one", "web", 1)
        await put("two", "web", 2)
        await put("two", "worker", 3)
        await until(lambda: seen(keeper, "one") == {"web": 1})
        await until(lambda: seen(keeper, "two") == {"web": 2, "worker": 3})
        # A secret is in the cluster of the organization, and none in that of the site, which serves nobody.
        secrets = "/api/v1/namespaces/both/secrets"
        await until(lambda: own_kubernetes.has(f"{secrets}/{NAME}"))
        assert not plane.has(f"{secrets}/{NAME}")

        await asyncio.to_thread(own_kubernetes.stop_apiserver)
        await until(lambda: do(get_cluster, "two").state.problem is not None)
        assert "no connection to" in do(get_cluster, "two").state.problem
        await put("one", "web", 4)
        took = await until(lambda: seen(keeper, "one") == {"web": 4}, 10)
        assert took < 2, took
        assert seen(keeper, "two") == {"web": 2, "worker": 3}  # the last that was known of it
        state = do(get_cluster, "one").state
        assert (state.word, state.stale_since) == ("Running", None)

        await asyncio.to_thread(own_kubernetes.start_apiserver)
        await put("two", "web", 5)
        await until(lambda: seen(keeper, "two") == {"web": 5, "worker": 3}, 60)
        assert seen(keeper, "one") == {"web": 4}
    for connection in connections.values():
        await connection.close()
