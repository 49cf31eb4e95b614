"""What each test showed of its client, and the page that is made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from tests.clients.operations import ClientUnderTest, Operation

_COMMAND = "WHERRY_REQUIRE_ENGINES=1 WHERRY_WRITE_DOCS=1 pytest tests/clients"


class Outcomes:
    """The worst outcome so far of each client's operation."""

    def __init__(self) -> None:
        self._failed: set[tuple[str, Operation]] = set()
        self._passed: set[tuple[str, Operation]] = set()

    def record(self, client: str, operation: Operation, report: pytest.TestReport) -> None:
        """Take in one phase of a test: a broken set-up counts as much as a failed assertion."""
        if report.failed:
            self._failed.add((client, operation))
        elif report.when == "call" and report.passed:
            self._passed.add((client, operation))

    def of(self, client: ClientUnderTest, operation: Operation) -> str | None:
        """The table's sign; None where nothing was run."""
        if operation in client.not_offered:
            return "–"
        if (client.name, operation) in self._failed:
            return "✗"
        return "✓" if (client.name, operation) in self._passed else None

    def not_run(self, clients: Sequence[ClientUnderTest]) -> list[str]:
        """What a page would have to be silent about."""
        return [
            f"{client.name} {operation}"
            for client in clients
            for operation in Operation
            if self.of(client, operation) is None
        ]


def table(clients: Sequence[ClientUnderTest], versions: Mapping[str, str], outcomes: Outcomes) -> str:
    """The reference page."""
    head = "| client | version | " + " | ".join(Operation) + " |"
    rule = "| --- | --- |" + " :-: |" * len(Operation)
    rows = [
        f"| {client.name} | {versions[client.name]} | "
        + " | ".join(str(outcomes.of(client, operation)) for operation in Operation)
        + " |"
        for client in clients
    ]
    reasons = [
        f"- {client.name}, {operation}: {reason}."
        for client in clients
        for operation, reason in client.not_offered.items()
    ]
    return "\n".join(
        [
            "# Clients",
            "",
            "Each of these was driven, as a real program, against a running Wherry with its default settings",
            "(bearer tokens, SQLite, file system). The table is made by the test run itself:",
            "",
            f"    {_COMMAND}",
            "",
            "✓ passed · ✗ failed · – not offered by the client",
            "",
            head,
            rule,
            *rows,
            "",
            "What a tick stands for: **login** with the right password, and the refusal of a wrong one;",
            "**push**, after which every byte was fetched back over plain HTTP and hashed; **pull** of those same",
            "bytes; **delete**, after which the registry answers 404; an **index** of two platforms kept whole; an",
            "**artifact** that the referrers API lists under its subject; a **signature** that verifies, and one",
            "by another key that does not.",
            "",
            "## Not offered",
            "",
            *reasons,
            "",
        ]
    )
