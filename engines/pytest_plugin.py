"""The `engine` fixture: a real program for a test, or a skip that says how to get it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from engines.locate import EngineMissing, find

FindEngine = Callable[[str], Path]


@pytest.fixture(scope="session")
def engine() -> FindEngine:
    """`engine("crane")` is crane's path; without it the test is skipped (WHERRY_REQUIRE_ENGINES=1: fails)."""
    return require


def require(name: str, *, root: bool = False) -> Path:
    """The same as a function, for what is not a test; with `root`, we have to be root as well."""
    try:
        program = find(name)
    except EngineMissing as error:
        _do_without(f"engine {error}")
    if root and os.geteuid() != 0:
        _do_without(f"engine {name}: does this as root only")
    return program


def _do_without(reason: str) -> NoReturn:
    if os.environ.get("WHERRY_REQUIRE_ENGINES", "") not in ("", "0"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
