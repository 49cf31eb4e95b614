"""What a push pays for triggers: the same pushes without them, with many, and with a cluster that hangs.

The servers run side by side and are pushed to in turns; their clusters are fakes over real HTTPS.
"""

from __future__ import annotations

import base64
import contextlib
import json
import time
import urllib.request
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio.to_thread
from sqlalchemy import Connection as Transaction
from sqlalchemy import insert

from bench.images import Blob, Filler, blob_of, config_of, manifest_of
from bench.people import OWNER
from bench.pushing import push_image, put_manifest
from bench.trigger_page import Measured
from bench.trigger_site import deployment, trigger
from bench.triggers import MATCHING, TRIGGERS, trigger_rows
from bench.wire import Connection
from engines.servers.wherry import Wherry, wherry
from tests.clusters.fake_api import FakeAPI
from tests.clusters.fake_cluster import FakeCluster
from wherry.db.database import Database
from wherry.oci.names import RepositoryName
from wherry.registry.repositories import ensure_repository
from wherry.triggers.tables import triggers

# What a push may pay, in milliseconds.
LIMIT = 1.0
ROUNDS, IN_A_ROW = 200, 100
# Long enough for what comes of a push to be over before the next one, to another server, is measured.
PAUSE = 0.4

SAID = f"""
PUT of a manifest under a new tag of one image, its blobs there already, until the 201. The servers run side
by side on the same machine and are pushed to in turns, every {PAUSE * 1000:.0f} ms or more; then
{IN_A_ROW} pushes in a row to each, three times. In a row what comes after a push (events, runs, jobs)
shares the core and the one writer of SQLite with the next push.
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """`images`: over how many the triggers are spread, None: there are no triggers."""

    title: str
    images: int | None
    hangs: bool = False


NONE = Kind("no triggers", None)
KINDS = (
    NONE,
    Kind(f"{TRIGGERS:,} triggers on 1,000 images, {MATCHING} match", 1000),
    Kind(f"{TRIGGERS:,} triggers on the image itself, {MATCHING} match", 1),
    Kind(f"{MATCHING} triggers match, and their cluster hangs", 1000, hangs=True),
)


@dataclass(slots=True)
class Side:
    """A server, and milliseconds of its pushes: one now and then, and a hundred in a row."""

    kind: Kind
    server: Wherry
    connection: Connection
    config: Blob
    layers: list[Blob]
    single: list[float] = field(default_factory=list)
    in_a_row: list[float] = field(default_factory=list)
    pushed: int = 0

    def push(self) -> float:
        """One more tag with a manifest of its own; milliseconds until the 201."""
        self.pushed += 1
        # Insignificant space makes another digest.
        manifest = blob_of(b"".join(manifest_of(self.config, self.layers).pieces) + b" " * self.pushed)
        began = time.perf_counter()
        put_manifest(self.connection, "bench/i000", f"v{self.pushed}", manifest)
        return (time.perf_counter() - began) * 1000


async def measure(folder: Path) -> list[Measured]:
    """Each kind's pushes, and what those with triggers pay more than those without."""
    api = FakeAPI({f"c{number}": FakeCluster(f"c{number}") for number in range(len(KINDS))})
    settings = {"WHERRY_CLUSTERS_ALLOWED_NETWORKS": "127.0.0.0/8", "WHERRY_LOG_LEVEL": "error"}
    async with api.serving(ports=1), contextlib.AsyncExitStack() as stack:
        sides = []
        for number, kind in enumerate(KINDS):
            server = stack.enter_context(wherry(folder / f"data{number}", settings=settings))
            sides.append(await stack.enter_async_context(_prepared(kind, server, api, f"c{number}")))
        await anyio.to_thread.run_sync(_push_all, sides)
    return _figures(sides)


def _push_all(sides: Sequence[Side]) -> None:
    for number in range(ROUNDS):
        first = number % len(sides)
        for side in [*sides[first:], *sides[:first]]:
            side.single.append(side.push())
            time.sleep(PAUSE / len(sides))
    for _ in range(3):
        for side in sides:
            side.in_a_row += [side.push() for _ in range(IN_A_ROW)]
            time.sleep(1)


@asynccontextmanager
async def _prepared(kind: Kind, server: Wherry, api: FakeAPI, cluster: str) -> AsyncIterator[Side]:
    login = "Basic " + base64.b64encode(f"{server.username}:{server.password}".encode()).decode()
    layers = [Filler(4096).stamped()]
    config = config_of(layers)
    with Connection(int(server.host.rpartition(":")[2]), login) as connection:
        manifest = manifest_of(config, layers)
        await anyio.to_thread.run_sync(
            push_image, connection, "bench/i000", "v0", manifest, [config, *layers]
        )
        if kind.images is not None:
            made = deployment(0, server.host)
            api.clusters[cluster].write(made)
            body = {"name": cluster, "kubeconfig": api.kubeconfig(cluster)}
            await _ask(server, login, "/organizations/bench/clusters", body)
            for number in range(MATCHING):
                wanted = {**trigger(0, cluster), "name": f"m{number}"}
                await _ask(server, login, "/organizations/bench/images/i000/triggers", wanted)
            await anyio.to_thread.run_sync(_add_triggers, server.data, kind.images)
        if kind.hangs:
            api.hanging.add(cluster)
            api.clusters[cluster].break_watches()
        yield Side(kind, server, connection, config, layers)


def _add_triggers(data: Path, images: int) -> None:
    def work(tx: Transaction) -> None:
        now = datetime.now(UTC)
        names = [RepositoryName(f"bench/i{number:03}") for number in range(images)]
        ids = [ensure_repository(tx, name, OWNER, now) for name in names]
        tx.execute(insert(triggers), trigger_rows(ids, TRIGGERS - MATCHING))

    database = Database(f"sqlite:///{data / 'wherry.db'}")
    try:
        database.write_now(work)
    finally:
        database.close()


async def _ask(server: Wherry, login: str, path: str, body: Mapping[str, Any]) -> None:
    asked = urllib.request.Request(
        f"{server.url}/api/v1{path}",
        data=json.dumps(body).encode(),
        headers={"Authorization": login, "Content-Type": "application/json"},
    )

    def send() -> None:
        urllib.request.urlopen(asked, timeout=60).close()

    # The cluster that the server asks meanwhile is on this loop.
    await anyio.to_thread.run_sync(send)


def _figures(sides: Sequence[Side]) -> list[Measured]:
    bare, figures = sides[0], []
    for side in sides:
        figures.append(Measured(f"a push now and then: {side.kind.title}", side.single))
    for side in sides[1:]:
        more = [with_them - without for with_them, without in zip(side.single, bare.single, strict=True)]
        figures.append(
            Measured(f"what it pays more than with no triggers: {side.kind.title}", more, p50=LIMIT)
        )
    for side in sides:
        figures.append(Measured(f"pushes in a row on one connection: {side.kind.title}", side.in_a_row))
    return figures
