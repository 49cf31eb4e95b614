"""A Wherry of one's own: the server as a user starts it, with its settings as environment variables."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engines.servers.process import ServerProcess, answers, ending, free_port

ADMIN_PASSWORD = "ferry-across-the-mersey"


@dataclass(frozen=True, slots=True)
class Wherry:
    """A Wherry that answers on `host`; its first user is `username` with `password`."""

    host: str
    data: Path
    process: ServerProcess
    username: str = "admin"
    password: str = ADMIN_PASSWORD

    @property
    def url(self) -> str:
        return f"http://{self.host}"


def start_wherry(
    data: Path,
    *,
    settings: Mapping[str, str] | None = None,
    workers: int | None = None,
    address: str = "127.0.0.1",
    port: int | None = None,
    log: Path | None = None,
    ready_seconds: float = 60.0,
) -> Wherry:
    """Start a server on `data` and wait until it is ready. The caller ends it: `started.process.stop()`.

    `settings` are WHERRY_… variables; none of the caller's own environment gets through. It listens on
    `address`: other network namespaces do not reach 127.0.0.1.
    """
    port = port or free_port()
    listen = ["--data", str(data), "--host", address, "--port", str(port)]
    if workers is not None:
        listen += ["--workers", str(workers)]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("WHERRY_")}
    process = ServerProcess(
        "wherry",
        [sys.executable, "-m", "wherry", "serve", *listen],
        log=log or data.parent / f"{data.name}.log",
        env={**inherited, "WHERRY_ADMIN_PASSWORD": ADMIN_PASSWORD, **(settings or {})},
    )
    server = Wherry(host=f"{address}:{port}", data=data, process=process)
    try:
        process.wait_until(lambda: answers(f"{server.url}/readyz", 200), ready_seconds)
    except BaseException:
        process.kill()
        raise
    return server


@contextmanager
def wherry(
    data: Path,
    *,
    settings: Mapping[str, str] | None = None,
    workers: int | None = None,
    address: str = "127.0.0.1",
    log: Path | None = None,
) -> Iterator[Wherry]:
    """A Wherry on `data` for the length of the block."""
    server = start_wherry(data, settings=settings, workers=workers, address=address, log=log)
    with ending(server.process):
        yield server
