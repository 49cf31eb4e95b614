"""A trigger over a fleet: its canary first, then all that the fleet has at the moment of the push."""

from __future__ import annotations

from tests.triggers.world import HOST, World, digest
from wherry.clusters.federations.fleets import add_cluster, create_fleet, remove_cluster
from wherry.triggers.runs import State
from wherry.triggers.trigger import Target, WorkloadKind

CANARY_FIRST = Target("shop", WorkloadKind.DEPLOYMENT, "web", waves=(("canary",),), fleet="shops")


def image(number: int) -> str:
    return f"{HOST}/acme/web:1.{number}@{digest(number)}"


async def test_the_canary_goes_first_and_its_failure_stops_the_fleet(site: World) -> None:
    site.add_cluster("paris")
    now = site.clock.now()
    fleet = site.do(create_fleet, "shops", "acme", "", site.ann.user_id, now)
    for cluster in ("berlin", "canary"):
        site.do(add_cluster, site.ann, fleet, cluster, now)
    site.trigger(target=CANARY_FIRST, pause_after=0)

    site.push("1.4", 4)
    waiting = {run.cluster: (run.wave, run.detail) for run in site.runs}
    assert waiting.keys() == {"berlin", "canary"}
    assert (waiting["canary"][0], waiting["berlin"][0]) == (0, 1)
    assert waiting["berlin"][1].startswith("waits until the clusters")
    await site.work()
    assert {run.state for run in site.runs} == {State.SUCCESS}
    assert [site.image(one) for one in ("canary", "berlin")] == [image(4), image(4)]
    assert site.image("paris") == f"{HOST}/acme/web:1.3"

    # Who joined meanwhile has its turn too, behind the canary.
    site.do(add_cluster, site.ann, fleet, "paris", now)
    site.fakes["canary"].remove(WorkloadKind.DEPLOYMENT.kind, "web", "shop")
    site.push("1.5", 5)
    await site.work()
    ended = {run.cluster: run for run in site.runs if run.tag == "1.5"}
    assert ended["canary"].state is State.FAILED
    for cluster in ("berlin", "paris"):
        assert ended[cluster].state is State.SKIPPED
        assert "in the cluster canary, of a wave before this one, it failed" in ended[cluster].detail
    assert [site.image(one) for one in ("berlin", "paris")] == [image(4), f"{HOST}/acme/web:1.3"]

    # And who left has none.
    site.do(remove_cluster, fleet, "canary", now)
    site.do(remove_cluster, fleet, "berlin", now)
    await site.deliver("1.6", 6)
    assert {run.cluster for run in site.runs if run.tag == "1.6"} == {"canary", "paris"}
