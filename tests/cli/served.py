"""`wherry serve` and the other commands as a person runs them: a real process, its output, its exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from engines.servers.process import free_port

PASSWORD = "ferry-across-the-mersey"


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The caller's environment without any setting of Wherry's."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("WHERRY_")}
    return {**inherited, "COLUMNS": "200", "TERM": "dumb", **(extra or {})}


def run(
    *arguments: str, stdin: str = "", environ: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """One command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "wherry", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        env=clean_environment(environ),
        cwd=cwd,
        check=False,
    )


class Served:
    """A running server; `out` is all that it has printed so far."""

    def __init__(
        self, data: Path, *flags: str, environ: Mapping[str, str] | None = None, scheme: str = "http"
    ):
        self.data = data
        self.port = free_port()
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        self._log = data.parent / f"{data.name}.{self.port}.log"
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "wherry",
                    "serve",
                    "--data",
                    str(data),
                    "--port",
                    str(self.port),
                    *flags,
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=clean_environment(environ),
                start_new_session=True,
            )

    @property
    def out(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def workers(self) -> list[int]:
        """The process ids of the workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def wait_ready(self, client: httpx.Client) -> None:
        """Until the server answers and has greeted."""
        deadline = time.monotonic() + 60
        while True:
            assert self.process.poll() is None, self.out
            assert time.monotonic() < deadline, self.out
            try:
                if client.get(f"{self.url}/healthz").status_code == 200 and "Push: " in self.out:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self, seconds: float = 60) -> int:
        return self.process.wait(seconds)


@contextmanager
def served(
    data: Path, *flags: str, environ: Mapping[str, str] | None = None, client: httpx.Client | None = None
) -> Iterator[Served]:
    """A server that answers, ended with the block."""
    own = httpx.Client(trust_env=False)
    scheme = "https" if "--tls-certificate" in flags else "http"
    server = Served(
        data, *flags, environ={"WHERRY_ADMIN_PASSWORD": PASSWORD, **(environ or {})}, scheme=scheme
    )
    try:
        server.wait_ready(client or own)
        yield server
    finally:
        own.close()
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()
