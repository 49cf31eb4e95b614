"""A real server with two workers: whichever of them ends a run or delivers, `/metrics` tells it once."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.cli.served import PASSWORD, served
from tests.clusters.joined import until
from tests.observability.scraping import Samples, by_label, parsed
from tests.webhooks.receiver import receiver

ACME = "/api/v1/organizations/acme"
INDEX = "application/vnd.oci.image.index.v1+json"
RUNS = "wherry_trigger_runs_total"
OPEN = "wherry_trigger_runs_open"


def test_runs_and_deliveries_are_counted_once_whichever_worker_ended_them(tmp_path: Path) -> None:
    environ = {"WHERRY_CLUSTERS_ALLOWED_NETWORKS": "127.0.0.0/8"}
    with (
        receiver() as heard,
        served(tmp_path / "data", "--workers", "2", environ=environ) as server,
        httpx.Client(base_url=server.url, auth=("admin", PASSWORD), trust_env=False) as http,
    ):

        def scraped() -> Samples:
            return parsed(http.get("/metrics").raise_for_status().text)

        http.post("/api/v1/organizations", json={"name": "acme"}).raise_for_status()
        http.post(f"{ACME}/images", json={"image": "web"}).raise_for_status()
        edits = [{"kind": "kustomize", "path": "kustomization.yaml", "image": "web"}]
        # Nothing listens there: a run that begins fails, as soon as nobody has patience.
        target = {"git": {"url": "https://127.0.0.1:1/acme/shop.git", "edits": edits}}
        every = {"name": "asks", "condition": {"kind": "all"}, "target": target}
        last = {"name": "fails", "condition": {"kind": "tag", "text": "3"}, "target": target}
        for trigger, options in ((every, {"approval": True}), (last, {"patience": 0})):
            document = {**trigger, "options": options}
            http.post(f"{ACME}/images/web/triggers", json=document).raise_for_status()
        hook = {"name": "ci", "url": heard.url, "kinds": ["tag.moved", "trigger.finished"]}
        http.post(f"{ACME}/webhooks", json=hook).raise_for_status()
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": []}
        for tag in ("1", "2", "3"):
            pushed = http.put(f"/v2/acme/web/manifests/{tag}", json=index, headers={"content-type": INDEX})
            pushed.raise_for_status()
        # The reactions end two, and a job the third.
        until(lambda: by_label(scraped(), RUNS, "result") == {"superseded": 2, "failed": 1})
        assert by_label(scraped(), OPEN, "state") == {"waiting": 0, "waiting for approval": 1, "running": 0}
        http.delete(f"{ACME}/images/web/triggers/asks").raise_for_status()
        found = scraped()
        assert by_label(found, RUNS, "result") == {"superseded": 2, "failed": 1, "skipped": 1}
        assert not any(by_label(found, OPEN, "state").values())
        delivered = (("format", "cloudevents"), ("result", "delivered"))
        until(lambda: scraped().get(("wherry_webhook_attempts_total", delivered)) == 3 + 4)
        assert len(heard.heard) == 3 + 4
