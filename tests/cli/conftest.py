"""A server with something in it, and commands that are run on it and on its data folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engines.servers.wherry import ADMIN_PASSWORD, Wherry
from engines.servers.wherry import wherry as served
from tests.cli.both_ways import Run, administrator, push, run

_ALLOWED = {"WHERRY_CLUSTERS_ALLOWED_NETWORKS": "127.0.0.0/8"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wherry]:
    """With acme, its image acme/web of three tags, and ann."""
    with served(tmp_path_factory.mktemp("site") / "data", settings=_ALLOWED) as running:
        push(running, "1.0", "1.1", "latest")
        person = {"name": "ann", "password": "ann-has-a-password"}
        with administrator(running) as admin:
            admin.post("/api/v1/users", json=person).raise_for_status()
        yield running


@pytest.fixture
def there(site: Wherry, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command as admin on the server; with a `code` answers the complaint."""
    monkeypatch.setenv("WHERRY_USER", "admin")
    monkeypatch.setenv("WHERRY_PASSWORD", ADMIN_PASSWORD)
    return lambda *arguments, **more: run(*arguments, "--server", site.url, **more)


@pytest.fixture
def here(site: Wherry, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command on the server's data folder, with the server's settings."""
    for name, value in {**_ALLOWED, "WHERRY_PORT": site.host.rpartition(":")[2]}.items():
        monkeypatch.setenv(name, value)
    return lambda *arguments, **more: run(*arguments, "--data", str(site.data), **more)
