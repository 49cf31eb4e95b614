"""`python -m tests.triggers.kills --runs 300`; with `--replicas 2` over a PostgreSQL of its own."""

import argparse
import asyncio
import contextlib
import random
import sys
import tempfile
import time
from pathlib import Path

from engines.servers.postgresql import postgresql
from tests.triggers.kills.harness import Site

BATCH = 10


async def kill(site: Site, runs: int) -> list[str]:
    """Prints as it goes on; answers what is wrong."""
    began = time.monotonic()
    async with site.open():
        while site.counts.runs < runs:
            for _ in range(min(BATCH, runs - site.counts.runs)):
                await site.run()
            wrong = await site.settle()
            print(f"{site.counts} after {time.monotonic() - began:.0f} s, {len(wrong)} wrong", flush=True)
            if wrong:
                return wrong
    return []


def main() -> None:
    wanted = argparse.ArgumentParser(prog="python -m tests.triggers.kills", description=__doc__)
    wanted.add_argument("--runs", type=int, default=300)
    wanted.add_argument("--seed", type=int, default=20261124)
    wanted.add_argument("--replicas", type=int, default=1, help="More than one are over PostgreSQL.")
    wanted.add_argument("--planted", help="A fault of the folder `planted`, which has to be found.")
    asked = wanted.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wherry-kills-")))
        database = None
        if asked.replicas > 1:
            database = stack.enter_context(postgresql()).create_database("kills")
        site = Site(folder, asked.replicas, database, random.Random(asked.seed), planted=asked.planted)
        wrong = asyncio.run(kill(site, asked.runs))
    for one in wrong:
        print(one)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
