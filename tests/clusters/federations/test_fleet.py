"""One request for several clusters: each by itself, with its own outcome."""

from __future__ import annotations

from tests.clusters.fake_cluster import FakeCluster
from tests.clusters.workloads.requests import DEMO
from wherry.clusters.federations.fleet import delete_from_all, deploy_to_all, look_at_all
from wherry.clusters.kinds import DEPLOYMENT
from wherry.clusters.workloads.build import build

DEPLOYED = ("Deployment", "default", "demo")


def fleet() -> dict[str, FakeCluster]:
    """One that takes everything, one that is away, one where somebody else has the workload."""
    fakes = {name: FakeCluster(name) for name in ("a", "b", "c")}
    fakes["b"].is_down = True
    fakes["c"].merge(build(DEMO)[0] | {"spec": {"replicas": 7}}, "helm", force=True)
    return fakes


async def test_one_that_fails_keeps_no_other_from_its_own() -> None:
    fakes = fleet()
    connections = {name: fake.connect() for name, fake in fakes.items()}
    tried = await deploy_to_all(connections, build(DEMO), dry_run=True)
    assert DEPLOYED not in fakes["a"].objects
    done = await deploy_to_all(connections, build(DEMO))
    assert [name for name, outcome in done.items() if outcome.problem is None] == ["a"]
    assert [name for name, outcome in tried.items() if outcome.problem is None] == ["a"]
    assert "no connection to b" in (done["b"].problem or "")
    assert ".spec.replicas belongs to helm" in (done["c"].problem or "")
    assert DEPLOYED in fakes["a"].objects
    taken = await deploy_to_all(connections, build(DEMO), force=True)
    assert taken["c"].problem is None


async def test_each_cluster_gets_its_own() -> None:
    fakes = {name: FakeCluster(name) for name in ("a", "b")}
    connections = {name: fake.connect() for name, fake in fakes.items()}
    [made] = build(DEMO)

    def pods(cluster: str) -> list[dict[str, object]]:
        return [made | {"spec": made["spec"] | {"replicas": {"a": 1, "b": 2}[cluster]}}]

    await deploy_to_all(connections, pods)
    assert [fake.objects[DEPLOYED]["spec"]["replicas"] for fake in fakes.values()] == [1, 2]


async def test_how_it_fares_is_told_for_each() -> None:
    fakes = fleet()
    fakes["d"] = FakeCluster("d")
    connections = {name: fake.connect() for name, fake in fakes.items()}
    await deploy_to_all(connections, build(DEMO))
    shares = await look_at_all(connections, DEPLOYMENT, "demo", "default")
    seen = {name: share.workload and share.workload.desired for name, share in shares.items()}
    assert seen == {"a": 2, "b": None, "c": 7, "d": 2}
    assert [name for name, share in shares.items() if share.problem] == ["b"]


async def test_it_is_deleted_where_it_can_be() -> None:
    fakes = fleet()
    connections = {name: fake.connect() for name, fake in fakes.items()}
    await deploy_to_all({"a": connections["a"]}, build(DEMO))
    fakes["c"].remove(DEPLOYMENT, "demo", "default")
    problems = await delete_from_all(connections, DEPLOYMENT, "demo", "default")
    assert [name for name, problem in problems.items() if problem is None] == ["a", "c"]
    assert DEPLOYED not in fakes["a"].objects
    assert (await look_at_all(connections, DEPLOYMENT, "demo", "default"))["a"].workload is None
