"""Dispatching: every reaction gets each event once, in order, whatever another reaction does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from tests.databases import Do, FixedClock
from wherry.db.database import Database
from wherry.events.dispatch import (
    NotParked,
    RecordedEvent,
    count_waiting,
    dispatch_new,
    forget_old,
    list_parked,
    react_again,
    waiting,
)
from wherry.events.outbox import Event, append, append_all
from wherry.jobs.queue import enqueue, list_jobs


def enqueue_it(tx: Connection, event: RecordedEvent) -> None:
    enqueue(tx, "seen", {"event": event.id}, event.at)


def test_an_event_reaches_every_reaction_as_it_was_and_once(do: Do, clock: FixedClock) -> None:
    seen: list[tuple[str, RecordedEvent]] = []
    do(append, Event("tag.moved", "acme/web", {"tag": "1.0", "previous": None}), clock.now())
    reactions = {name: lambda _tx, event, n=name: seen.append((n, event)) for name in ("one", "two")}
    assert [event.subject for event in do(waiting)] == ["acme/web"]
    assert do(dispatch_new, reactions, clock.now()) == 1
    assert do(dispatch_new, reactions, clock.now()) == 0
    assert not do(waiting)
    event = seen[0][1]
    assert [name for name, _ in seen] == ["one", "two"]
    assert (event.kind, event.subject, event.body, event.at) == (
        "tag.moved",
        "acme/web",
        {"tag": "1.0", "previous": None},
        clock.now(),
    )


def test_events_come_in_order_a_bounded_number_at_a_time(do: Do, clock: FixedClock) -> None:
    seen: list[str] = []
    do(append_all, [Event("tag.moved", f"acme/{n}", {}) for n in range(5)], clock.now())
    reactions = {"one": lambda _tx, event: seen.append(event.subject)}
    assert do(lambda tx: dispatch_new(tx, reactions, clock.now(), size=3)) == 3
    assert do(count_waiting) == 2
    assert do(dispatch_new, reactions, clock.now()) == 2
    assert seen == [f"acme/{n}" for n in range(5)]


def test_events_that_reactions_are_not_ready_for_go_on_waiting(do: Do, clock: FixedClock) -> None:
    seen: list[str] = []
    do(append_all, [Event("tag.moved", f"acme/{n}", {}) for n in range(3)], clock.now())
    reactions = {"one": lambda _tx, event: seen.append(event.subject)}
    first, second, _ = (event.id for event in do(waiting))
    assert do(lambda tx: dispatch_new(tx, reactions, clock.now(), among=[first, second])) == 2
    assert do(lambda tx: dispatch_new(tx, reactions, clock.now(), among=[first])) == 0
    assert do(dispatch_new, reactions, clock.now()) == 1
    assert seen == ["acme/0", "acme/1", "acme/2"]


def test_a_reaction_that_raises_is_undone_and_parked_and_the_others_go_on(do: Do, clock: FixedClock) -> None:
    failed: list[str] = []

    def poison(tx: Connection, event: RecordedEvent) -> None:
        enqueue(tx, "poison", {}, event.at)
        raise ValueError("cannot digest that")

    do(append_all, [Event("tag.moved", "acme/web", {}), Event("tag.moved", "acme/api", {})], clock.now())
    reactions = {"poison": poison, "good": enqueue_it}
    assert do(lambda tx: dispatch_new(tx, reactions, clock.now(), failed=failed.append)) == 2
    assert [job.kind for job in do(list_jobs)] == ["seen", "seen"]
    assert [(parked.reaction, parked.reason) for parked in do(list_parked)] == [
        ("poison", "ValueError: cannot digest that")
    ] * 2
    assert failed == ["poison", "poison"]
    assert not do(waiting)


def test_a_parked_event_is_handed_to_its_reaction_once_more(do: Do, clock: FixedClock) -> None:
    seen: list[str] = []
    broken = True

    def one(_tx: Connection, event: RecordedEvent) -> None:
        if broken:
            raise ValueError("not today")
        seen.append(event.subject)

    do(append, Event("tag.moved", "acme/web", {}), clock.now())
    reactions = {"one": one}
    do(dispatch_new, reactions, clock.now())
    [parked] = do(list_parked)
    assert do(react_again, reactions, parked.event_id, "one", clock.now()) == "ValueError: not today"
    assert len(do(list_parked)) == 1
    broken = False
    assert do(react_again, reactions, parked.event_id, "one", clock.now()) is None
    assert (seen, do(list_parked)) == (["acme/web"], [])
    for event_id, name in ((parked.event_id, "one"), (parked.event_id + 1, "one")):
        with pytest.raises(NotParked):
            do(react_again, reactions, event_id, name, clock.now())
    assert seen == ["acme/web"]


def test_a_reaction_that_breaks_the_database_statement_is_parked_too(do: Do, clock: FixedClock) -> None:
    def poison(tx: Connection, _event: RecordedEvent) -> None:
        tx.exec_driver_sql("SELECT no_such_column FROM jobs")

    do(append, Event("tag.moved", "acme/web", {}), clock.now())
    assert do(dispatch_new, {"poison": poison, "good": enqueue_it}, clock.now()) == 1
    assert len(do(list_parked)) == len(do(list_jobs)) == 1


def test_a_dispatch_that_is_undone_happens_again_with_all_that_came_of_it(
    database: Database, do: Do, clock: FixedClock
) -> None:
    def die(tx: Connection) -> None:
        dispatch_new(tx, {"good": enqueue_it}, clock.now())
        raise KeyError("the process is killed here")

    do(append, Event("tag.moved", "acme/web", {}), clock.now())
    with pytest.raises(KeyError):
        database.write_now(die)
    assert do(list_jobs) == []
    assert do(dispatch_new, {"good": enqueue_it}, clock.now()) == 1
    assert len(do(list_jobs)) == 1


def test_dispatchers_at_once_give_each_event_once(do: Do, database: Database, clock: FixedClock) -> None:
    do(append_all, [Event("tag.moved", f"acme/{n}", {}) for n in range(40)], clock.now())

    def dispatch(_number: int) -> int:
        return database.write_now(lambda tx: dispatch_new(tx, {"good": enqueue_it}, clock.now(), size=3))

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(dispatch, range(20))) == 40
    assert len({job.payload["event"] for job in do(list_jobs)}) == 40


def test_old_events_are_forgotten_and_their_ids_never_given_again(do: Do, clock: FixedClock) -> None:
    seen: list[int] = []
    reactions = {"one": lambda _tx, event: seen.append(event.id)}
    do(append, Event("tag.moved", "acme/web", {}), clock.now())
    do(dispatch_new, reactions, clock.now())
    do(append, Event("tag.moved", "acme/waits", {}), clock.now())
    clock.move(days=8)
    assert do(forget_old, clock.now() - timedelta(days=7)) == 1
    assert do(forget_old, clock.now() - timedelta(days=7)) == 0
    do(dispatch_new, reactions, clock.now())
    assert do(forget_old, clock.now()) == 1
    do(append, Event("tag.moved", "acme/web", {}), clock.now())
    do(dispatch_new, reactions, clock.now())
    assert len(set(seen)) == 3
