"""A right that changes is told of, with what it was before and by whom."""

from sqlalchemy import Connection, select

from tests.databases import Do, FixedClock
from tests.people import add_user
from wherry.access.grants import grant, revoke
from wherry.access.levels import Level
from wherry.access.resources import Resource
from wherry.access.team_grants import grant_to_team, revoke_from_team
from wherry.events.dispatch import RecordedEvent, dispatch_new
from wherry.events.tables import events
from wherry.identity.organizations import create_organization
from wherry.identity.teams import create_team

IMAGE = Resource.parse("acme/web")


def told(do: Do, clock: FixedClock) -> list[tuple[str, str, str, str, str | None]]:
    """Of each event since the last time: subject, holder, before, after, by whom."""
    heard: list[RecordedEvent] = []
    do(dispatch_new, {"test": lambda _tx, event: heard.append(event)}, clock.now())
    assert {event.kind for event in heard} <= {"right.changed"}
    return [
        (event.subject, *(event.body[key] for key in ("holder", "previous", "level", "user")))
        for event in heard
    ]


def test_of_a_user(do: Do, clock: FixedClock) -> None:
    ann, boss = add_user(do, clock, "ann"), add_user(do, clock, "boss")
    do(grant, ann, IMAGE, Level.READ, boss, clock.now())
    do(grant, ann, IMAGE, Level.EDIT, None, clock.now())
    do(revoke, ann, IMAGE, boss, clock.now())
    assert told(do, clock) == [
        ("acme/web", "ann", "none", "read", "boss"),
        ("acme/web", "ann", "read", "edit", None),
        ("acme/web", "ann", "edit", "none", "boss"),
    ]


def test_of_a_team(do: Do, clock: FixedClock) -> None:
    do(create_organization, "acme", None, clock.now())
    team = do(create_team, "acme", "site", None, clock.now())
    do(grant_to_team, team, IMAGE, Level.WRITE, None, clock.now())
    do(revoke_from_team, team, IMAGE, None, clock.now())
    assert told(do, clock) == [
        ("acme/web", "acme/site", "none", "write", None),
        ("acme/web", "acme/site", "write", "none", None),
    ]


def test_what_changes_nothing_is_not_told(do: Do, clock: FixedClock) -> None:
    ann = add_user(do, clock, "ann")
    do(grant, ann, IMAGE, Level.READ, None, clock.now())
    do(grant, ann, IMAGE, Level.READ, None, clock.now())
    assert len(told(do, clock)) == 1
    assert do(revoke, ann, Resource.parse("acme"), None, clock.now()) is False
    assert told(do, clock) == []


def test_a_change_that_is_undone_has_not_been(do: Do, clock: FixedClock) -> None:
    ann = add_user(do, clock, "ann")

    def count(tx: Connection) -> int:
        with tx.begin_nested() as undone:
            grant(tx, ann, IMAGE, Level.READ, None, clock.now())
            undone.rollback()
        return len(tx.execute(select(events.c.id)).all())

    assert do(count) == 0
