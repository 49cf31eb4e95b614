"""Where randomness begins: a new seed for each run, said in every failure, or one that is to be repeated."""

from __future__ import annotations

import os
import secrets


def new_seed() -> int:
    """WHERRY_TEST_SEED repeats a run's choices; the timing of the machine is not repeated."""
    wanted = os.environ.get("WHERRY_TEST_SEED")
    return int(wanted) if wanted else secrets.randbelow(1 << 32)
