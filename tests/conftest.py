"""What holds for every test: a skip is said out loud, counted, and a failure where engines are required."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator

import pytest

pytest_plugins = ["tests.databases", "tests.control_planes", "tests.side_by_side"]

REQUIRE_ENGINES = "WHERRY_REQUIRE_ENGINES"


def engines_required() -> bool:
    """True where a skipped test is a failure: CI, which has installed every engine."""
    return os.environ.get(REQUIRE_ENGINES, "") not in ("", "0")


def _skip_reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    return str(report.longrepr)


def _fail_instead(report: pytest.TestReport | pytest.CollectReport) -> None:
    reason = _skip_reason(report)
    report.outcome = "failed"
    report.longrepr = f"skipped, but {REQUIRE_ENGINES} is set: {reason}"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.CallInfo[None], None]:
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if report.skipped and not hasattr(report, "wasxfail") and engines_required():
        _fail_instead(report)


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CallInfo[None], None]:
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if report.skipped and engines_required():
        _fail_instead(report)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests have counted, and one closing line that counts what did not run.

    Without that line green on a bare machine would mislead. Tests count by `record_property`, which
    comes here from whichever process ran them.
    """
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            for name, counted in report.user_properties:
                terminalreporter.write_line(f"{name}: {counted}")
    skipped = terminalreporter.stats.get("skipped", [])
    if not skipped:
        return
    reasons = Counter(_skip_reason(report) for report in skipped)
    terminalreporter.section("not run here")
    for reason, count in reasons.most_common():
        terminalreporter.write_line(f"{count:5d}  {reason}")
    terminalreporter.write_line(
        f"{len(skipped)} tests were skipped for want of an engine; `make engines` installs what they need."
    )
