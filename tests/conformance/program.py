"""Runs the OCI distribution conformance program against a registry, and reads what it found."""

from __future__ import annotations

import os
import subprocess
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Case:
    """One case that did not pass, with the program's words and the requests that it made."""

    name: str
    status: str
    words: str
    exchange: str

    def __str__(self) -> str:
        return f"{self.status.upper()} {self.name}\n{self.words}\n{self.exchange}"


@dataclass(frozen=True, slots=True)
class Report:
    """The result of one run. `total` counts groups of cases too, as the program does."""

    total: int
    failures: int
    errors: int
    skipped: int
    not_passed: tuple[Case, ...]
    apis: dict[str, str]
    data: dict[str, str]

    @property
    def passed(self) -> int:
        return self.total - self.failures - self.errors - self.skipped

    @property
    def counts(self) -> str:
        return f"{self.passed} Pass, {self.failures} FAIL, {self.errors} Error, {self.skipped} Skip"


def run(
    program: Path, host: str, credentials: tuple[str, str], results: Path, *, sparse: bool = False
) -> Report:
    """Run all of it, the additions of the specification's development version included."""
    username, password = credentials
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(results),
        "OCI_REGISTRY": host,
        "OCI_TLS": "disabled",
        "OCI_USERNAME": username,
        "OCI_PASSWORD": password,
        "OCI_VERSION": "dev",
        "OCI_DATA_SPARSE": "true" if sparse else "false",
        "OCI_RESULTS_DIR": str(results),
    }
    done = subprocess.run(
        [program], env=environment, cwd=results, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    # Its exit status says only whether all passed; without a report it broke before it could tell.
    assert (results / "junit.xml").exists(), done.stdout + done.stderr
    return read(results)


def read(results: Path) -> Report:
    """The report that a run has left in a folder."""
    suite = ElementTree.parse(results / "junit.xml").getroot()[0]
    statuses = _statuses((results / "results.yaml").read_text())
    return Report(
        # A count of nothing is left out of the file.
        total=int(suite.attrib["tests"]),
        failures=int(suite.get("failures", "0")),
        errors=int(suite.get("errors", "0")),
        skipped=int(suite.get("skipped", "0")),
        not_passed=tuple(_case(case) for case in suite.iter("testcase") if case.get("status") != "passed"),
        apis=statuses["apis"],
        data=statuses["data"],
    )


def _case(case: ElementTree.Element) -> Case:
    return Case(
        name=case.attrib["name"],
        status=case.attrib["status"],
        words=case.findtext("system-out", default=""),
        exchange=case.findtext("system-err", default=""),
    )


def _statuses(text: str) -> dict[str, dict[str, str]]:
    """The sections of results.yaml that are flat (`apis`, `data`), which is all of it that is read here."""
    sections: dict[str, dict[str, str]] = {}
    section: dict[str, str] = {}
    for line in text.splitlines():
        name, _, value = line.strip().partition(": ")
        if not line.startswith(" "):
            section = sections.setdefault(line.rstrip(":"), {})
        elif value and not line.startswith("   "):
            section[name] = value
    return sections
