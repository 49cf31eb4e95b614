"""What came of a transaction, for who counts it: told once, after the commit, in the process that committed.

An outcome is a value of the domain that tells it. What is undone is not told, be it the whole transaction or
a savepoint of it. Nothing is kept: a process that dies between commit and telling has told nothing.
"""

from collections.abc import Callable

from sqlalchemy import Connection, Engine, event

_OUTCOMES = "wherry_outcomes"
# How many there were at each savepoint; the inner ones end first.
_MARKS = "wherry_outcome_marks"

Heard = Callable[[object], None]
Told = Callable[[list[object]], None]


def tell_outcome(tx: Connection, outcome: object) -> None:
    """It is told as soon as this transaction is committed."""
    tx.info.setdefault(_OUTCOMES, []).append(outcome)


def take_outcomes(tx: Connection) -> list[object]:
    """All of the transaction: for who is about to commit it, and tells them then."""
    found: list[object] = tx.info.pop(_OUTCOMES, [])
    return found


def count_outcomes(tx: Connection) -> int:
    """A mark for `forget_outcomes`."""
    return len(tx.info.get(_OUTCOMES, ()))


def forget_outcomes(tx: Connection, since: int) -> None:
    """Those after the first `since`: what they are about is undone."""
    if not tx.invalidated:  # a lost connection has taken them along
        del tx.info.get(_OUTCOMES, [])[since:]


def forget_what_is_undone(engine: Engine) -> None:
    """A transaction begins with none, whatever became of the one before; and savepoints undo theirs."""

    def begun(tx: Connection) -> None:
        tx.info.pop(_OUTCOMES, None)
        tx.info[_MARKS] = []

    def saved(tx: Connection, _name: str | None) -> None:
        tx.info[_MARKS].append(count_outcomes(tx))

    def kept(tx: Connection, _name: str, _context: object) -> None:
        tx.info[_MARKS].pop()

    def undone(tx: Connection, _name: str, _context: object) -> None:
        if not tx.invalidated:
            forget_outcomes(tx, tx.info[_MARKS].pop())

    event.listen(engine, "begin", begun)
    event.listen(engine, "savepoint", saved)
    event.listen(engine, "release_savepoint", kept)
    event.listen(engine, "rollback_savepoint", undone)
