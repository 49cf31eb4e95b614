"""A push of an image held elsewhere: the workload gets the name that the image has there."""

from __future__ import annotations

import pytest

from tests.triggers.world import HOST, WEB, World, deployment, digest
from wherry.triggers.react import Push, fire_matching
from wherry.triggers.replay import replay_run
from wherry.triggers.runs import Run, State

HUB = "docker.io/acme/shop"


async def told(site: World, tag: str, of: str = "", *, image: str = HUB, number: int = 1) -> Run:
    push = Push(f"webhook:{number}", WEB, tag, of, "sender hub", site.clock.now(), image)
    assert site.do(fire_matching, push, site.clock.now())
    await site.work()
    return site.runs[0]


@pytest.mark.parametrize(
    "before", ["docker.io/acme/shop:1.1", "acme/shop:1.1", f"index.docker.io/acme/shop@{digest(1)}"]
)
async def test_the_whole_name_of_the_image_elsewhere_is_set(site: World, before: str) -> None:
    site.fakes["berlin"].write(deployment(before), "kubectl-create")
    site.trigger(platform="linux/amd64")
    run = await told(site, "1.2", digest(2))
    assert (run.state, run.image, run.pushed_by) == (State.SUCCESS, HUB, "sender hub")
    assert site.image() == f"{HUB}:1.2@{digest(2)}"


async def test_without_a_digest_the_tag_is_set_and_the_pods_start_anew_each_time(site: World) -> None:
    site.fakes["berlin"].write(deployment(f"{HUB}:1.1"), "kubectl-create")
    site.trigger()
    starts = []
    for number in (1, 2):
        assert (await told(site, "1.2", number=number)).state is State.SUCCESS
        assert site.image() == f"{HUB}:1.2"
        template = site.fakes["berlin"].objects[("Deployment", "shop", "web")]["spec"]["template"]
        starts.append(template["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"])
        site.clock.move(minutes=1)
    assert starts[0] < starts[1]


@pytest.mark.parametrize(
    "other", [f"{HOST}/acme/shop:1.1", "ghcr.io/acme/shop:1.1", "docker.io/beta/shop:1.1"]
)
async def test_an_image_of_the_same_path_at_another_registry_is_another(site: World, other: str) -> None:
    site.fakes["berlin"].write(deployment(other), "kubectl-create")
    site.trigger()
    run = await told(site, "1.2", digest(2))
    assert (run.state, site.image()) == (State.FAILED, other)
    assert f"uses {HUB}" in run.detail


async def test_a_push_here_does_not_touch_the_image_elsewhere(site: World) -> None:
    site.fakes["berlin"].write(deployment("docker.io/acme/web:1.1"), "kubectl-create")
    site.trigger()
    assert (await site.deliver("1.2", 2)).state is State.FAILED
    assert site.image() == "docker.io/acme/web:1.1"


async def test_a_run_for_an_image_elsewhere_is_made_anew_without_its_bytes_here(site: World) -> None:
    site.fakes["berlin"].write(deployment(f"{HUB}:1.1"), "kubectl-create")
    site.trigger()
    first = await told(site, "1.2", digest(2))
    await told(site, "1.3", digest(3), number=2)
    (again,) = site.do(replay_run, site.ann, first.id, site.clock.now())
    await site.work()
    assert (again.image, site.image()) == (HUB, f"{HUB}:1.2@{digest(2)}")
