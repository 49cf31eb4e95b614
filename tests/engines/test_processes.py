"""A server that tests start is waited for, explains its failure, and takes its children with it."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from engines.servers.process import ServerFailed, ServerProcess, accepts, answers, free_port

PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""


def _python(code: str, log: Path) -> ServerProcess:
    return ServerProcess("a server", [sys.executable, "-c", code], log=log)


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def _await_end(pid: int) -> None:
    deadline = time.monotonic() + 10
    while _alive(pid):
        assert time.monotonic() < deadline, "it outlived what had started it"
        time.sleep(0.01)


def test_a_server_that_ends_at_once_tells_its_last_words(tmp_path: Path) -> None:
    server = _python("print('no room for data'); raise SystemExit(3)", tmp_path / "log")
    with pytest.raises(ServerFailed, match=r"ended with 3:\nno room for data"):
        server.wait_until(lambda: False)


def test_a_server_that_is_never_ready_is_given_up(tmp_path: Path) -> None:
    server = _python("import time; time.sleep(600)", tmp_path / "log")
    with pytest.raises(ServerFailed, match="not ready after"):
        server.wait_until(lambda: False, seconds=0.2)
    server.kill()
    assert not server.running


def test_stopping_a_server_ends_what_it_started(tmp_path: Path) -> None:
    server = _python(PARENT, tmp_path / "log")
    server.wait_until(lambda: server.log.read_text().strip().isdigit())
    child = int(server.log.read_text())
    assert server.stop() != 0
    _await_end(child)


def test_killing_a_server_leaves_it_no_time(tmp_path: Path) -> None:
    server = _python(
        "import signal; signal.signal(15, signal.SIG_IGN); print(1, flush=True); signal.pause()",
        tmp_path / "log",
    )
    server.wait_until(lambda: bool(server.log.read_text()))
    server.kill()
    assert not _alive(server.pid)


def test_a_server_does_not_outlive_a_test_run_that_is_killed(tmp_path: Path) -> None:
    starting = (
        "import sys, time; from pathlib import Path; from engines.servers.process import ServerProcess;"
        "waiting = [sys.executable, '-c', 'import time; time.sleep(600)'];"
        "server = ServerProcess('s', waiting, log=Path(sys.argv[1]));"
        "print(server.pid, flush=True); time.sleep(600)"
    )
    run = [sys.executable, "-c", starting, str(tmp_path / "server-log")]
    test_run = ServerProcess("a test run", run, log=tmp_path / "log")
    test_run.wait_until(lambda: test_run.log.read_text().strip().isdigit())
    server = int(test_run.log.read_text())
    assert _alive(server)
    test_run.kill()
    _await_end(server)


def test_a_free_port_is_below_those_of_outgoing_connections(tmp_path: Path) -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    port = free_port()
    assert 1024 < port < lowest
    assert not accepts(port)


def test_an_answer_is_awaited_by_its_status(tmp_path: Path) -> None:
    port = free_port()
    web = [
        sys.executable,
        "-m",
        "http.server",
        "--bind",
        "127.0.0.1",
        "--directory",
        str(tmp_path),
        str(port),
    ]
    server = ServerProcess("a web server", web, log=tmp_path / "log", env={"PATH": os.environ["PATH"]})
    try:
        server.wait_until(lambda: answers(f"http://127.0.0.1:{port}/", 200))
        assert not answers(f"http://127.0.0.1:{port}/missing", 200)
        assert answers(f"http://127.0.0.1:{port}/missing", 404)
    finally:
        server.stop()
