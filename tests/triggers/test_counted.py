"""What `/metrics` tells of runs: each end once, whoever ended it, and only when it is committed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event

from tests.databases import Do
from tests.observability.scraping import Samples, Scraper, by_label
from tests.triggers.world import TARGET, WEB, World, digest
from wherry.clusters.register import remove_cluster
from wherry.db.database import Database
from wherry.events.dispatch import RecordedEvent, dispatch_new, list_parked
from wherry.events.outbox import append
from wherry.jobs.errors import LeaseLost
from wherry.jobs.running import Running
from wherry.registry.events import TagMoved
from wherry.triggers.approvals import cancel_run, reject_run
from wherry.triggers.figures import figures
from wherry.triggers.manage import delete_trigger, pause_trigger, resume_trigger
from wherry.triggers.react import react
from wherry.triggers.runs import State, end_run
from wherry.triggers.trigger import Target, WorkloadKind

WAVES = Target("shop", WorkloadKind.DEPLOYMENT, "web", waves=(("canary",), ("berlin",)))
GONE = replace(TARGET, name="gone")


@pytest.fixture
def scraper(site: World, tmp_path: Path) -> Scraper:
    return Scraper(site.database, site.clock, tmp_path)


def ended(found: Samples) -> dict[str, float]:
    """Runs by their result; their times were observed as often."""
    counted = by_label(found, "wherry_trigger_runs_total", "result")
    assert by_label(found, "wherry_trigger_run_duration_seconds_count", "result") == counted
    return counted


def still_open(found: Samples) -> dict[str, float]:
    """By state, without those that no run is in."""
    counted = by_label(found, "wherry_trigger_runs_open", "state")
    assert set(counted) == {"waiting", "waiting for approval", "running"}
    return {state: count for state, count in counted.items() if count}


async def test_before_anything_happened_nothing_is_open_and_nothing_paused(scraper: Scraper) -> None:
    found = await scraper.scrape()
    assert (ended(found), still_open(found)) == ({}, {})
    assert found["wherry_triggers_paused", ()] == found["wherry_trigger_pauses_total", ()] == 0


async def test_a_run_is_counted_when_it_is_over_with_its_time_from_the_push(
    site: World, scraper: Scraper
) -> None:
    site.trigger(delay=60)
    site.push("1.4", 4)
    found = await scraper.scrape()
    assert (ended(found), still_open(found)) == ({}, {"waiting": 1})
    site.clock.move(seconds=90)
    await site.work()
    found = await scraper.scrape()
    assert (ended(found), still_open(found)) == ({"success": 1}, {})
    seconds, labels = "wherry_trigger_run_duration_seconds", (("result", "success"),)
    assert found[f"{seconds}_sum", labels] == 90
    assert [found[f"{seconds}_bucket", (("le", le), *labels)] for le in ("60.0", "120.0")] == [0, 1]


async def test_each_result_is_counted_by_itself(site: World, scraper: Scraper) -> None:
    site.trigger(deadline=5)
    rolled_back = await site.deliver_what_crashes("1.4", 4)
    assert rolled_back.state is State.ROLLED_BACK
    site.push("1.5", 5)
    site.push("1.6", 6)
    await site.work()
    await site.deliver("1.6", 6)
    site.fakes["berlin"].remove(WorkloadKind.DEPLOYMENT.kind, "web", "shop")
    await site.deliver("1.7", 7)
    results = ("rolled back", "superseded", "success", "skipped", "failed")
    assert ended(await scraper.scrape()) == dict.fromkeys(results, 1)


async def test_what_a_reaction_ends_is_counted(site: World, scraper: Scraper) -> None:
    site.trigger()
    site.do(remove_cluster, "berlin")
    site.push("1.4", 4)
    assert ended(await scraper.scrape()) == {"failed": 1}


async def test_what_people_end_is_counted(site: World, scraper: Scraper) -> None:
    site.trigger(approval=True)
    await site.deliver("1.4", 4)
    assert still_open(await scraper.scrape()) == {"waiting for approval": 1}
    site.do(reject_run, site.ann, site.runs[0].id, "", site.clock.now())
    await site.deliver("1.5", 5)
    site.do(cancel_run, site.ann, site.runs[0].id, site.clock.now())
    await site.deliver("1.6", 6)
    assert ended(await scraper.scrape()) == {"skipped": 2}
    site.do(delete_trigger, site.ann, WEB, "prod", site.clock.now())
    assert ended(await scraper.scrape()) == {"skipped": 3}


async def test_runs_of_later_waves_that_do_not_begin_are_counted_too(site: World, scraper: Scraper) -> None:
    site.trigger(target=WAVES)
    site.fakes["canary"].remove(WorkloadKind.DEPLOYMENT.kind, "web", "shop")
    await site.deliver("1.4", 4)
    assert ended(await scraper.scrape()) == {"failed": 1, "skipped": 1}


async def test_a_run_that_waits_for_its_cluster_is_open_and_counted_once_when_it_ends(
    site: World, scraper: Scraper
) -> None:
    site.trigger(patience=600)
    site.fakes["berlin"].is_down = True
    await site.deliver("1.4", 4)
    assert still_open(await scraper.scrape()) == {"waiting": 1}
    for _ in range(20):
        site.clock.move(minutes=1)
        await site.work()
    found = await scraper.scrape()
    assert (ended(found), still_open(found)) == ({"failed": 1}, {})


async def test_a_run_is_open_as_running_while_it_runs(
    site: World, scraper: Scraper, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.trigger()
    seen = []
    berlin = site.fakes["berlin"]
    connect = berlin.connect

    def look(*arguments: Any, **named: Any) -> Any:
        seen.append(figures_of(site.do))
        return connect(*arguments, **named)

    monkeypatch.setattr(berlin, "connect", look)
    await site.deliver("1.4", 4)
    assert seen == [{"running": 1}]


def figures_of(do: Do) -> dict[str, int]:
    return {state.value: count for state, count in do(figures).open_runs.items() if count}


async def test_a_run_that_is_over_is_not_counted_again(site: World, scraper: Scraper) -> None:
    site.trigger()
    run = await site.deliver("1.4", 4)
    assert site.do(end_run, run, State.FAILED, "twice", site.clock.now()) is False
    assert ended(await scraper.scrape()) == {"success": 1}


async def test_an_end_that_is_undone_is_not_counted(
    site: World, scraper: Scraper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job was lost just before the commit: who has it now ends the run, and counts it."""
    site.trigger()
    site.push("1.4", 4)
    finish = Running.finish
    lost: list[int] = []

    def lose_it_once(running: Running, tx: Connection) -> None:
        if not lost:
            lost.append(running.id)
            raise LeaseLost(running.id)
        finish(running, tx)

    monkeypatch.setattr(Running, "finish", lose_it_once)
    await site.work()
    assert lost
    found = await scraper.scrape()
    assert (ended(found), still_open(found)) == ({}, {"running": 1})
    site.clock.move(minutes=1)
    await site.work()
    assert ended(await scraper.scrape()) == {"success": 1}


async def test_what_a_parked_reaction_had_ended_is_not_counted(site: World, scraper: Scraper) -> None:
    site.trigger()
    site.do(remove_cluster, "berlin")

    def break_off(tx: Connection, happened: RecordedEvent) -> None:
        react(tx, happened)
        if happened.kind == TagMoved.KIND.name:
            raise ValueError("after all")

    moved = TagMoved(WEB.text, "1.4", digest(4), None, "application/json", False, 1, "bob")
    site.do(append, moved.to_event(), site.clock.now())
    site.do(dispatch_new, {"triggers": break_off}, site.clock.now())
    assert len(site.do(list_parked)) == 1
    assert not site.runs
    assert ended(await scraper.scrape()) == {}


async def test_triggers_that_paused_themselves_are_told(site: World, scraper: Scraper) -> None:
    site.trigger(target=GONE, pause_after=2)
    await site.deliver("1.4", 4)
    found = await scraper.scrape()
    assert (found["wherry_triggers_paused", ()], found["wherry_trigger_pauses_total", ()]) == (0, 0)
    await site.deliver("1.5", 5)
    await site.deliver("1.6", 6)
    found = await scraper.scrape()
    assert (found["wherry_triggers_paused", ()], found["wherry_trigger_pauses_total", ()]) == (1, 1)
    site.do(resume_trigger, site.ann, WEB, "prod", site.clock.now())
    found = await scraper.scrape()
    assert (found["wherry_triggers_paused", ()], found["wherry_trigger_pauses_total", ()]) == (0, 1)
    site.do(pause_trigger, site.ann, WEB, "prod", "", site.clock.now())
    found = await scraper.scrape()
    assert (found["wherry_triggers_paused", ()], found["wherry_trigger_pauses_total", ()]) == (1, 1)


def test_figures_are_answered_by_indexes_however_long_the_history_is(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    plans: list[str] = []

    def explain(tx: Connection) -> None:
        asked: list[tuple[str, Any]] = []
        event.listen(tx, "before_cursor_execute", lambda *given: asked.append(given[2:4]))
        figures(tx)
        for sql, values in tuple(asked):
            plans.extend(row[3] for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values))

    database.read_now(explain)
    database.close()
    runs, paused = plans
    assert runs.startswith("SEARCH trigger_runs USING COVERING INDEX ix_trigger_runs_state_due_at (state=?)")
    assert paused == "SCAN triggers USING INDEX ix_triggers_paused"
