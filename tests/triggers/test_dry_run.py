"""A dry run asks each cluster what a push would change, and changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.clusters.fake_cluster import FakeConnection
from tests.triggers.world import ALL, HOST, TARGET, WEB, World, deployment, digest
from wherry.clusters.connection import ClusterConnection
from wherry.clusters.errors import ClusterUnknown
from wherry.oci.names import Tag
from wherry.triggers.conditions import Condition, ConditionKind
from wherry.triggers.dry_run import Told, ask_clusters
from wherry.triggers.plan import Image
from wherry.triggers.preview import preview_push
from wherry.triggers.trigger import Target, WorkloadKind


async def asked(site: World, tag: str, number: int = 1, **how: float) -> dict[tuple[str, str], Told]:
    @asynccontextmanager
    async def reach(name: str) -> AsyncIterator[ClusterConnection]:
        if name not in site.fakes:
            raise ClusterUnknown(name)
        yield site.fakes[name].connect()

    found = site.do(preview_push, WEB, Tag.parse(tag), site.clock.now(), digest=digest(number))
    image = Image(WEB, tag, digest(number), (HOST,))
    return dict(await ask_clusters(found, reach, image, site.clock.now(), **how))


async def test_it_says_which_container_would_get_which_image(site: World) -> None:
    site.trigger()
    before = site.image()
    [told] = (await asked(site, "1.4")).values()
    assert told.reason is None
    [change] = told.changes
    assert change == f"Deployment web: container app from 1.3 to 1.4@{digest(1)[:19]}"
    assert site.image() == before
    assert site.runs == []


async def test_all_clusters_are_asked_and_each_says_its_own(site: World) -> None:
    waves = Target("shop", WorkloadKind.DEPLOYMENT, "web", waves=(("canary",), ("berlin",)))
    site.trigger(target=waves)
    site.fakes["berlin"].write(deployment(f"{HOST}/acme/web:1.4@{digest(1)}"))
    told = await asked(site, "1.4")
    assert told["prod", "canary"].changes
    assert told["prod", "berlin"].changes == ()
    assert told["prod", "berlin"].reason


async def test_an_older_version_would_change_nothing_and_it_says_so(site: World) -> None:
    site.trigger(condition=Condition(ConditionKind.SEMVER, ">=1"))
    [told] = (await asked(site, "1.2.0")).values()
    assert told.changes == ()
    assert "1.3" in str(told.reason)


async def test_what_is_wrong_with_the_target_is_said(site: World) -> None:
    site.trigger("gone", target=Target.workload("berlin", "shop", WorkloadKind.DEPLOYMENT, "nothing"))
    site.trigger("other", target=TARGET)
    site.fakes["berlin"].write(deployment("docker.io/library/nginx:1"))
    told = await asked(site, "1.4")
    assert "there is no Deployment nothing" in str(told["gone", "berlin"].reason)
    assert "acme/web" in str(told["other", "berlin"].reason)


async def test_a_cluster_that_hangs_holds_nobody_up(site: World, monkeypatch: pytest.MonkeyPatch) -> None:
    site.trigger(target=Target("shop", WorkloadKind.DEPLOYMENT, "web", waves=(("canary", "berlin"),)))
    get = FakeConnection.get

    async def hanging(self: FakeConnection, *arguments: Any, **named: Any) -> Any:
        if self.cluster == "berlin":
            await asyncio.Event().wait()
        return await get(self, *arguments, **named)

    monkeypatch.setattr(FakeConnection, "get", hanging)
    told = await asked(site, "1.4", seconds=0.2)
    assert told["prod", "canary"].changes
    assert told["prod", "berlin"] == Told(reason="the cluster did not answer within 0.2 s")


async def test_what_does_not_fire_is_not_asked(site: World) -> None:
    site.trigger(condition=Condition(ConditionKind.TAG, "stable"))
    assert await asked(site, "1.4") == {}
    site.trigger("all", condition=ALL)
    assert list(await asked(site, "1.4")) == [("all", "berlin")]


async def test_a_cluster_that_the_caller_may_not_see_tells_nothing(site: World) -> None:
    site.trigger()
    del site.fakes["berlin"]
    [told] = (await asked(site, "1.4")).values()
    assert told == Told(reason=str(ClusterUnknown("berlin")))
