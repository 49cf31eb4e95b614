"""What each test showed of its client, and the page that is made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from tests.clients.operations import ClientUnderTest, Operation

_PAGE = """\
# Clients

Each of these was driven, as the real program, against a running Wherry with its default settings
(bearer tokens, SQLite, file system). The test run itself makes this page:

    make engines
    WHERRY_REQUIRE_ENGINES=1 WHERRY_WRITE_DOCS=1 .venv/bin/pytest tests/clients

✓ passed · ✗ failed · – not offered by the client

{table}

What a tick stands for:

- **login**: the right password opens a private repository, a wrong one is refused;
- **push**: everything pushed was fetched back over plain HTTP, down to each layer, and hashed;
- **pull**: what came out is what had been put in, byte for byte;
- **pull by redirect**: the same where the registry sends the client on to S3, to another host name;
- **list tags**, **delete**: as the registry says it too, asked behind the client's back;
- **multi-arch index**: the platforms kept, signed or chosen from an index of two;
- **artifact with subject**: listed by the referrers API under the image that it belongs to;
- **signature**: verifies, and does not where another signer is trusted.

## Worth knowing

{notes}

## Not offered

{reasons}
"""


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
        f"- {client.name}: "
        + "; ".join(f"**{operation}**: {reason}" for operation, reason in client.not_offered.items())
        for client in clients
        if client.not_offered
    ]
    notes = [f"- {client.name}: {client.note}" for client in clients if client.note]
    return _PAGE.format(
        table="\n".join([head, rule, *rows]), reasons="\n".join(reasons), notes="\n".join(notes)
    )
