"""stub"""

from collections.abc import Iterator

from bench.figures import Row
from bench.rounds import Bench

KEYS: tuple[str, ...] = ("startup",)


def rows(bench: Bench) -> Iterator[Row]:
    yield from ()
