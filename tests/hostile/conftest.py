"""The mark of tests/security, for the tests here that belong to one of its classes."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "vulnerability(name): the class of vulnerability that the test would have caught"
    )
