"""The pull check over HTTP; that it tells ways of failing apart is tested on real nodes, beside the check."""

from __future__ import annotations

import httpx
import pytest

from tests.clusters.fake_cluster import FakeCluster
from tests.web.api.conftest import CLUSTERS
from tests.web.api.reading import code_of
from tests.web.running import BOB, Registry

CHECKS = f"{CLUSTERS}/prod/pull-checks"


async def may(registry: Registry, level: str) -> httpx.AsyncClient:
    path = "/api/v1/organizations/acme/permissions/users/bob"
    assert (await registry.http.put(path, json={"level": level})).status_code in (200, 201)
    return registry.client(BOB)


async def test_a_cluster_without_a_ready_node_pulls_nothing_and_is_told_so(
    watched: Registry, fake: FakeCluster
) -> None:
    answer = await watched.http.post(CHECKS, json={"seconds": 1})
    assert answer.status_code == 200, answer.text
    done = answer.json()
    assert (done["pulls"], done["left"]) == (False, [])
    [record] = (await watched.http.get("/api/v1/audit?action=cluster.deploy")).json()["items"]
    assert record["detail"] == {"pull_check": done["image"], "pulls": False}
    # The image and its login were for this once.
    name, _, digest = done["image"].partition("/")[2].partition("@")
    assert (await watched.http.get(f"/v2/{name}/manifests/{digest}")).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"namespace": "Not A Name"},
        {"image": "no image"},
        {"pull_secrets": ["Not A Name"]},
        {"seconds": 0},
        {"seconds": 100_000},
        {"colour": "red"},
    ],
)
async def test_what_cannot_be_tried_is_refused(watched: Registry, body: dict[str, object]) -> None:
    answer = await watched.http.post(CHECKS, json=body)
    assert answer.status_code == 422, answer.text


async def test_it_takes_write_on_the_cluster(watched: Registry) -> None:
    reader = await may(watched, "read")
    answer = await reader.post(CHECKS, json={})
    assert (answer.status_code, code_of(answer)) == (403, "not_allowed")
