"""The servers, their cluster, and the kills: a fake cluster over HTTPS kills whoever makes its n-th call."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from aiohttp import web

from engines.servers.process import free_port
from engines.servers.wherry import Wherry, start_wherry
from tests.clusters.fake_api import FakeAPI
from tests.clusters.fake_cluster import FakeCluster
from tests.triggers.kills.judging import Pushed, Ran, judge
from tests.triggers.world import deployment

HOST = "registry.test"
IMAGE = "/api/v1/organizations/acme/images/web"
TRIGGERS = ("quick", "followed")
OCI = "application/vnd.oci.image.manifest.v1+json"
# A step that does not come within this time is not among those of this delivery.
GIVE_UP = 1.0
# Each is done once before any is done again: at a call, of which two deliveries make about six; soon after a
# push; amid a push.
KILLS = [
    *((kind, step) for kind in ("before", "after") for step in range(1, 7)),
    *(("soon", 0), ("soon", 0), ("in the push", 0), ("in the push", 0)),
]
SETTLED_WITHIN = 90.0


class KillingAPI(FakeAPI):
    """Kills on the n-th call for a workload, before it is carried out or before its answer is sent."""

    def __init__(self, clusters: dict[str, FakeCluster]) -> None:
        super().__init__(clusters)
        self._left = 0
        self._after = False
        self._kill: Callable[[], None] = lambda: None
        self.fired = asyncio.Event()

    def arm(self, step: int, *, after: bool, kill: Callable[[], None]) -> None:
        self._left, self._after, self._kill = step, after, kill
        self.fired.clear()

    def disarm(self) -> None:
        self._left = 0

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        # Not the lists and watches by which the cluster is kept in sight: deliveries name a workload.
        counts = "/deployments/" in request.path or (
            "watch" in request.query and "fieldSelector" in request.query
        )
        fires = False
        if self._left and counts:
            self._left -= 1
            fires = self._left == 0
        if fires and not self._after:
            self._fire()
        try:
            answer = await super()._answer(request)
        except ConnectionError:  # who asked is dead
            return web.Response(status=503)
        if fires and self._after:
            self._fire()
        return answer

    def _fire(self) -> None:
        self._kill()
        self.fired.set()


@dataclass(slots=True)
class Counts:
    """Of a whole run of the harness."""

    runs: int = 0
    kills: int = 0
    at_calls: Counter[str] = field(default_factory=Counter)
    in_pushes: int = 0
    pushes: int = 0


class Site:
    """`replicas` servers on one database, a cluster with a workload for each trigger."""

    def __init__(self, folder: Path, replicas: int, database: str | None, chance: random.Random) -> None:
        self.cluster = FakeCluster("prod")
        self.api = KillingAPI({"prod": self.cluster})
        self.counts = Counts()
        self.pushed: list[Pushed] = []
        self._folder = folder
        self._database = database
        self._chance = chance
        self._plan: list[tuple[str, int]] = []
        self._ports = [free_port() for _ in range(replicas)]
        self.servers: list[Wherry] = []

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        async with self.api.serving(ports=1):
            try:
                for number in range(len(self._ports)):
                    self.servers.append(await self._start(number))
                await self._furnish()
                yield
            finally:
                for server in self.servers:
                    server.process.kill()

    async def run(self) -> None:
        """A push or two, a kill somewhere, and the server anew."""
        chance, victim = self._chance, self._chance.randrange(len(self.servers))
        if not self._plan:
            self._plan = chance.sample(KILLS, len(KILLS))
        kind, step = self._plan.pop()
        killed = asyncio.Event()

        def kill() -> None:
            self.servers[victim].process.kill()
            killed.set()

        if kind in ("before", "after"):
            self.api.arm(step, after=kind == "after", kill=kill)
        pusher = asyncio.create_task(self._push_once_or_twice())
        if kind == "soon":
            await asyncio.wait({pusher})
            await asyncio.sleep(chance.uniform(0, 0.15))
        elif kind == "in the push":
            await asyncio.sleep(chance.uniform(0, 0.02))
        else:
            with suppress(TimeoutError):
                async with asyncio.timeout(GIVE_UP):
                    await self.api.fired.wait()
        self.api.disarm()
        if killed.is_set():
            self.counts.at_calls[f"{kind} call {step}"] += 1
        self.counts.in_pushes += kind == "in the push"
        if not killed.is_set():
            kill()
        self.servers[victim] = await self._start(victim)
        await pusher
        self.counts.runs += 1
        self.counts.kills += 1

    async def settle(self) -> list[str]:
        """Wait until nothing is under way any more; answers what is wrong."""
        deadline = asyncio.get_running_loop().time() + SETTLED_WITHIN
        while left := await self._under_way():
            if asyncio.get_running_loop().time() > deadline:
                return [f"not settled after {SETTLED_WITHIN:.0f} s: {left}"]
            await asyncio.sleep(0.2)
        return judge(self.pushed, await self.runs(), {name: self.images(name) for name in TRIGGERS})

    async def runs(self) -> list[Ran]:
        found: list[dict[str, Any]] = []
        async with self._http(0) as http:
            cursor: str | None = None
            while True:
                more = {} if cursor is None else {"cursor": cursor}
                page = (await http.get(f"{IMAGE}/trigger-runs", params={"limit": 100, **more})).json()
                found += page["items"]
                cursor = page.get("next") or page.get("next_cursor")
                if cursor is None:
                    break
        return [Ran(one["id"], one["trigger"], one["digest"], one["state"]) for one in found]

    def images(self, trigger: str) -> list[str]:
        """What the workload's container had, write by write."""
        return [
            made["spec"]["template"]["spec"]["containers"][0]["image"]
            for _, _, key, made in self.cluster._history
            if key == ("Deployment", "shop", trigger)
        ]

    async def _under_way(self) -> str:
        """From the metrics, which are of all replicas."""
        try:
            async with self._http(0) as http:
                text = (await http.get("/metrics")).text
        except httpx.HTTPError as error:
            return str(error)
        counted = ("wherry_jobs_unfinished{", "wherry_events_waiting ")
        found = [line for line in text.splitlines() if line.startswith(counted) and not line.endswith(" 0.0")]
        if not any(line.startswith("wherry_events_waiting ") for line in text.splitlines()):
            return "the metrics are without what waits"
        return ", ".join(found)

    async def _push_once_or_twice(self) -> None:
        for _ in range(self._chance.choice((1, 1, 2))):
            await self._push()

    async def _push(self) -> None:
        """Until its 201 comes: a client tries again where the line broke."""
        number = len(self.pushed) + 1
        content = self._manifest(number)
        digest, again = f"sha256:{hashlib.sha256(content).hexdigest()}", False
        first = self._chance.randrange(len(self.servers))
        for turn in range(400):
            try:
                async with self._http((first + turn) % len(self.servers)) as http:
                    path = f"/v2/acme/web/manifests/v{number}"
                    answer = await http.put(path, content=content, headers={"content-type": OCI})
                if answer.status_code == 201:
                    self.pushed.append(Pushed(number, digest, again))
                    self.counts.pushes += 1
                    return
                assert answer.status_code >= 500, answer.text
            except httpx.HTTPError:
                pass
            again = True
            await asyncio.sleep(0.05)
        raise AssertionError("no server takes a push")

    def _manifest(self, number: int) -> bytes:
        config = {"mediaType": "application/vnd.oci.image.config.v1+json", "size": 2}
        document = {
            "schemaVersion": 2,
            "mediaType": OCI,
            "config": config | {"digest": f"sha256:{hashlib.sha256(b'{}').hexdigest()}"},
            "layers": [],
            "annotations": {"number": str(number)},
        }
        return json.dumps(document).encode()

    async def _furnish(self) -> None:
        self.cluster.write({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
        async with self._http(0) as http:
            digest = hashlib.sha256(b"{}").hexdigest()
            begun = await http.post(
                "/v2/acme/web/blobs/uploads/", params={"digest": f"sha256:{digest}"}, content=b"{}"
            )
            assert begun.status_code == 201, begun.text
            body = {"name": "prod", "kubeconfig": self.api.kubeconfig("prod")}
            await self._made(http, "/api/v1/organizations/acme/clusters", body)
            for name in TRIGGERS:
                self.cluster.write(deployment(f"{HOST}/acme/web:v0", name=name), "kubectl-create")
                target = {"namespace": "shop", "name": name, "waves": [["prod"]]}
                await self._made(
                    http,
                    f"{IMAGE}/triggers",
                    {
                        "name": name,
                        "condition": {"kind": "all"},
                        "target": target,
                        "options": {"follow": name == "followed"},
                    },
                )

    async def _made(self, http: httpx.AsyncClient, path: str, body: dict[str, Any]) -> None:
        made = await http.post(path, json=body)
        assert made.status_code == 201, made.text

    def _http(self, number: int) -> httpx.AsyncClient:
        login = (self.servers[0].username, self.servers[0].password)
        return httpx.AsyncClient(base_url=f"http://127.0.0.1:{self._ports[number]}", auth=login, timeout=30)

    async def _start(self, number: int) -> Wherry:
        settings = {
            "WHERRY_CLUSTERS_ALLOWED_NETWORKS": "127.0.0.0/8",
            "WHERRY_PUBLIC_URL": f"http://{HOST}",
            "WHERRY_LOG_LEVEL": "warning",
            # A job of a server that was killed is taken over after this.
            "WHERRY_JOBS_LEASE": "2s",
        }
        if self._database is not None:
            settings["WHERRY_DATABASE_URL"] = self._database
        if number:
            settings["WHERRY_MASTER_KEY_FILE"] = str(self._folder / "data0" / "master.key")
        return await asyncio.to_thread(
            start_wherry, self._folder / f"data{number}", settings=settings, port=self._ports[number]
        )
