"""A lane: blocking work on one stream of batches, in order, in threads, while the loop goes on receiving."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import TypeVar

from wherry.blobs.body import Batch, MiB

T = TypeVar("T")

Work = Callable[[tuple[bytes, ...]], None]

_ROOM = 4 * MiB  # held by one lane at most, and the batch that just arrived


class Lane:
    """Runs `work` on the batches it is given, never two at once. What waits while a batch is worked on goes
    as one call: the slower the work, the fewer the hops."""

    def __init__(self, threads: Executor, work: Work) -> None:
        self._threads = threads
        self._work = work
        self._loop = asyncio.get_running_loop()
        self._waiting: list[bytes] = []
        self._waiting_size = 0
        self._running: Future[None] | None = None
        self._running_size = 0
        self._turn = asyncio.Event()
        self._error: BaseException | None = None

    def put(self, batch: Batch) -> None:
        """Never waits; call `room` before the next one."""
        self._waiting.extend(batch.chunks)
        self._waiting_size += batch.size
        self._start()

    async def room(self) -> None:
        """Waits until little enough is held. Raises what `work` raised."""
        while self._waiting_size + self._running_size > _ROOM:
            await self._next_turn()
        self._raise()

    async def drain(self) -> None:
        """Waits until all is done. Raises what `work` raised."""
        while self._running is not None:
            await self._next_turn()
        self._raise()

    async def stop(self) -> None:
        """Drops what waits and returns once no thread is at work, even if the caller is being cancelled."""
        self._waiting.clear()
        self._waiting_size = 0
        cancelled: asyncio.CancelledError | None = None
        while self._running is not None:
            try:
                await self._next_turn()
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled

    def _start(self) -> None:
        if self._running is not None or not self._waiting or self._error is not None:
            return
        chunks, self._waiting = tuple(self._waiting), []
        self._running_size, self._waiting_size = self._waiting_size, 0
        self._running = self._threads.submit(self._work, chunks)
        self._running.add_done_callback(lambda done: self._loop.call_soon_threadsafe(self._done, done))

    def _done(self, done: Future[None]) -> None:
        self._running = None
        self._running_size = 0
        self._error = done.exception()
        if self._error is not None:
            self._waiting.clear()
            self._waiting_size = 0
        self._start()
        self._turn.set()

    async def _next_turn(self) -> None:
        self._turn.clear()
        await self._turn.wait()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error


async def run_in_thread(threads: Executor, work: Callable[[], T]) -> T:
    """Runs `work`. A cancelled caller waits for it first, so that nothing goes on behind its back."""
    future = asyncio.wrap_future(threads.submit(work))
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        while not future.done():
            try:
                await asyncio.wait([future])
            except asyncio.CancelledError:
                continue
        raise
