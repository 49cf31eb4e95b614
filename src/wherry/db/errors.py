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


_NO_ROOM = ("database or disk is full", "no space left on device", "disk i/o error", "could not extend file")


def translated(error: DBAPIError) -> Exception:
    """Our error for one of the driver's, or the error itself where it tells of a mistake of ours."""
    text = str(error.orig).lower()
    if any(sign in text for sign in _NO_ROOM):
        return DatabaseFull("the database has no room left on its disk")
    if type(error).__name__ in ("OperationalError", "InterfaceError"):
        return DatabaseUnavailable(f"the database does not answer: {str(error.orig)[:200]}")
    return error
