"""Tests in several processes: one process has all tests of a file, and files that take long come first.

The last file to begin decides when the run is over, so it should be a short one.
"""

from __future__ import annotations

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Each process sorts alike, as it has to; run by one, tests stay as they are written."""
    if not hasattr(config, "workerinput"):
        return
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
