"""A delivery that is broken off at any step goes on where it was: each push is applied once, none is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.clusters.fake_cluster import FakeConnection
from tests.triggers.world import HOST, World, deployment, digest
from wherry.db.database import Database
from wherry.triggers.runs import State

STEPS = range(1, 13)


class Killed(Exception):
    """As if the process had ended here; what was done is done."""


class Countdown:
    """Raises at the step `at`, counted over calls to the cluster and transactions; before it, or after it."""

    def __init__(self, at: int, *, after: bool) -> None:
        self.left = at
        self.after = after
        self.fired = False

    async def step(self, call: Callable[[], Any]) -> Any:
        self.left -= 1
        fires = self.left == 0
        if fires and not self.after:
            self.fired = True
            raise Killed
        try:
            return await call()
        finally:
            if fires:
                self.fired = True
                raise Killed


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", STEPS)
async def test_it_is_applied_once(site: World, monkeypatch: pytest.MonkeyPatch, at: int, after: bool) -> None:
    count = Countdown(at, after=after)
    apply, get, write = FakeConnection.apply, FakeConnection.get, Database.write

    async def counted_apply(self: FakeConnection, *arguments: Any, **named: Any) -> Any:
        return await count.step(lambda: apply(self, *arguments, **named))

    async def counted_get(self: FakeConnection, *arguments: Any, **named: Any) -> Any:
        return await count.step(lambda: get(self, *arguments, **named))

    async def counted_write(self: Database, work: Any, **named: Any) -> Any:
        # The worker's own transactions are tested with the worker.
        if "triggers" not in str(getattr(work, "__module__", "")):
            return await write(self, work, **named)
        return await count.step(lambda: write(self, work, **named))

    monkeypatch.setattr(FakeConnection, "apply", counted_apply)
    monkeypatch.setattr(FakeConnection, "get", counted_get)
    monkeypatch.setattr(Database, "write", counted_write)
    site.trigger()
    for number in (4, 5):
        site.push(f"1.{number}", number)
        for _ in range(4):
            await site.work()
            site.clock.move(minutes=1)
    newest, older = site.runs
    assert (newest.state, older.state) == (State.SUCCESS, State.SUCCESS), (newest.detail, older.detail)
    wanted = [f"{HOST}/acme/web:1.{number}@{digest(number)}" for number in (4, 5)]
    assert site.applied() == [f"{HOST}/acme/web:1.3", *wanted]
    told = [run.detail for run in (older, newest)]
    assert all("container app from" in detail for detail in told)
    assert count.fired or at > 10


async def test_what_somebody_else_set_meanwhile_is_left(site: World, monkeypatch: pytest.MonkeyPatch) -> None:
    count = Countdown(1, after=True)
    apply = FakeConnection.apply

    async def counted_apply(self: FakeConnection, *arguments: Any, **named: Any) -> Any:
        named["force"] = True  # so that there is one call
        return await count.step(lambda: apply(self, *arguments, **named))

    monkeypatch.setattr(FakeConnection, "apply", counted_apply)
    site.trigger()
    site.push("1.4", 4)
    await site.work()
    assert site.runs[0].state is State.RUNNING
    site.fakes["berlin"].write(deployment(f"{HOST}/acme/web:2.0"), "kubectl")
    site.clock.move(minutes=1)
    await site.work()
    assert (site.runs[0].state, "somebody else has changed" in site.runs[0].detail) == (State.FAILED, True)
    assert site.image() == f"{HOST}/acme/web:2.0"
