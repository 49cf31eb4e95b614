"""`python -m tests.durability --kills 300`: the full profiles, with every figure they lead to."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from pathlib import Path

from tests.durability.profiles import PROFILES


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.durability", description=__doc__)
    parser.add_argument("--kills", type=int, default=0, help="crash by SIGKILL, so many times")
    parser.add_argument("--worker-kills", type=int, default=0, help="kill the workers only, so many times")
    parser.add_argument("--workers", type=int, help="worker processes of the server that is killed")
    parser.add_argument("--postgresql", action="store_true", help="metadata in a PostgreSQL, which goes on")
    parser.add_argument(
        "--power-cuts", type=int, default=0, help="cut the power of the file system, so many times"
    )
    parser.add_argument("--seed", type=int, help="repeat a run; printed by the one that failed")
    parser.add_argument("--folder", type=Path, help="where data folders are made; kept afterwards")
    parser.add_argument("--quiet", action="store_true", help="only the figures and the failures")
    asked = parser.parse_args()
    seed = asked.seed if asked.seed is not None else random.SystemRandom().randrange(1 << 32)
    say = (lambda text: None) if asked.quiet else lambda text: print(text, flush=True)
    with tempfile.TemporaryDirectory(prefix="wherry-durability-") as temporary:
        folder = asked.folder or Path(temporary)
        failed = 0
        for name, crashes in (
            ("kills", asked.kills),
            ("worker kills", asked.worker_kills),
            ("power cuts", asked.power_cuts),
        ):
            if crashes:
                print(f"{name}: {crashes} from seed {seed}", flush=True)
                profile = PROFILES[name]
                result = asyncio.run(
                    profile(
                        folder, seed, crashes, workers=asked.workers, in_postgresql=asked.postgresql, say=say
                    )
                )
                print(result.table())
                for failure in result.failures:
                    print(failure)
                failed += len(result.failures)
    if not (asked.kills or asked.worker_kills or asked.power_cuts):
        parser.print_help()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
