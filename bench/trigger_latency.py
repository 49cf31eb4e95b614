"""`python -m bench.trigger_latency`: from the 201 of a push until a Deployment has the new image.

The server is a process of its own with default settings, the cluster a real kube-apiserver over etcd with its
controllers (nodes are played), one push in five is crane's. See `bench.trigger_pushes` for what a push pays.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import datetime
import io
import itertools
import json
import logging
import os
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from bench import machine, trigger_pushes
from bench import triggers as matching
from bench.images import Filler, config_of, manifest_of
from bench.pushing import push_image
from bench.trigger_page import PAGE, Measured, page_of
from bench.trigger_site import DeploymentWatch, Relay, deployment, trigger
from bench.wire import Connection
from engines import find
from engines import version as engine_version
from engines.servers.kubernetes import ControlPlane, control_plane
from engines.servers.wherry import Wherry, wherry

PUSHES, TRIGGERS, RATE = 1000, 200, 5.0
CRANE_EVERY = 5
LAYER = 16 * 1024
CLUSTER = "berlin"
# Pods that one played node takes; real ones take 110 by default.
_PODS_A_NODE = 80
_LATENCY = """
One `wherry serve` with default settings on a fresh folder; a kube-apiserver over etcd with its controllers,
whose nodes are played. {triggers} triggers, each of an image and a Deployment of its own with one pod;
{pushes:,} pushes of new images, {rate:g} a second whatever the ones before take, every roll-out followed to
its end. One push in {every} is `crane append`, the others are plain HTTP with the requests that clients send.
A relay before the server notes when the 201 of the manifest passes, a watch at the kube-apiserver when the
Deployment has the digest. Server, cluster and clients share the machine. Every run ended as `success`.
"""
_STEPS = """
    select (julianday(started_at) - julianday(created_at)) * 86400000,
           (julianday(applied_at) - julianday(started_at)) * 86400000
    from trigger_runs where applied_at is not null
"""


@dataclass(slots=True)
class Round:
    """One run of the bench: digests by who pushed them, and when each was due."""

    by: dict[str, str] = field(default_factory=dict)
    late: int = 0


class Latency:
    """A server, its cluster, and those who push."""

    def __init__(self, server: Wherry, plane: ControlPlane, relay: Relay, folder: Path) -> None:
        self.server = server
        self._plane = plane
        self._relay = relay
        self._filler = Filler(LAYER)
        self._plain = "Basic " + base64.b64encode(f"{server.username}:{server.password}".encode()).decode()
        self._connections: list[Connection] = []
        self._folder = folder
        self._layers = itertools.count()
        self._round = Round()
        (folder / "docker").mkdir()
        auth = {"auths": {f"127.0.0.1:{relay.port}": {"auth": self._plain.removeprefix("Basic ")}}}
        (folder / "docker" / "config.json").write_text(json.dumps(auth))

    async def prepare(self, triggers: int) -> None:
        """Images, Deployments, the cluster, and a trigger of each image."""
        for number in range(triggers):
            await asyncio.to_thread(self._push_plainly, number, "v0")
            await asyncio.to_thread(self._make, deployment(number, self.server.host))
        login = aiohttp.BasicAuth(self.server.username, self.server.password)
        async with aiohttp.ClientSession(auth=login) as client:
            body = {"name": CLUSTER, "kubeconfig": self._plane.kubeconfig.read_text()}
            await self._ask(client, "/organizations/bench/clusters", body)
            for number in range(triggers):
                path = f"/organizations/bench/images/i{number:03}/triggers"
                await self._ask(client, path, trigger(number, CLUSTER))
        # The Deployments are rolled out first, as those of a cluster that has run for a while.
        async with asyncio.timeout(300):
            while await asyncio.to_thread(self._ready) < triggers:  # noqa: ASYNC110 (another program's doing)
                await asyncio.sleep(1)

    async def push(self, pushes: int, triggers: int, rate: float) -> Round:
        """All of them at a steady rate, whatever the ones before took."""
        self._round = Round()
        began, tasks = time.perf_counter(), []
        for number in range(pushes):
            due = began + number / rate
            pause = due - time.perf_counter()
            if pause > 0:
                await asyncio.sleep(pause)
            elif pause < -0.1:
                self._round.late += 1
            # Every image has its turn with both: triggers and CRANE_EVERY share no order.
            by_crane = (number + number // triggers) % CRANE_EVERY == 0
            one = self._push_by_crane if by_crane else self._push_plainly
            tasks.append(asyncio.create_task(asyncio.to_thread(one, number % triggers, f"v{number + 1}")))
        await asyncio.gather(*tasks)
        for connection in self._connections:
            connection.close()
        self._connections.clear()
        return self._round

    def _push_plainly(self, image: int, tag: str) -> None:
        """As clients do: asks for each blob and for the tag, pushes the blobs, then the manifest."""
        layer = self._filler.stamped()
        config = config_of([layer])
        manifest = manifest_of(config, [layer])
        connection = (
            self._connections.pop() if self._connections else Connection(self._relay.port, self._plain)
        )
        self._round.by[manifest.digest] = "plain HTTP"
        push_image(connection, f"bench/i{image:03}", tag, manifest, [config, layer])
        self._connections.append(connection)

    def _push_by_crane(self, image: int, tag: str) -> None:
        layer = self._folder / f"layer-{next(self._layers)}.tar"
        layer.write_bytes(_tar(layer.stem))
        name = f"127.0.0.1:{self._relay.port}/bench/i{image:03}:{tag}"
        done = subprocess.run(
            [find("crane"), "append", "--insecure", "--new_layer", layer, "--new_tag", name],
            env={**os.environ, "DOCKER_CONFIG": str(self._folder / "docker")},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        layer.unlink()
        if done.returncode:
            raise RuntimeError(f"crane: {done.stderr.strip()}")
        self._round.by[done.stdout.strip().rpartition("@")[2]] = "crane"

    def _make(self, made: Mapping[str, Any]) -> None:
        self._plane.request("POST", "/apis/apps/v1/namespaces/default/deployments", made)

    def _ready(self) -> int:
        found = self._plane.request("GET", "/apis/apps/v1/namespaces/default/deployments")
        return sum(1 for one in found["items"] if one["status"].get("readyReplicas"))

    async def _ask(self, client: aiohttp.ClientSession, path: str, body: Mapping[str, Any]) -> None:
        async with client.post(f"{self.server.url}/api/v1{path}", json=body) as answer:
            if answer.status >= 300:
                raise RuntimeError(f"{path}: {answer.status} {await answer.text()}")


async def measure(folder: Path, pushes: int, triggers: int, rate: float) -> list[Measured]:
    """In the order in which they are told. Raises where a push did not come to its Deployment."""
    settings = {"WHERRY_CLUSTERS_ALLOWED_NETWORKS": "127.0.0.0/8", "WHERRY_LOG_LEVEL": "warning"}
    with control_plane() as plane, wherry(folder / "data", settings=settings) as server:
        plane.add_nodes(triggers * 2 // _PODS_A_NODE + 1)
        relay, watch = Relay(int(server.host.rpartition(":")[2])), DeploymentWatch(plane)
        async with relay.open():
            latency = Latency(server, plane, relay, folder)
            await latency.prepare(triggers)
            watching = asyncio.create_task(watch.run())
            pushed = await latency.push(pushes, triggers, rate)
            await _until_seen(watching, watch, pushed)
            await _until_over(folder / "data" / "wherry.db")
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        if pushed.late:
            sys.stderr.write(f"{pushed.late} pushes began more than 0.1 s late\n")
        return _figures(pushed, relay, watch, folder / "data" / "wherry.db")


def _figures(pushed: Round, relay: Relay, watch: DeploymentWatch, data: Path) -> list[Measured]:
    taken: dict[str, list[float]] = {}
    for digest, by in pushed.by.items():
        taken.setdefault(by, []).append((watch.seen[digest] - relay.arrived[digest]) * 1000)
    together = [one for part in taken.values() for one in part]
    title = "from the 201 until the watch shows the new image"
    figures = [Measured(f"{title}, all pushes", together, p50=300, p99=1000)]
    figures += [Measured(f"{title}, pushed by {by}", part) for by, part in sorted(taken.items())]
    with contextlib.closing(sqlite3.connect(data)) as database:
        steps = database.execute(_STEPS).fetchall()
        states = Counter(row[0] for row in database.execute("select state from trigger_runs"))
    figures.append(
        Measured("of it: from the event in the push until its job begins", [one[0] for one in steps])
    )
    figures.append(Measured("of it: from there until the cluster has answered", [one[1] for one in steps]))
    if states != {"success": len(together)}:
        raise RuntimeError(f"not every run was a success: {dict(states)}")
    return figures


async def _until_seen(watching: asyncio.Task[None], watch: DeploymentWatch, pushed: Round) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(60):
            while pushed.by.keys() - watch.seen.keys():
                if watching.done():
                    watching.result()
                watch.news.clear()
                await watch.news.wait()
            return
    missing = Counter(by for digest, by in pushed.by.items() if digest not in watch.seen)
    raise RuntimeError(f"never seen in a Deployment: {dict(missing)} of {len(pushed.by)}")


async def _until_over(data: Path) -> None:
    """The last roll-outs are followed to their end."""
    query = "select count(*) from trigger_runs where ended_at is null"
    with contextlib.closing(sqlite3.connect(data)) as database:
        async with asyncio.timeout(120):
            while database.execute(query).fetchone()[0]:  # noqa: ASYNC110
                await asyncio.sleep(0.5)


def _tar(name: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        content = os.urandom(LAYER)
        info = tarfile.TarInfo(f"app/{name}")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return made.getvalue()


def main() -> int:
    """0 where every target is reached."""
    parser = argparse.ArgumentParser(prog="python -m bench.trigger_latency", description=__doc__)
    parser.add_argument("--pushes", type=int, default=PUSHES)
    parser.add_argument("--triggers", type=int, default=TRIGGERS, help="each of an image of its own")
    parser.add_argument("--rate", type=float, default=RATE, help="pushes a second")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.parent.name}/{PAGE.name} anew")
    options = parser.parse_args()
    # The fakes at their end tell of watches that were cut.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    load = machine.load_average()
    with tempfile.TemporaryDirectory(prefix="wherry-bench-") as folder:
        latency = asyncio.run(measure(Path(folder), options.pushes, options.triggers, options.rate))
        pushes = asyncio.run(trigger_pushes.measure(Path(folder)))
        facts = {
            "When": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
            "Command": "python -m bench.trigger_latency --write",
            **machine.facts(Path(folder)),
            "Kubernetes": engine_version("kubernetes").partition("+")[0],
            "crane": engine_version("crane"),
            "Load average": f"{load:.2f} before, {machine.load_average():.2f} after",
        }
    told = _LATENCY.format(
        pushes=options.pushes, triggers=options.triggers, rate=options.rate, every=CRANE_EVERY
    )
    parts = [
        ("From a push to the Deployment", told, latency),
        ("What a push pays", trigger_pushes.SAID, pushes),
        ("Matching", matching.SAID, matching.measure()),
    ]
    page = page_of(parts, facts)
    sys.stdout.write(page)
    if options.write:
        PAGE.write_text(page)
    return 0 if all(figure.is_reached for _, _, figures in parts for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
