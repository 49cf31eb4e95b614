"""One server for all tests of this face; each test has users and organizations of its own.

Where the SDK is not installed, each module of this folder is skipped as it imports it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from engines.servers import PostgreSQL, wherry

if TYPE_CHECKING:
    from tests.web.swr.site import Site


@pytest.fixture(scope="session", autouse=True)
def _sdk_environment() -> Iterator[None]:
    """The SDK reads home folder and proxies at each call."""
    from tests.web.swr.site import SDK_ENVIRONMENT

    with pytest.MonkeyPatch.context() as patch:
        for name, value in SDK_ENVIRONMENT.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, _sdk_environment: None
) -> Iterator[Site]:
    """On SQLite; a module that asks for `BOTH` has one on PostgreSQL too."""
    from tests.web.swr.site import Site

    settings = {}
    if getattr(request, "param", "sqlite") == "postgresql":
        cluster: PostgreSQL = request.getfixturevalue("postgres")
        settings["WHERRY_DATABASE_URL"] = cluster.create_database(f"swr_{uuid4().hex[:8]}")
    with wherry(tmp_path_factory.mktemp("swr") / "data", settings=settings) as server:
        opened = Site(server, settings.get("WHERRY_DATABASE_URL"))
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
