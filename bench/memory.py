"""stub"""

from collections.abc import Iterator

from bench.figures import Row
from bench.rounds import Bench

KEYS: tuple[str, ...] = ("memory",)


def rows(bench: Bench) -> Iterator[Row]:
    yield from ()
