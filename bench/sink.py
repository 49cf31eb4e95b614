"""A server that reads what a push sends and keeps nothing: what the push client itself can do at most.

`python -m bench.sink PORT`
"""

from __future__ import annotations

import socketserver
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.failure import BenchFailed
from engines.servers.process import accepts, free_port

_PIECE = 1 << 20


class _Handler(socketserver.StreamRequestHandler):
    rbufsize = _PIECE
    disable_nagle_algorithm = True

    def handle(self) -> None:
        space = bytearray(_PIECE)
        while line := self.rfile.readline():
            method = line.split(b" ", 1)[0]
            length = 0
            while (header := self.rfile.readline()) not in {b"\r\n", b""}:
                if header[:15].lower() == b"content-length:":
                    length = int(header[15:])
            while length:
                got = self.rfile.readinto(memoryview(space)[: min(length, _PIECE)])
                if not got:
                    return
                length -= got
            self.wfile.write(_ANSWERS[method])


_ANSWERS = {
    b"HEAD": b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    b"POST": b"HTTP/1.1 202 Accepted\r\nLocation: /v2/upload\r\nContent-Length: 0\r\n\r\n",
    b"PATCH": b"HTTP/1.1 202 Accepted\r\nLocation: /v2/upload\r\nContent-Length: 0\r\n\r\n",
    b"PUT": b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
}


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


@contextmanager
def sink() -> Iterator[int]:
    """A running sink; its port."""
    port = free_port()
    root = Path(__file__).resolve().parent.parent
    process = subprocess.Popen([sys.executable, "-m", "bench.sink", str(port)], cwd=root)
    try:
        while not accepts(port):
            if process.poll() is not None:
                raise BenchFailed("the sink did not start")
            time.sleep(0.02)
        yield port
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    with _Server(("127.0.0.1", int(sys.argv[1])), _Handler) as server:
        server.serve_forever()
