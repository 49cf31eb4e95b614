"""A server's triggers in small: database, clock, fake clusters, and the jobs run by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.clusters.fake_cluster import FakeCluster
from tests.clusters.registered import SEALER, register
from tests.databases import Do, FixedClock
from tests.people import add_user, give
from wherry.access.decisions import Actor
from wherry.clusters.cluster import Cluster
from wherry.clusters.connection import ClusterConnection
from wherry.clusters.keeping import Registry
from wherry.db.bell import Bell
from wherry.db.database import Database
from wherry.events.dispatch import dispatch_new
from wherry.events.outbox import append
from wherry.identity.organizations import create_organization
from wherry.jobs.working import Worker
from wherry.oci.names import RepositoryName
from wherry.registry.events import TagMoved
from wherry.registry.repositories import ensure_repository
from wherry.triggers.conditions import Condition, ConditionKind
from wherry.triggers.history import list_runs
from wherry.triggers.manage import create_trigger
from wherry.triggers.perform import Performer
from wherry.triggers.react import react
from wherry.triggers.rollout import Pace
from wherry.triggers.runs import Run
from wherry.triggers.trigger import Options, Target, Trigger, Wanted, WorkloadKind

HOST = "registry.example.com"
WEB = RepositoryName("acme/web")
TARGET = Target.workload("berlin", "shop", WorkloadKind.DEPLOYMENT, "web")
ALL = Condition(ConditionKind.ALL)


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


def deployment(
    image: str = f"{HOST}/acme/web:1.3", *, name: str = "web", kind: str = "Deployment", **more: Any
) -> dict[str, Any]:
    """One that is rolled out, with a container `app` of the image and a sidecar."""
    pods = {
        "metadata": {"labels": {"app": name}},
        "spec": {
            "containers": [
                {"name": "app", "image": image},
                {"name": "proxy", "image": "docker.io/envoyproxy/envoy:v1.30"},
            ],
            "initContainers": [{"name": "setup", "image": image}],
        },
    }
    spec: dict[str, Any] = {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": pods}
    if kind == "CronJob":
        spec = {"schedule": "@daily", "jobTemplate": {"spec": {"template": pods}}}
    return {
        "apiVersion": "batch/v1" if kind == "CronJob" else "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "shop", "labels": {"app": name}, "generation": 0},
        "spec": spec | more,
        "status": {"replicas": 1, "readyReplicas": 1, "updatedReplicas": 1, "availableReplicas": 1},
    }


class World:
    """`ann` may write `acme/web` and the clusters `berlin` and `canary`."""

    def __init__(self, database: Database, do: Do, clock: FixedClock, worker: Worker) -> None:
        self.database = database
        self.do = do
        self.clock = clock
        self.worker = worker
        self.fakes: dict[str, FakeCluster] = {}
        self.ann = Actor(add_user(do, clock, "ann"), "ann")
        do(create_organization, "acme", self.ann.user_id, clock.now())
        give(do, clock, self.ann.user_id or 0, "edit", "acme")
        do(ensure_repository, WEB, self.ann.user_id, clock.now())
        for name in ("berlin", "canary"):
            self.add_cluster(name)

    def add_cluster(self, name: str) -> FakeCluster:
        register(self.do, name, "acme")
        fake = self.fakes[name] = FakeCluster(name)
        fake.write({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
        fake.write(deployment(), "kubectl-create")
        return fake

    def connect(self, cluster: Cluster, _login: Any) -> ClusterConnection:
        return self.fakes[cluster.name].connect()

    def trigger(
        self,
        name: str = "prod",
        *,
        condition: Condition = ALL,
        target: Target = TARGET,
        platform: str | None = None,
        **options: Any,
    ) -> Trigger:
        wanted = Wanted(name, condition, target, Options(**options), platform)
        made: Trigger = self.do(create_trigger, self.ann, WEB, wanted, self.clock.now())
        return made

    def push(self, tag: str, number: int) -> None:
        """What a push leaves behind, and the dispatch of it."""
        moved = TagMoved(WEB.text, tag, digest(number), None, "application/json", False, 1, "bob")
        self.do(append, moved.to_event(), self.clock.now())
        self.do(dispatch_new, {"triggers": react}, self.clock.now())

    async def work(self) -> None:
        """All that is due, and what comes of it."""
        while await self.worker.run_due():
            pass

    async def deliver(self, tag: str, number: int) -> Run:
        """A push and all that comes of it; the newest run."""
        self.push(tag, number)
        await self.work()
        return self.runs[0]

    async def deliver_what_crashes(self, tag: str, number: int) -> Run:
        """A push whose pods crash; what stood there before is well as soon as it is there again."""
        berlin, image = self.fakes["berlin"], f"{HOST}/acme/web:{tag}@{digest(number)}"
        waiting = {"waiting": {"reason": "CrashLoopBackOff"}}
        berlin.write(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": "web-1", "namespace": "shop", "labels": {"app": "web"}},
                "spec": {"containers": [{"name": "app", "image": image}]},
                "status": {
                    "phase": "Pending",
                    "containerStatuses": [{"name": "app", "restartCount": 3, "state": waiting}],
                },
            }
        )
        # Without a controller nothing rolls out by itself.
        made = deployment()
        made["status"]["updatedReplicas"] = 0
        berlin.write(made, "kubectl-create")

        async def control() -> None:
            while len(self.applied()) < 3:  # noqa: ASYNC110 (what is waited for is another task's doing)
                await asyncio.sleep(0.01)
            named = {key: made[key] for key in ("apiVersion", "kind")}
            named["metadata"] = {"name": "web", "namespace": "shop"}
            berlin.write({**named, "status": {"updatedReplicas": 1}}, "controller")

        controller = asyncio.create_task(control())
        try:
            return await self.deliver(tag, number)
        finally:
            controller.cancel()

    @property
    def runs(self) -> list[Run]:
        """The newest first."""
        return list(self.do(list_runs, WEB).items)

    def image(self, cluster: str = "berlin", *, name: str = "web", kind: str = "Deployment") -> str:
        made = self.fakes[cluster].objects[(kind, "shop", name)]
        spec = made["spec"]["jobTemplate"]["spec"] if kind == "CronJob" else made["spec"]
        return str(spec["template"]["spec"]["containers"][0]["image"])

    def applied(self, cluster: str = "berlin") -> list[str]:
        """Each image that the container had, in order, without repetition."""
        seen: list[str] = []
        for _, _, key, made in self.fakes[cluster]._history:
            if key == ("Deployment", "shop", "web"):
                image = str(made["spec"]["template"]["spec"]["containers"][0]["image"])
                if not seen or seen[-1] != image:
                    seen.append(image)
        return seen


@asynccontextmanager
async def world(database: Database, do: Do, clock: FixedClock, **more: Any) -> AsyncIterator[World]:
    bell = Bell(database)
    await bell.open()
    holder: list[World] = []
    performer = Performer(
        database,
        SEALER,
        clock,
        lambda cluster, login: holder[0].connect(cluster, login),
        Registry(HOST, (HOST,)),
        pace=Pace(patience=0.0, settle=0.0),
        **more,
    )
    worker = Worker(database, clock, performer.handlers, bell, luck=lambda: 0.0)
    try:
        made = World(database, do, clock, worker)
        holder.append(made)
        yield made
    finally:
        await performer.close()
        await bell.close()
