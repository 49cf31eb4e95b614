"""The servers, their cluster, and the kills: a fake cluster over HTTPS kills whoever makes its n-th call."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]
from aiohttp import web

from engines.servers.process import free_port
from engines.servers.wherry import Wherry, start_wherry
from tests.clusters.fake_api import FakeAPI
from tests.clusters.fake_cluster import FakeCluster
from tests.triggers.kills.judging import Pushed, Ran, Written, judge
from tests.triggers.world import deployment
from wherry.clusters.workloads.change import RESTARTED
from wherry.triggers.plan import RUN

HOST = "registry.test"
IMAGE = "/api/v1/organizations/acme/images/web"
# By the name of the trigger, which is that of its workload too. One that sets the tag alone starts the pods
# anew: what is done twice shows there.
TRIGGERS: dict[str, dict[str, bool]] = {
    "quick": {"follow": False},
    "followed": {"follow": True},
    "restarted": {"follow": False, "pin": False},
}
OCI = "application/vnd.oci.image.manifest.v1+json"
# A step that does not come within so many seconds is not among those of this delivery.
GIVE_UP = 1.0
# Each is done once before any is done again: at a call, of which three deliveries make about eight; soon
# after a push; amid a push.
KILLS = [
    *((kind, step) for kind in ("before", "after") for step in range(1, 9)),
    *(("soon", 0), ("soon", 0), ("in the push", 0), ("in the push", 0)),
]
SETTLED_WITHIN = 90.0


class KillingAPI(FakeAPI):
    """Kills who makes the n-th call for a workload, before it is carried out or before its answer is sent."""

    def __init__(self, clusters: dict[str, FakeCluster]) -> None:
        super().__init__(clusters)
        self._left = 0
        self._after = False
        self._kill: Callable[[int], None] = lambda _port: None
        self.fired = asyncio.Event()

    def arm(self, step: int, *, after: bool, kill: Callable[[int], None]) -> None:
        """`kill` is told the port that the call came from."""
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
            self._fire(request)
        try:
            answer = await super()._answer(request)
        except ConnectionError:  # who asked is dead
            return web.Response(status=503)
        if fires and self._after:
            self._fire(request)
        return answer

    def _fire(self, request: web.Request) -> None:
        assert request.transport is not None
        self._kill(request.transport.get_extra_info("peername")[1])
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

    def __init__(
        self,
        folder: Path,
        replicas: int,
        database: str | None,
        chance: random.Random,
        *,
        kills: Sequence[tuple[str, int]] = KILLS,
        planted: str | None = None,
        give_up: float = GIVE_UP,
    ) -> None:
        """`planted` is a folder of `planted/`: a fault that the servers have.

        A kill whose step does not come within `give_up` seconds hits nobody at it.
        """
        self.cluster = FakeCluster("prod")
        self.api = KillingAPI({"prod": self.cluster})
        self.counts = Counts()
        self.pushed: list[Pushed] = []
        self._folder = folder
        self._database = database
        self._chance = chance
        self._kills = kills
        self._plan: list[tuple[str, int]] = []
        self._planted = planted
        self._give_up = give_up
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
        if not self._plan:
            self._plan = self._chance.sample(self._kills, len(self._kills))
        kind, step = self._plan.pop()
        first = self._chance.randrange(len(self.servers))
        pusher = asyncio.create_task(self._push_once_or_twice(first))
        if kind in ("before", "after"):
            victim = await self._kill_at_call(step, after=kind == "after")
            self.counts.at_calls[f"{kind} call {step}"] += victim is not None
        elif kind == "soon":
            victim = None
            await asyncio.wait({pusher})
            await asyncio.sleep(self._chance.uniform(0, 0.15))
        else:
            # Who is pushed to.
            victim = first
            await asyncio.sleep(self._chance.uniform(0, 0.02))
            self.counts.in_pushes += not pusher.done()
        if victim is None:
            victim = self._chance.randrange(len(self.servers))
        self.servers[victim].process.kill()
        self.servers[victim] = await self._start(victim)
        await pusher
        self.counts.runs += 1
        self.counts.kills += 1

    async def _kill_at_call(self, step: int, *, after: bool) -> int | None:
        """Who made the call; None where it did not come, and nobody was killed."""
        killed: list[int] = []

        def kill(port: int) -> None:
            # None where it gave the call up meanwhile.
            for number, server in enumerate(self.servers):
                if _has_port(server, port):
                    server.process.kill()
                    killed.append(number)

        self.api.arm(step, after=after, kill=kill)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._give_up):
                await self.api.fired.wait()
        self.api.disarm()
        return killed[0] if killed else None

    async def settle(self) -> list[str]:
        """Wait until nothing is under way any more; answers what is wrong."""
        deadline = asyncio.get_running_loop().time() + SETTLED_WITHIN
        while left := await self._under_way():
            if asyncio.get_running_loop().time() > deadline:
                return [f"not settled after {SETTLED_WITHIN:.0f} s: {left}"]
            await asyncio.sleep(0.2)
        failed = await self._failed_work()
        return failed + judge(self.pushed, await self.runs(), {name: self.written(name) for name in TRIGGERS})

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

    def written(self, trigger: str) -> list[Written]:
        """What was set on its workload, write by write."""
        found = []
        for _, _, key, made in self.cluster._history:
            if key == ("Deployment", "shop", trigger):
                template = made["spec"]["template"]
                run = (made["metadata"].get("annotations") or {}).get(RUN)
                restarted = (template["metadata"].get("annotations") or {}).get(RESTARTED)
                found.append(Written(template["spec"]["containers"][0]["image"], run, restarted))
        return found

    async def _failed_work(self) -> list[str]:
        """Jobs that were given up and reactions that are parked, as an administrator sees them."""
        return [
            f"{what}: {line}"
            for what, command in (("job failed", ("list", "--state", "failed")), ("parked", ("parked",)))
            for line in await asyncio.to_thread(self._jobs, *command)
        ]

    def _jobs(self, *command: str) -> list[str]:
        data = str(self._folder / "data0")
        asked = [sys.executable, "-m", "wherry", "jobs", *command, "--data", data, "--json"]
        told = subprocess.run(asked, env=self._environment(0), capture_output=True, timeout=60, check=True)
        return [json.dumps(one) for one in json.loads(told.stdout)]

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

    async def _push_once_or_twice(self, first: int) -> None:
        for _ in range(self._chance.choice((1, 1, 2))):
            await self._push(first)

    async def _push(self, first: int) -> None:
        """To the replica `first`, until its 201 comes: a client tries again where the line broke."""
        number = len(self.pushed) + 1
        content = self._manifest(number)
        digest, again = f"sha256:{hashlib.sha256(content).hexdigest()}", False
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
            for name, options in TRIGGERS.items():
                self.cluster.write(deployment(f"{HOST}/acme/web:v0", name=name), "kubectl-create")
                target = {"namespace": "shop", "name": name, "waves": [["prod"]]}
                await self._made(
                    http,
                    f"{IMAGE}/triggers",
                    {
                        "name": name,
                        "condition": {"kind": "all"},
                        "target": target,
                        "options": options,
                    },
                )

    async def _made(self, http: httpx.AsyncClient, path: str, body: dict[str, Any]) -> None:
        made = await http.post(path, json=body)
        assert made.status_code == 201, made.text

    def _http(self, number: int) -> httpx.AsyncClient:
        login = (self.servers[0].username, self.servers[0].password)
        return httpx.AsyncClient(base_url=f"http://127.0.0.1:{self._ports[number]}", auth=login, timeout=30)

    async def _start(self, number: int) -> Wherry:
        starting = asyncio.ensure_future(
            asyncio.to_thread(
                start_wherry,
                self._folder / f"data{number}",
                settings=self._settings(number),
                port=self._ports[number],
            )
        )
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:  # the thread goes on, and leaves no server behind
            (await starting).process.kill()
            raise

    def _settings(self, number: int) -> dict[str, str]:
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
        if self._planted is not None:
            # The interpreter imports `sitecustomize` from there as it starts.
            path = [str(Path(__file__).parent / "planted" / self._planted), os.environ.get("PYTHONPATH")]
            settings["PYTHONPATH"] = os.pathsep.join(filter(None, path))
        return settings

    def _environment(self, number: int) -> dict[str, str]:
        return {name: value for name, value in os.environ.items() if not name.startswith("WHERRY_")} | (
            self._settings(number)
        )


def _has_port(server: Wherry, port: int) -> bool:
    """Whether a process of the server holds a connection from there."""
    whole = psutil.Process(server.process.pid)
    return any(
        connection.laddr and connection.laddr.port == port
        for process in (whole, *whole.children(recursive=True))
        for connection in process.net_connections("tcp")
    )
