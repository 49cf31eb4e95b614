"""Idempotency-Keys: one request has the claim, and what it was answered is found again for a day."""

from __future__ import annotations

from tests.databases import Do, FixedClock
from wherry.db.idempotent_requests import CLAIMED, KEPT, Claim, KeptAnswer, claim, keep_answer, release

ANN, BOB = 1, 2


def claimed(do: Do, clock: FixedClock, user: int = ANN, key: str = "k", what: str = "this") -> Claim:
    made = do(claim, user, key, what, clock.now())
    assert isinstance(made, Claim), made
    return made


def test_a_key_is_claimed_once_by_each_user(do: Do, clock: FixedClock) -> None:
    claimed(do, clock)
    claimed(do, clock, BOB)
    claimed(do, clock, key="other")
    again = do(claim, ANN, "k", "this", clock.now())
    assert isinstance(again, KeptAnswer)
    assert (again.is_claim, again.fingerprint) == (True, "this")


def test_an_answer_takes_the_place_of_the_claim_and_is_kept_for_a_day(do: Do, clock: FixedClock) -> None:
    mine = claimed(do, clock)
    assert do(keep_answer, mine, 201, "{}", "[1]", clock.now())
    clock.move(seconds=KEPT.total_seconds() - 1)
    assert do(claim, ANN, "k", "that", clock.now()) == KeptAnswer("this", 201, "{}", "[1]")
    clock.move(seconds=1)
    claimed(do, clock, what="that")


def test_what_is_released_may_be_claimed_again(do: Do, clock: FixedClock) -> None:
    mine = claimed(do, clock)
    assert do(release, mine)
    assert not do(release, mine)
    claimed(do, clock)


def test_who_died_holds_a_key_for_a_while_and_does_not_count_after_that(do: Do, clock: FixedClock) -> None:
    late = claimed(do, clock)
    clock.move(seconds=CLAIMED.total_seconds())
    mine = claimed(do, clock)
    assert not do(keep_answer, late, 201, "{}", "late", clock.now())
    assert do(keep_answer, mine, 201, "{}", "mine", clock.now())
    assert not do(release, late)
    assert do(claim, ANN, "k", "this", clock.now()) == KeptAnswer("this", 201, "{}", "mine")
