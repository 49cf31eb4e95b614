"""``wherry version``: which Wherry, which Python, and the parts that matter in a report of a fault."""

from __future__ import annotations

from wherry.cli.options import JsonOption
from wherry.cli.output import print_record

_PARTS = ("granian", "starlette", "sqlalchemy", "obstore", "psycopg")


def show_version(as_json: JsonOption = False) -> None:
    """Print the version, for a report of a fault.

    Example: wherry version --json
    """
    import platform
    from importlib.metadata import version

    from wherry import __version__

    facts = {"wherry": __version__, "python": platform.python_version(), "system": platform.platform()}
    print_record(facts | {part: version(part) for part in _PARTS}, as_json=as_json)
