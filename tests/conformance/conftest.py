"""A Wherry for each run of the conformance program; what they found becomes docs/reference/conformance.md."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import engines
from engines.pytest_plugin import require
from engines.servers import PostgreSQL, S3Server, postgresql, seaweedfs, wherry
from tests.conformance.page import page
from tests.conformance.program import Report, run
from tests.conformance.runs import RUNS, Run

_REPORTS = pytest.StashKey[dict[Run, Report]]()
_PAGE = Path(__file__).parents[2] / "docs/reference/conformance.md"


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_REPORTS] = {}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The page when asked for, and when every run was made in this process."""
    if os.environ.get("WHERRY_WRITE_DOCS", "") in ("", "0"):
        return
    reports = config.stash[_REPORTS]
    if set(reports) != set(RUNS):
        terminalreporter.write_line(f"{_PAGE.name} not written: not every run was made")
        return
    _PAGE.parent.mkdir(parents=True, exist_ok=True)
    _PAGE.write_text(page(engines.version("oci-conformance"), reports))
    terminalreporter.write_line(f"written: docs/reference/{_PAGE.name}")


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server for the runs on S3."""
    require("seaweedfs")
    with seaweedfs(tmp_path_factory.mktemp("s3") / "data") as server:
        yield server


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgreSQL]:
    """A real PostgreSQL for the replicated run."""
    require("postgresql")
    with postgresql() as server:
        yield server


@pytest.fixture(scope="session", params=RUNS, ids=lambda chosen: chosen.name)
def chosen(request: pytest.FixtureRequest) -> Run:
    """Each run in turn."""
    one: Run = request.param
    return one


@pytest.fixture(scope="session")
def report(
    chosen: Run,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    pytestconfig: pytest.Config,
) -> Report:
    """What the program says of a fresh Wherry."""
    program = require("oci-conformance")
    settings = dict(chosen.settings)
    if chosen.store == "s3":
        server: S3Server = request.getfixturevalue("s3_server")
        settings |= server.store_settings(f"conformance-{chosen.name}")
    if chosen.database == "postgresql":
        cluster: PostgreSQL = request.getfixturevalue("postgresql_server")
        settings["WHERRY_DATABASE_URL"] = cluster.create_database("conformance")
    folder = tmp_path_factory.mktemp(chosen.name)
    results = folder / "results"
    results.mkdir()
    with wherry(folder / "data", settings=settings, workers=chosen.workers) as registry:
        credentials = (registry.username, registry.password)
        found = run(program, registry.host, credentials, results, sparse=chosen.sparse)
    pytestconfig.stash[_REPORTS][chosen] = found
    return found
