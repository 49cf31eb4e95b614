"""The `engine` fixture: a real program for a test, or a skip that says how to get it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from engines.locate import EngineMissing, find

FindEngine = Callable[[str], Path]


@pytest.fixture(scope="session")
def engine() -> FindEngine:
    """`engine("crane")` is crane's path; without it the test is skipped (WHERRY_REQUIRE_ENGINES=1: fails)."""
    return require


def require(name: str) -> Path:
    """The same for a fixture or module that has no use for a fixture."""
    try:
        return find(name)
    except EngineMissing as error:
        if os.environ.get("WHERRY_REQUIRE_ENGINES", "") not in ("", "0"):
            pytest.fail(f"engine {error}", pytrace=False)
        pytest.skip(f"engine {error}")
