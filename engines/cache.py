"""The folder, outside the checkout, that keeps built and downloaded engines by name and version."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from engines.catalogue import Debian, Engine


def engines_dir() -> Path:
    """`WHERRY_ENGINES_DIR`, else `~/.cache/wherry/engines`; not made here."""
    chosen = os.environ.get("WHERRY_ENGINES_DIR")
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "wherry" / "engines"


def cached_folder(engine: Engine) -> Path | None:
    """Where this very version of the engine is, or would be; None for what the system's packages bring."""
    if isinstance(engine.source, Debian):
        return None
    return engines_dir() / engine.name / engine.source.key


@contextmanager
def installing(waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the one lock of all installations; `waiting` is called once when another one holds it now."""
    folder = engines_dir()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
