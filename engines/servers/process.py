"""One server process: started in its own session, its output in a file, waited for, ended by its id."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_POLL_SECONDS = 0.05

# Not the seeded generator: two test runs side by side must not draw the same ports.
_chosen = random.SystemRandom()


class ServerFailed(Exception):
    """The server ended, or was not ready in time; the message ends with the last lines of its log."""


class ServerProcess:
    """A running server. `stop` asks it to end and insists after `grace`; `kill` is the power cut."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        user: int | None = None,
        group: int | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name = name
        self._stop_signal = stop_signal
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*_ending_with_us(), *(str(part) for part in argv)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(os.environ if env is None else env),
                cwd=cwd,
                user=user,
                group=group,
                extra_groups=[] if user is not None else None,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def wait_until(self, ready: Callable[[], bool], seconds: float = 30.0) -> None:
        """Return as soon as `ready` says so; ServerFailed when the server ends first, or time is up."""
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.running:
                raise ServerFailed(f"{self.name} ended with {self._process.returncode}:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise ServerFailed(f"{self.name} was not ready after {seconds:.0f} s:\n{self.log_tail()}")
            time.sleep(_POLL_SECONDS)

    def log_tail(self, lines: int = 25) -> str:
        """The end of what the server printed."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self, grace: float = 15.0) -> int:
        """Ask the server to end, insist on its whole group after `grace`; its exit status."""
        if self.running:
            self._process.send_signal(self._stop_signal)
            try:
                self._process.wait(grace)
            except subprocess.TimeoutExpired:
                self.kill()
        # Whatever it had started (worker processes, shims) must not outlive it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        return self._process.wait()

    def kill(self) -> None:
        """End the server and its workers at once, with no chance to finish anything."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()


def _ending_with_us() -> list[str]:
    """A prefix that has the kernel end the server when a test run is killed and cannot do it itself.

    The kernel goes by the thread that started the server, so only the main thread's servers get it.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None or threading.current_thread() is not threading.main_thread():
        return []
    return [setpriv, "--pdeathsig", "TERM", "--"]


@contextmanager
def ending(process: ServerProcess, grace: float = 15.0) -> Iterator[ServerProcess]:
    """Stop the process at the end of the block, whatever happens in it."""
    try:
        yield process
    finally:
        process.stop(grace)


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on now, and that no outgoing connection will be given.

    The kernel takes the ports of outgoing connections from 32768 up; one of a load test beside us could take
    such a port between this call and the server's start.
    """
    while True:
        port = _chosen.randrange(15000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def accepts(port: int) -> bool:
    """True once something listens on the port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def answers(url: str, *statuses: int) -> bool:
    """True once the URL answers with one of the statuses."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return response.status in statuses
    except urllib.error.HTTPError as error:
        error.close()
        return error.code in statuses
    except OSError:
        return False
