"""What can be wrong with the audit trail.

AuditError
├── ChainBroken      its head is not the one that this server sealed; nothing is chained to it
├── InvalidHead      a noted head cannot be read
└── InvalidExport    a file is no export of records
"""


class AuditError(Exception):
    """Base of this domain's errors; the text is fit for a person."""


class ChainBroken(AuditError):
    """New records wait in the journal: chained to a forged head, they would make it look right."""


class InvalidHead(AuditError):
    def __init__(self, text: str) -> None:
        super().__init__(f"{text[:100]!r} is no head of a chain: write POSITION:HASH as `verify` printed it")


class InvalidExport(AuditError):
    """The text says in which line, and what is wrong with it."""
