"""A fault on purpose: a run that takes over does not see what it has set before it was broken off."""

from typing import Any

from wherry.triggers import plan, workloads


def _nothing(*_: Any) -> None:
    return None


workloads.run_on = _nothing  # type: ignore[assignment, attr-defined]
plan._is_on = _nothing  # type: ignore[assignment]
