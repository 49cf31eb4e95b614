"""Wrong passwords are counted by name and by address, within a window."""

from datetime import timedelta

import pytest

from tests.databases import FixedClock
from wherry.identity import failed_logins
from wherry.identity.errors import TooManyLogins
from wherry.identity.failed_logins import FailedLogins


@pytest.fixture
def failures(clock: FixedClock) -> FailedLogins:
    return FailedLogins(clock, attempts=3, window=timedelta(seconds=60))


def refused(failures: FailedLogins, name: str, address: str) -> int | None:
    try:
        failures.refuse_if_many(name, address)
    except TooManyLogins as error:
        return error.retry_after
    return None


def test_a_name_is_counted_over_all_addresses(failures: FailedLogins) -> None:
    for number in range(3):
        assert refused(failures, "ann", "10.0.0.9") is None
        failures.record("ann", f"10.0.0.{number}")
    assert refused(failures, "ann", "10.0.0.9") == 60
    assert refused(failures, "bob", "10.0.0.9") is None


def test_an_address_is_counted_over_all_names(failures: FailedLogins) -> None:
    for number in range(3):
        failures.record(f"user{number}", "10.0.0.1")
    assert refused(failures, "ann", "10.0.0.1") == 60
    assert refused(failures, "ann", "10.0.0.2") is None


def test_the_window_moves_on(failures: FailedLogins, clock: FixedClock) -> None:
    for _ in range(3):
        failures.record("ann", "10.0.0.1")
        clock.move(seconds=10)
    assert refused(failures, "ann", "10.0.0.2") == 30
    clock.move(seconds=29)
    assert refused(failures, "ann", "10.0.0.2") == 1
    clock.move(seconds=1)
    assert refused(failures, "ann", "10.0.0.2") is None  # two are left of three
    failures.record("ann", "10.0.0.3")
    assert refused(failures, "ann", "10.0.0.2") == 10


def test_the_memory_is_bounded(failures: FailedLogins, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failed_logins, "MAX_WATCHED", 100)
    for number in range(1000):
        failures.record("x" * 10_000 + str(number), f"address{number}")
    assert len(failures._failures) <= 100
    assert all(len(key[1]) <= 64 for key in failures._failures)
