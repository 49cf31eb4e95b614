"""The load generator: a process of its own (`python -m bench.load`), told by lines of JSON what to send.

It shares no interpreter with anything that is measured or that measures. `wrk` does the small GETs.
"""

from __future__ import annotations

import base64
import hashlib
import json
import select
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bench.failure import BenchFailed
from bench.images import Blob, Filler, config_of, manifest_of
from bench.pushing import push_image, push_in_one_patch, push_in_one_put
from bench.wire import Connection

_fillers: dict[int, Filler] = {}


def _filler(size: int) -> Filler:
    if size not in _fillers:
        _fillers[size] = Filler(size)
    return _fillers[size]


def push_blob(*, port: int, authorization: str, repository: str, size: int, way: str) -> dict[str, Any]:
    """One new blob. The clock runs from the POST to the 201; making and hashing the blob is before it."""
    blob = _filler(size).stamped()
    push = {"put": push_in_one_put, "patch": push_in_one_patch}[way]
    with Connection(port, authorization) as connection:
        begin = time.perf_counter()
        push(connection, repository, blob)
        return {"seconds": time.perf_counter() - begin, "digest": blob.digest}


def push_huge(*, port: int, authorization: str, repository: str, size: int) -> dict[str, Any]:
    """A blob far larger than memory should hold, in one PUT: the same 64 MiB again and again."""
    piece = 64 << 20
    filler = _filler(piece)
    stamped = filler.stamped()
    rest = filler.stamped()
    digest = hashlib.sha256()
    for index in range(size // piece):
        for part in (stamped if index == 0 else rest).pieces:
            digest.update(part)

    def pieces() -> Iterator[bytes | memoryview]:
        for index in range(size // piece):
            yield from (stamped if index == 0 else rest).pieces

    blob = Blob(f"sha256:{digest.hexdigest()}", size, tuple(pieces()))
    with Connection(port, authorization, timeout=600) as connection:
        begin = time.perf_counter()
        push_in_one_put(connection, repository, blob)
        return {"seconds": time.perf_counter() - begin, "digest": blob.digest}


def push_images(
    *, port: int, authorization: str, prefix: str, workers: int, seconds: float, layer: int
) -> dict[str, Any]:
    """Small images until time is up: layer, config, manifest, each asked for first. Hashed before that."""
    filler = _filler(layer)
    stock: list[tuple[Blob, Blob, Blob]] = []
    for _ in range(int(250 * seconds) + workers):
        one = filler.stamped()
        config = config_of([one])
        stock.append((one, config, manifest_of(config, [one])))
    lock = threading.Lock()
    pushed: list[tuple[str, str, str]] = []
    deadline = 0.0

    def work(number: int) -> None:
        with Connection(port, authorization) as connection:
            while time.perf_counter() < deadline:
                with lock:
                    if not stock:
                        return
                    one, config, manifest = stock.pop()
                repository, tag = f"{prefix}-{number}", manifest.digest[7:19]
                push_image(connection, repository, tag, manifest, [one, config])
                with lock:
                    pushed.append((repository, tag, manifest.digest))

    with ThreadPoolExecutor(workers) as pool:
        begin = time.perf_counter()
        deadline = begin + seconds
        for done in [pool.submit(work, number) for number in range(workers)]:
            done.result()
        took = time.perf_counter() - begin
    return {"images": len(pushed), "seconds": took, "sample": pushed[-1] if pushed else None}


def pull(
    *, port: int, authorization: str, path: str, size: int, connections: int, seconds: float, least: int = 0
) -> dict[str, Any]:
    """One large blob again and again on each connection; what is on its way when time is up is finished."""
    deadline = time.perf_counter() + seconds

    def work() -> int:
        total = 0
        with Connection(port, authorization) as connection:
            while time.perf_counter() < deadline or total < least:
                connection.send("GET", path)
                answer = connection.answer(count_only=True)
                if answer.status != 200 or answer.size != size:
                    raise BenchFailed(f"GET {path}: {answer.status}, {answer.size} of {size} bytes")
                total += answer.size
        return total

    with ThreadPoolExecutor(connections) as pool:
        begin = time.perf_counter()
        total = sum(done.result() for done in [pool.submit(work) for _ in range(connections)])
        return {"bytes": total, "seconds": time.perf_counter() - begin}


def heads(
    *, port: int, authorization: str, path: str, connections: int, seconds: float, accept: str
) -> dict[str, Any]:
    """HEAD as fast as it goes: `wrk` waits for the body that a HEAD's Content-Length speaks of, and hangs."""
    lines = [f"HEAD {path} HTTP/1.1", f"Host: 127.0.0.1:{port}"]
    lines += [f"Authorization: {authorization}", f"Accept: {accept}", "", ""]
    ask = "\r\n".join(lines).encode()
    poller = select.epoll()
    sockets: dict[int, socket.socket] = {}
    for _ in range(connections):
        one = socket.create_connection(("127.0.0.1", port))
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sockets[one.fileno()] = one
        poller.register(one, select.EPOLLIN)
    count = 0
    begin = time.perf_counter()
    deadline = begin + seconds
    for one in sockets.values():
        one.send(ask)
    while (now := time.perf_counter()) < deadline:
        for number, _ in poller.poll(1.0):
            answer = sockets[number].recv(65536)
            if not answer.startswith(b"HTTP/1.1 200") or not answer.endswith(b"\r\n\r\n"):
                raise BenchFailed(f"HEAD {path}: {answer[:200]!r}")
            count += 1
            sockets[number].send(ask)
    for one in sockets.values():
        one.close()
    return {"requests": count, "seconds": now - begin}


def pages(
    *,
    port: int,
    authorization: str,
    path: str,
    seconds: float,
    least: int,
    headers: Sequence[tuple[str, str]] = (),
) -> dict[str, Any]:
    """One GET after the other on one connection: how long each took."""
    took: list[float] = []
    size = 0
    with Connection(port, authorization) as connection:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end or len(took) < least:
            begin = time.perf_counter()
            size = connection.ask("GET", path, expect=200, headers=headers).size
            took.append(time.perf_counter() - begin)
    return {"seconds": took, "size": size}


def guess(*, port: int, path: str, rate: int, seconds: float, tag: str) -> dict[str, Any]:
    """Wrong passwords, so many a second whether those before are answered or not, each for another name.

    All are answered when this returns: what is measured next is not slowed by what is still being checked.
    """
    poller = select.epoll()
    sockets: dict[int, socket.socket] = {}
    idle: list[int] = []
    answers: dict[str, int] = {}
    begin = time.perf_counter()
    sent = 0
    while (now := time.perf_counter() - begin) < seconds or len(idle) < len(sockets):
        if now > seconds + 180:
            raise BenchFailed(f"{len(sockets) - len(idle)} wrong passwords are not answered yet")
        if now < seconds and sent < now * rate:
            if not idle:
                one = socket.create_connection(("127.0.0.1", port))
                sockets[one.fileno()] = one
                poller.register(one, select.EPOLLIN)
                idle.append(one.fileno())
            login = base64.b64encode(f"{tag}-{sent}:wrong password {sent}".encode()).decode()
            lines = (
                f"GET {path} HTTP/1.1",
                f"Host: 127.0.0.1:{port}",
                f"Authorization: Basic {login}",
                "",
                "",
            )
            sockets[idle.pop()].send("\r\n".join(lines).encode())
            sent += 1
        for number, _ in poller.poll(min(1.0, max(0.001, sent / rate - now))):
            answer = sockets[number].recv(65536)
            if not answer.startswith(b"HTTP/1.1 4"):
                raise BenchFailed(f"a wrong password: {answer[:200]!r}")
            status = answer[9:12].decode()
            answers[status] = answers.get(status, 0) + 1
            idle.append(number)
    for one in sockets.values():
        one.close()
    return {"sent": sent, "answers": answers}


_ORDERS: dict[str, Callable[..., dict[str, Any]]] = {
    order.__name__: order for order in (push_blob, push_huge, push_images, pull, heads, pages, guess)
}


def main() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        try:
            told = _ORDERS[order.pop("order")](**order)
        except (BenchFailed, OSError) as error:
            told = {"failed": f"{type(error).__name__}: {error}"}
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
