"""Of all processes one acts on clusters, and another one takes over when it does not say so any more."""

from tests.databases import Do, FixedClock
from wherry.clusters.keeper_lease import LEASE, give_lease_back, take_lease


def test_one_acts_and_goes_on_as_long_as_it_says_so(do: Do, clock: FixedClock) -> None:
    assert do(take_lease, "a", clock.now()) is True
    assert do(take_lease, "b", clock.now()) is False
    clock.move(seconds=LEASE.total_seconds() - 1)
    assert do(take_lease, "a", clock.now()) is True
    clock.move(seconds=LEASE.total_seconds() - 1)
    assert do(take_lease, "b", clock.now()) is False


def test_another_one_takes_over_from_one_that_fell_silent(do: Do, clock: FixedClock) -> None:
    do(take_lease, "a", clock.now())
    clock.move(seconds=LEASE.total_seconds())
    assert do(take_lease, "b", clock.now()) is True
    assert do(take_lease, "a", clock.now()) is False


def test_one_that_ends_in_order_is_followed_at_once(do: Do, clock: FixedClock) -> None:
    do(take_lease, "a", clock.now())
    do(give_lease_back, "b")
    assert do(take_lease, "b", clock.now()) is False
    do(give_lease_back, "a")
    assert do(take_lease, "b", clock.now()) is True
