"""Pulls go on with the cluster's secret while it rotates: whoever has read it a moment ago still gets in."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from engines.servers import Wherry, wherry
from tests.clusters.fake_cluster import FakeCluster
from tests.clusters.registered import SEALER, readable
from wherry.clusters.addresses import AddressRules
from wherry.clusters.cluster import Cluster
from wherry.clusters.pull_secrets.default_secret import NAME, look_and_plan, reconcile
from wherry.clusters.pull_secrets.documents import content_of
from wherry.clusters.pull_secrets.keys import current_logins, end_retired, rolled_out
from wherry.clusters.register import Registration, register_cluster
from wherry.db.database import Database
from wherry.identity.access_keys import list_access_keys
from wherry.kit.clock import SystemClock

ROTATIONS = 20
PULLERS = 4
OVERLAP = timedelta(seconds=3)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Wherry]:
    """A server with a private image acme/web:1."""
    with wherry(tmp_path / "data") as running:
        with httpx.Client(base_url=running.url, auth=(running.username, running.password)) as client:
            content = b"{}"
            digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
            where = f"/v2/acme/web/blobs/uploads/?digest={digest}"
            client.post(where, content=content).raise_for_status()
            config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": 2}
            manifest = {
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": config,
                "layers": [],
            }
            client.put(
                "/v2/acme/web/manifests/1",
                content=json.dumps(manifest),
                headers={"Content-Type": str(manifest["mediaType"])},
            ).raise_for_status()
        yield running


@pytest.mark.slow
async def test_no_pull_fails_while_the_key_rotates(server: Wherry) -> None:
    database, clock, fake = Database(f"sqlite:///{server.data / 'wherry.db'}"), SystemClock(), FakeCluster()
    asked = Registration("prod", readable(), organization="acme")
    cluster: Cluster = await database.write(
        lambda tx: register_cluster(
            tx, SEALER, AddressRules(), asked, uid=None, created_by=None, now=clock.now()
        )
    )
    connection = fake.connect()

    async def rotate() -> None:
        now = clock.now()
        logins = await database.write(
            lambda tx: current_logins(tx, SEALER, cluster, server.host, now, rotate=True)
        )
        done = await reconcile(connection, await look_and_plan(connection, logins))
        assert done.is_whole
        await database.write(lambda tx: rolled_out(tx, cluster, logins.source, now, overlap=OVERLAP))
        await database.write(lambda tx: end_retired(tx, clock.now(), cluster))

    statuses: list[int] = []
    ended = asyncio.Event()

    async def pull_for_ever() -> None:
        async with httpx.AsyncClient(base_url=server.url) as client:
            while not ended.is_set():
                auths = json.loads(content_of(fake.objects[("Secret", "default", NAME)]) or "")["auths"]
                login = auths[server.host]
                await asyncio.sleep(0.5)  # a kubelet that has read the secret some time ago
                answer = await client.get(
                    "/v2/acme/web/manifests/1", auth=(login["username"], login["password"])
                )
                statuses.append(answer.status_code)

    await rotate()
    pulling = [asyncio.create_task(pull_for_ever()) for _ in range(PULLERS)]
    for _ in range(ROTATIONS):
        await rotate()
        await asyncio.sleep(0.4)
    ended.set()
    await asyncio.gather(*pulling)
    assert len(statuses) > ROTATIONS
    assert set(statuses) == {200}, statuses
    # The old ones do end: what is left is the newest, and those whose overlap is not over yet.
    left = await database.read(list_access_keys)
    assert len(left) < ROTATIONS / 2
    await asyncio.sleep(OVERLAP.total_seconds() + 1)
    await database.write(lambda tx: end_retired(tx, clock.now(), cluster))
    assert len(await database.read(list_access_keys)) == 1
    database.close()
