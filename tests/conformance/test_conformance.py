"""The OCI conformance program finds nothing to fail, and nothing to skip."""

from __future__ import annotations

from collections.abc import Callable

from tests.conformance.program import Report
from tests.conformance.runs import Run

API_COUNT = 28
SPARSE = "Sparse Manifests"


def test_no_case_fails_and_none_is_skipped(
    chosen: Run, report: Report, record_property: Callable[[str, object], None]
) -> None:
    record_property(f"OCI conformance {chosen.name}", report.counts)
    told = "\n\n".join(str(case) for case in report.not_passed)
    assert (report.failures, report.errors, report.skipped) == (0, 0, 0), told
    assert report.passed > 900, "the program ran fewer cases than it has"


def test_every_api_passes(report: Report) -> None:
    assert len(report.apis) == API_COUNT
    assert {name: status for name, status in report.apis.items() if status != "Pass"} == {}


def test_every_kind_of_data_passes(chosen: Run, report: Report) -> None:
    not_passed = {name: status for name, status in report.data.items() if status != "Pass"}
    # Manifests that name absent content are refused by default: only the sparse run sends them.
    assert not_passed == ({} if chosen.sparse else {SPARSE: "Disabled"})
