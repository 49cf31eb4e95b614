"""From what another registry tells to the workload: in a cluster, and from one Wherry to another."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from tests.cli.served import PASSWORD, served
from tests.clusters.joined import until
from tests.clusters.registered import SEALER
from tests.databases import Do, FixedClock
from tests.triggers.world import WEB, World, deployment, digest, world
from tests.webhooks.told import IMAGES, WITHOUT_DIGEST, proof, told
from wherry.audit.chain import SEALING
from wherry.db.database import Database
from wherry.identity.failed_logins import FailedLogins
from wherry.observability import AccessLog, Metrics
from wherry.triggers.runs import State
from wherry.web.audited import Audited
from wherry.web.frame import Frame
from wherry.web.hooks.face import HooksFace, HooksServices
from wherry.web.proxies import TrustedProxies
from wherry.webhooks.pushes_in import Product
from wherry.webhooks.senders import create_sender

API = "/api/v1/organizations/acme"


@asynccontextmanager
async def hooks(site: World) -> AsyncIterator[httpx.AsyncClient]:
    audited = Audited(site.database, site.clock, SEALER.key_for(SEALING))
    failures = FailedLogins(site.clock, 10, timedelta(minutes=5))
    metrics = Metrics(version="test", multiprocess_dir=None)
    face = HooksFace(
        HooksServices(site.database, audited, SEALER, site.clock, timedelta(seconds=10), failures, metrics)
    )
    app = Frame(face, metrics, AccessLog(format="text", level="error"), TrustedProxies(()))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://here") as http:
        yield http
    await audited.close()


@pytest.mark.parametrize("product", Product)
async def test_a_push_elsewhere_sets_the_whole_name_on_the_workload_once(
    database: Database, do: Do, clock: FixedClock, product: Product
) -> None:
    image = IMAGES[product]
    async with world(database, do, clock) as site, hooks(site) as http:
        site.fakes["berlin"].write(deployment(f"{image}:1.1"), "kubectl-create")
        site.trigger()
        _, made = do(create_sender, SEALER, "there", product, image, WEB, None, clock.now())
        body = told(product)
        for _ in range(2):
            headers = proof(product, made.secret, body, clock.now())
            said = await http.post(f"/hooks/{made.token}", content=body, headers=headers)
            assert said.status_code == 202, said.text
            await site.work()
        (run,) = site.runs
        assert (run.state, run.pushed_by) == (State.SUCCESS, "sender there")
        pinned = "" if product in WITHOUT_DIGEST else f"@{digest(2)}"
        assert site.image() == f"{image}:1.2{pinned}"


def test_a_push_to_one_wherry_fires_a_trigger_of_another(tmp_path: Path) -> None:
    environ = {"WHERRY_CLUSTERS_ALLOWED_NETWORKS": "127.0.0.0/8"}
    with (
        served(tmp_path / "here") as here,
        served(tmp_path / "there", environ=environ) as there,
        httpx.Client(base_url=here.url, auth=("admin", PASSWORD), trust_env=False) as ours,
        httpx.Client(base_url=there.url, auth=("admin", PASSWORD), trust_env=False) as theirs,
    ):
        for http in (ours, theirs):
            assert http.post("/api/v1/organizations", json={"name": "acme"}).status_code == 201
        ours.post(f"{API}/images", json={"image": "stand-in"}).raise_for_status()
        edits = [{"kind": "kustomize", "path": "kustomization.yaml", "image": "web"}]
        # Nothing listens there: what counts is the run.
        target = {"git": {"url": "https://127.0.0.1:1/acme/shop.git", "edits": edits}}
        trigger = {"name": "prod", "condition": {"kind": "glob", "text": "1.*"}, "target": target}
        ours.post(f"{API}/images/stand-in/triggers", json=trigger).raise_for_status()
        image = f"127.0.0.1:{there.port}/acme/web"
        wanted = {"name": "there", "product": "wherry", "image": image, "repository": "stand-in"}
        sender = ours.post(f"{API}/webhook-senders", json=wanted).raise_for_status().json()
        hook = {"name": "here", "url": sender["url"], "secret": sender["secret"], "kinds": ["tag.moved"]}
        theirs.post(f"{API}/webhooks", json=hook).raise_for_status()
        kind = "application/vnd.oci.image.index.v1+json"
        index = {"schemaVersion": 2, "mediaType": kind, "manifests": []}
        pushed = theirs.put("/v2/acme/web/manifests/1.4", json=index, headers={"content-type": kind})
        pushed.raise_for_status()
        until(lambda: bool(ours.get(f"{API}/images/stand-in/trigger-runs").json()["items"]))
        (run,) = ours.get(f"{API}/images/stand-in/trigger-runs").json()["items"]
        assert (run["tag"], run["digest"]) == ("1.4", pushed.headers["docker-content-digest"])
        assert (run["image"], run["pushed_by"]) == (image, "sender there")
        until(lambda: bool(theirs.get(f"{API}/webhooks/here/deliveries?state=delivered").json()["items"]))
        # Delivered again by hand, it is known.
        delivery = theirs.get(f"{API}/webhooks/here/deliveries").json()["items"][0]
        again = theirs.post(f"{API}/webhooks/here/deliveries/{delivery['id']}/redelivery")
        assert again.is_success, again.text
        until(lambda: bool(theirs.get(f"{API}/webhooks/here/deliveries?state=delivered").json()["items"]))
        assert len(ours.get(f"{API}/images/stand-in/trigger-runs").json()["items"]) == 1
        assert ours.get(f"{API}/webhook-senders/there").json()["last_problem"] == ""
