"""One registry for all tests that leave it as it is, and the mark that says what a test is for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engines.servers import wherry
from tests.security.registry import Registry, furnish, reached


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "vulnerability(name): the class of vulnerability that the test would have caught"
    )


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """As it comes, but for the clocks of slow clients and the number of wrong passwords."""
    settings = {
        "WHERRY_LIMITS_HEADER_TIMEOUT": "2s",
        "WHERRY_UPLOADS_IDLE_TIMEOUT": "2s",
        "WHERRY_AUTH_LOGIN_ATTEMPTS": "1000",
    }
    data = tmp_path_factory.mktemp("security") / "data"
    with wherry(data, settings=settings) as server, reached(server) as started:
        furnish(started)
        yield started
