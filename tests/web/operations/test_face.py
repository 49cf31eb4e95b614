"""What operators and their probes ask."""

from datetime import timedelta
from pathlib import Path

from tests.databases import FixedClock
from tests.web.running import Registry
from wherry.jobs.queue import enqueue


async def test_probes_need_no_login(registry: Registry) -> None:
    http = registry.as_nobody
    assert (await http.get("/healthz")).text == "ok\n"
    assert (await http.get("/readyz")).json() == {"ready": True, "problems": {}}
    assert "registry" in (await http.get("/")).text


async def test_metrics_count_by_template_never_by_name(registry: Registry) -> None:
    await registry.http.get("/v2/acme/some-secret-name/tags/list")
    text = (await registry.as_nobody.get("/metrics")).text
    assert 'route="/v2/{name}/tags/list"' in text
    assert "some-secret-name" not in text


async def test_metrics_tell_what_waits_to_be_done(registry: Registry, clock: FixedClock) -> None:
    due = clock.now() - timedelta(seconds=90)
    await registry.database.write(lambda tx: enqueue(tx, "deliver", {}, due))
    text = (await registry.as_nobody.get("/metrics")).text
    assert 'wherry_jobs_unfinished{kind="deliver",state="waiting"} 1.0' in text
    assert 'wherry_jobs_oldest_due_seconds{kind="deliver",state="waiting"} 90.0' in text
    assert "wherry_events_waiting 0.0" in text


async def test_not_ready_says_which_part(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "blobs").rename(tmp_path / "elsewhere")
    answer = await registry.as_nobody.get("/readyz")
    assert answer.status_code == 503
    assert list(answer.json()["problems"]) == ["store"]
    assert (await registry.as_nobody.get("/healthz")).status_code == 200


async def test_heads_and_other_methods(registry: Registry) -> None:
    head = await registry.as_nobody.head("/healthz")
    assert (head.status_code, head.content) == (200, b"")
    post = await registry.as_nobody.post("/healthz")
    assert (post.status_code, post.headers["allow"]) == (405, "GET, HEAD")
    assert (await registry.as_nobody.get("/nothing")).status_code == 404
