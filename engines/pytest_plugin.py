"""How a test asks for an engine: it gets the program, or is skipped with the way to get it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import pytest

from engines.locate import EngineMissing, find


def require(name: str, *, root: bool = False) -> Path:
    """The engine's program; with `root`, we have to be root as well.

    What is not to be had skips the calling test, or fails it with WHERRY_REQUIRE_ENGINES=1.
    """
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
