"""The other end of `bench.load`: starts the load generator, gives it orders, ends it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.failure import BenchFailed

_ROOT = Path(__file__).resolve().parent.parent


class Loader:
    """A running load generator. One order at a time; between `begin` and `end` the caller is free."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, order: str, **arguments: object) -> dict[str, Any]:
        self.begin(order, **arguments)
        return self.end()

    def begin(self, order: str, **arguments: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"order": order, **arguments}) + "\n")
        self._process.stdin.flush()

    def end(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise BenchFailed("the load generator died")
        told: dict[str, Any] = json.loads(line)
        if "failed" in told:
            raise BenchFailed(told["failed"])
        return told


@contextmanager
def loader() -> Iterator[Loader]:
    """A load generator for the length of the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.load"],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Loader(process)
    finally:
        process.kill()
        process.communicate()
