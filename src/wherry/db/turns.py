"""One transaction of a kind at a time, over all replicas: what several starts do to one database at once."""

from sqlalchemy import Connection, text

SCHEMA = 0x77686572
FIRST_ROWS = 0x77686573
AUDIT_CHAIN = 0x77686574
EVENT_DISPATCH = 0x77686575
JOB_CLAIMS = 0x77686576


def take_turn(tx: Connection, turn: int) -> None:
    """Wait until no other transaction has the turn; it ends with this one. On SQLite each writer has it."""
    if tx.dialect.name == "postgresql":
        tx.execute(text("SELECT pg_advisory_xact_lock(:turn)"), {"turn": turn})
