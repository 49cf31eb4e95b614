"""A user who pushes."""

import pytest

from tests.databases import Do, FixedClock
from wherry.identity.users import create_user


@pytest.fixture
def ann(do: Do, clock: FixedClock) -> int:
    """The id of a user."""
    return int(do(create_user, "ann", "hash", clock.now()).id)
