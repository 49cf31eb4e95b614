"""One server for all tests of this face; each test has users and organizations of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engines.servers import wherry
from tests.web.swr.site import SDK_ENVIRONMENT, Site


@pytest.fixture(scope="session", autouse=True)
def _sdk_environment() -> Iterator[None]:
    """The SDK reads home folder and proxies at each call."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SDK_ENVIRONMENT.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, _sdk_environment: None) -> Iterator[Site]:
    with wherry(tmp_path_factory.mktemp("swr") / "data") as server:
        opened = Site(server)
        yield opened
        opened.close()


@pytest.fixture
def organization(site: Site) -> str:
    """An organization of the administrator's, for this test alone."""
    return site.organization()


@pytest.fixture
def user(site: Site) -> str:
    """A user without rights."""
    return site.user()
