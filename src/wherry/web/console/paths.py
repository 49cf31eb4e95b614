"""Which requests are the console's: its own paths, and a browser that opens the bare address."""

from starlette.types import Scope

from wherry.web.sessions import SAFE_METHODS, header_of

_OPENED = frozenset({"/", "/console"})


def concerns_console(scope: Scope) -> bool:
    """A program that asks for `/` does not accept HTML by name."""
    path: str = scope["path"]
    if path.startswith("/console/") or path == "/console":
        return True
    return (
        path == "/" and scope["method"] in SAFE_METHODS and "text/html" in (header_of(scope, b"accept") or "")
    )


def is_opening(scope: Scope) -> bool:
    """Whether all that is asked for is the console's first page."""
    return scope["path"] in _OPENED
