"""The reference page that a whole conformance run leaves."""

from __future__ import annotations

from collections.abc import Mapping

from tests.conformance.program import Report
from tests.conformance.runs import Run

_PAGE = """\
# Conformance

The OCI distribution conformance program ({version})
with `OCI_VERSION=dev`: version 1.1 and the additions of the specification's development version. Nothing is
switched off, and the run named sparse has `OCI_DATA_SPARSE=true` too.
The test run itself makes this page:

    make engines
    WHERRY_REQUIRE_ENGINES=1 WHERRY_WRITE_DOCS=1 .venv/bin/pytest tests/conformance

The S3 server is a real one (SeaweedFS), and so is PostgreSQL.

## Runs

{runs}

## APIs

{apis}

## Data

{data}
"""


def page(version: str, reports: Mapping[Run, Report]) -> str:
    """All runs side by side."""
    return _PAGE.format(
        version=version,
        runs="\n".join(_runs(reports)),
        apis="\n".join(_statuses(reports, {run: report.apis for run, report in reports.items()})),
        data="\n".join(_statuses(reports, {run: report.data for run, report in reports.items()})),
    )


def _runs(reports: Mapping[Run, Report]) -> list[str]:
    lines = [
        "| run | challenge | store | database | workers | settings | Pass | FAIL | Error | Skip |",
        "| --- | --- | --- | --- | ---: | --- | ---: | ---: | ---: | ---: |",
    ]
    for run, report in reports.items():
        settings = "`WHERRY_SPARSE_MANIFESTS=allow`" if run.sparse else "default"
        counts = f"{report.passed} | {report.failures} | {report.errors} | {report.skipped}"
        server = f"{run.challenge} | {run.store} | {run.database} | {run.workers}"
        lines.append(f"| {run.name} | {server} | {settings} | {counts} |")
    return lines


def _statuses(reports: Mapping[Run, Report], found: Mapping[Run, Mapping[str, str]]) -> list[str]:
    names = sorted({name for statuses in found.values() for name in statuses})
    lines = ["| | " + " | ".join(run.name for run in reports) + " |", "| --- |" + " --- |" * len(reports)]
    lines += [
        f"| {name} | " + " | ".join(found[run].get(name, "") for run in reports) + " |" for name in names
    ]
    return lines
