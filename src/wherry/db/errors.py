"""What can go wrong with the database itself.

DatabaseError
├── DatabaseUnavailable    it does not answer, or refuses us
└── DatabaseFull           no room for the change; nothing of it was kept
"""

from sqlalchemy.exc import DBAPIError


class DatabaseError(Exception):
    """The database could not do what was asked; the transaction left no trace."""


class DatabaseUnavailable(DatabaseError):
    """It does not answer, or refuses us; the same call may succeed later."""


class DatabaseFull(DatabaseError):
    """No room left; nothing was kept, and the same call succeeds once there is room."""


_NO_ROOM = ("database or disk is full", "no space left on device", "could not extend file")
# A broken disk; by another name only where SQLite grows its file of shared memory, which fails on a full one.
_NO_ROOM_CODES = frozenset({"SQLITE_FULL", "SQLITE_IOERR_SHMSIZE"})
_DAMAGED_CODES = frozenset({"SQLITE_CORRUPT", "SQLITE_NOTADB"})


def translated(error: DBAPIError) -> Exception:
    """Our error for one of the driver's, or the error itself where it tells of a mistake of ours."""
    text = str(error.orig).lower()
    code = getattr(error.orig, "sqlite_errorname", "")
    if code in _NO_ROOM_CODES or any(sign in text for sign in _NO_ROOM):
        return DatabaseFull("the database has no room left on its disk")
    if code in _DAMAGED_CODES or type(error).__name__ in ("OperationalError", "InterfaceError"):
        return DatabaseUnavailable(f"the database does not answer: {str(error.orig)[:200]}")
    return error


# serialization_failure, deadlock_detected, lock_not_available
_PASSING_STATES = frozenset({"40001", "40P01", "55P03"})


def is_passing(error: DBAPIError) -> bool:
    """Whether the same may succeed later: another transaction, the connection or the disk was the reason."""
    state = getattr(error.orig, "sqlstate", None)
    return (
        error.connection_invalidated
        or state in _PASSING_STATES
        or isinstance(translated(error), DatabaseFull)
    )
