"""One request for several clusters: each by itself, with its own outcome."""

from __future__ import annotations

from tests.clusters.fake_cluster import FakeCluster
from tests.clusters.workloads.requests import DEMO
from wherry.clusters.federations.fleet import deploy_to_all
from wherry.clusters.workloads.build import build


async def test_one_that_fails_keeps_no_other_from_its_own() -> None:
    fakes = {name: FakeCluster(name) for name in ("a", "b", "c")}
    fakes["b"].is_down = True
    fakes["c"].merge(build(DEMO)[0] | {"spec": {"replicas": 7}}, "helm", force=True)
    connections = {name: fake.connect() for name, fake in fakes.items()}
    tried = await deploy_to_all(connections, build(DEMO), dry_run=True)
    assert ("Deployment", "default", "demo") not in fakes["a"].objects
    done = await deploy_to_all(connections, build(DEMO))
    assert {name: outcome.problem is None for name, outcome in done.items()} == {
        "a": True,
        "b": False,
        "c": False,
    }
    assert {name: outcome.problem is None for name, outcome in tried.items()} == {
        "a": True,
        "b": False,
        "c": False,
    }
    assert "no connection to b" in (done["b"].problem or "")
    assert ".spec.replicas belongs to helm" in (done["c"].problem or "")
    assert ("Deployment", "default", "demo") in fakes["a"].objects
    taken = await deploy_to_all(connections, build(DEMO), force=True)
    assert taken["c"].problem is None
