"""A lane keeps the order, holds little, stops when told, and leaves no thread at work behind its back."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.blobs.bodies import MiB
from wherry.blobs.body import Batch
from wherry.blobs.lane import Lane, run_in_thread


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


def batch(data: bytes) -> Batch:
    return Batch((data,), len(data), last=False)


async def test_batches_are_worked_on_in_order_and_one_at_a_time(threads: ThreadPoolExecutor):
    seen: list[bytes] = []
    busy = threading.Lock()

    def work(chunks: tuple[bytes, ...]) -> None:
        assert busy.acquire(blocking=False)
        seen.extend(chunks)
        busy.release()

    lane = Lane(threads, work)
    expected = [b"%d" % number for number in range(1000)]
    for chunk in expected:
        lane.put(batch(chunk))
        if len(chunk) == 2:
            await lane.room()
    await lane.drain()
    assert seen == expected


async def test_a_slow_lane_makes_the_sender_wait(threads: ThreadPoolExecutor):
    release = threading.Event()
    worked = 0

    def work(chunks: tuple[bytes, ...]) -> None:
        nonlocal worked
        assert release.wait(30)
        worked += sum(map(len, chunks))

    lane = Lane(threads, work)
    sent = 0

    async def send() -> None:
        nonlocal sent
        for _ in range(64):
            lane.put(batch(bytes(MiB)))
            sent += MiB
            await lane.room()

    sending = asyncio.create_task(send())
    await asyncio.sleep(0.05)
    assert sent <= 6 * MiB
    release.set()
    await sending
    await lane.drain()
    assert worked == 64 * MiB


async def test_an_error_reaches_the_sender_and_ends_the_work(threads: ThreadPoolExecutor):
    calls = 0

    def work(chunks: tuple[bytes, ...]) -> None:
        nonlocal calls
        calls += 1
        raise OSError("no")

    lane = Lane(threads, work)
    lane.put(batch(b"a"))
    with pytest.raises(OSError, match="no"):
        await lane.drain()
    lane.put(batch(b"b"))
    with pytest.raises(OSError, match="no"):
        await lane.room()
    await lane.stop()
    assert calls == 1


async def test_stopping_waits_for_the_thread_even_when_cancelled(threads: ThreadPoolExecutor):
    release, started = threading.Event(), threading.Event()
    finished: list[bytes] = []

    def work(chunks: tuple[bytes, ...]) -> None:
        started.set()
        assert release.wait(30)
        finished.extend(chunks)

    lane = Lane(threads, work)
    lane.put(batch(b"first"))
    assert started.wait(30)
    lane.put(batch(b"dropped"))
    stopping = asyncio.create_task(lane.stop())
    await asyncio.sleep(0)
    stopping.cancel()
    await asyncio.sleep(0)
    assert not stopping.done()
    release.set()
    with pytest.raises(asyncio.CancelledError):
        await stopping
    assert finished == [b"first"]


async def test_cancelling_waits_for_the_work_in_the_thread(threads: ThreadPoolExecutor):
    release, done = threading.Event(), threading.Event()

    def work() -> None:
        assert release.wait(30)
        done.set()

    running = asyncio.create_task(run_in_thread(threads, work))
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.sleep(0)
    assert not running.done()
    release.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert done.is_set()
