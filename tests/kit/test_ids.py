"""Ids and time."""

from datetime import UTC

from wherry.kit.clock import SystemClock
from wherry.kit.ids import new_id


def test_an_id_is_128_bits_in_hexadecimal() -> None:
    made = {new_id() for _ in range(1000)}
    assert len(made) == 1000
    assert all(len(one) == 32 and int(one, 16) >= 0 and one == one.lower() for one in made)


def test_the_machines_clock_is_aware() -> None:
    assert SystemClock().now().tzinfo is UTC
