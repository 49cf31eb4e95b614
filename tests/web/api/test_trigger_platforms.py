"""A trigger for one platform: what an index, a config, or nobody says of what was pushed, before it fires."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

from tests.registry.contents import descriptor, image, index
from tests.web.running import Registry
from wherry.app.event_dispatch import Dispatcher, prepare
from wherry.blobs.errors import StoreUnavailable
from wherry.blobs.store import BlobReader
from wherry.db.bell import Bell
from wherry.oci import media_types
from wherry.triggers.react import react

ACME = "/api/v1/organizations/acme"
WEB = f"{ACME}/images/web"
EMPTY = "application/vnd.oci.empty.v1+json"


def config(os: str = "linux", architecture: str = "amd64", **more: str) -> bytes:
    return json.dumps({"os": os, "architecture": architecture, **more}).encode()


AMD64, ARM64 = config(), config(architecture="arm64", variant="v8")


class Away:
    """A store that does not answer."""

    async def size(self, location: str) -> int:
        raise StoreUnavailable("it is away")


class Site:
    """acme/web with a trigger for arm64 whose runs wait for approval."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry

    async def push(self, content: bytes, *blobs: bytes, tag: str = "1.4") -> str:
        for blob in (b"{}", b"layer", *blobs):
            await self.registry.push_blob("acme/web", blob)
        document = json.loads(content)
        kind = {"content-type": document["mediaType"]}
        return str(await self.registry.push_manifest("acme/web", content, tag, **kind))

    async def push_index(self, *configs: bytes) -> None:
        children = []
        for one in configs:
            child = image(one)
            await self.push(child, one, tag="child")
            said = json.loads(one)
            children.append(descriptor(child, media_types.OCI_MANIFEST) | {"platform": said})
        await self.push(index([], manifests=children))

    async def dispatch(self, store: Any = None) -> int:
        wired = self.registry.wired
        reader: BlobReader = store or wired.store
        dispatcher = Dispatcher(
            wired.database,
            wired.api.clock,
            Bell(wired.database),
            {"triggers": react},
            prepare=partial(prepare, wired.database, reader),
        )
        return await dispatcher.dispatch_waiting()

    async def runs(self, tag: str = "1.4") -> list[tuple[str, str]]:
        """State and detail, the newest first."""
        found = (await self.registry.http.get(f"{WEB}/trigger-runs")).json()["items"]
        return [(one["state"], one["detail"]) for one in found if one["tag"] == tag]

    async def why_not(self) -> str | None:
        """What a preview says."""
        found = (await self.registry.http.get(f"{WEB}/trigger-preview", params={"tag": "1.4"})).json()
        why_not: str | None = found["triggers"][0]["why_not"]
        return why_not


@pytest.fixture
async def site(acme: Registry) -> Site:
    made = await acme.http.post(f"{ACME}/images", json={"image": "web"})
    assert made.status_code == 201, made.text
    made = await acme.http.post(
        f"{WEB}/triggers",
        json={
            "name": "arm",
            "condition": {"kind": "all"},
            "platform": "linux/arm64",
            "target": {"namespace": "shop", "name": "web", "waves": [["prod"]]},
            "options": {"approval": True},
        },
    )
    assert made.status_code == 201, made.text
    return Site(acme)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (AMD64, "the image is not for linux/arm64, only for linux/amd64"),
        (config("windows", "arm64"), "the image is not for linux/arm64, only for windows/arm64"),
        (b"{}", "nothing says for which platform the image is, and the trigger is for linux/arm64"),
        (b"no json", "nothing says for which platform the image is, and the trigger is for linux/arm64"),
    ],
)
async def test_an_image_of_another_platform_is_skipped_with_the_reason(
    site: Site, said: bytes, told: str
) -> None:
    await site.push(image(said), said)
    assert await site.why_not() == told
    await site.dispatch()
    assert await site.runs() == [("skipped", told)]


@pytest.mark.parametrize("said", [ARM64, config(architecture="arm64")])
async def test_an_image_of_the_platform_fires(site: Site, said: bytes) -> None:
    await site.push(image(said), said)
    assert await site.why_not() is None
    await site.dispatch()
    [(state, _)] = await site.runs()
    assert state == "waiting for approval"


async def test_an_index_says_it_itself(site: Site) -> None:
    await site.push_index(AMD64)
    await site.dispatch()
    await site.push_index(AMD64, ARM64)
    await site.dispatch()
    (fired, _), (skipped, told) = await site.runs()
    assert (fired, skipped) == ("waiting for approval", "skipped")
    assert told == "the image is not for linux/arm64, only for linux/amd64"


async def test_what_is_no_image_is_for_no_platform(site: Site) -> None:
    chart = image(config=b"{}", artifactType="application/vnd.example.chart")
    document = json.loads(chart)
    document["config"]["mediaType"] = EMPTY
    digest = await site.push(json.dumps(document).encode())
    await site.dispatch()
    assert await site.runs() == [("skipped", f"{digest[:19]} is no image, so it is not for linux/arm64")]


async def test_a_push_for_another_platform_does_not_take_the_place_of_one_that_waits(site: Site) -> None:
    await site.push(image(ARM64), ARM64, tag="1.4-arm64")
    await site.dispatch()
    await site.push(image(AMD64), AMD64, tag="1.4-amd64")
    await site.dispatch()
    assert [state for state, _ in await site.runs("1.4-arm64")] == ["waiting for approval"]
    assert [state for state, _ in await site.runs("1.4-amd64")] == ["skipped"]


async def test_a_store_that_does_not_answer_holds_the_push_up_and_loses_nothing(site: Site) -> None:
    await site.push(image(ARM64), ARM64)
    with pytest.raises(StoreUnavailable):
        await site.dispatch(Away())
    assert await site.runs() == []
    await site.dispatch()
    assert [state for state, _ in await site.runs()] == ["waiting for approval"]


async def test_without_a_platform_nothing_is_read(site: Site) -> None:
    assert (await site.registry.http.delete(f"{WEB}/triggers/arm")).status_code == 204
    await site.push(image(AMD64), AMD64)
    assert await site.dispatch(Away()) > 0
