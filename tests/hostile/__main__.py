"""`python -m tests.hostile --requests 100000`: the mutation fuzzer against a Wherry of its own."""

from __future__ import annotations

import argparse
import asyncio
import sys

from tests.hostile.attack import DEFAULT_SEED, attack


def main() -> int:
    """Print what was sent and found; the exit code is 1 if anything was."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="repeats a run")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--database-url", default="", help="PostgreSQL instead of SQLite")
    chosen = parser.parse_args()
    settings = {"WHERRY_DATABASE_URL": chosen.database_url} if chosen.database_url else {}
    outcome = asyncio.run(attack(chosen.requests, chosen.seed, chosen.connections, settings))
    print(outcome)
    return 1 if outcome.bad else 0


if __name__ == "__main__":
    sys.exit(main())
