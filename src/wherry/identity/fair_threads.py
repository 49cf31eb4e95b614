"""Costly checks in few threads that give way to all others, address by address in turn."""

import asyncio
import os
import sys
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from wherry.identity.errors import TooManyLogins

T = TypeVar("T")

# Where two cores are one, a priority is not enough: a check takes memory and units from its neighbour. So one
# that fails is followed by a rest of so many times its length; a right one by none.
_NICENESS = 10
_REST = 3
_LONGEST_REST = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class _Check:
    work: Callable[[], Any]
    done: "asyncio.Future[Any]"


class FairThreads:
    """Runs `at_once` checks, and lets `waiting` more wait. Belongs to one event loop.

    Who sends many waits behind their own: each address has its turn, and where there is no more room, the
    last one of the address that has most gives its place up.
    """

    def __init__(self, at_once: int, waiting: int) -> None:
        self._threads = ThreadPoolExecutor(
            at_once, thread_name_prefix="passwords", initializer=_give_way_to_others
        )
        self._free = at_once
        self._room = waiting
        self._queues: OrderedDict[str, deque[_Check]] = OrderedDict()

    async def run(self, work: Callable[[], T], address: str) -> T:
        """What `work` answers or raises. Raises `TooManyLogins`."""
        if not self._free and sum(map(len, self._queues.values())) >= self._room:
            self._make_room(address)
        check = _Check(work, asyncio.get_running_loop().create_future())
        self._queues.setdefault(address, deque()).append(check)
        self._start()
        result: T = await check.done
        return result

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _make_room(self, address: str) -> None:
        longest = max(self._queues.values(), key=len, default=None)
        if longest is None or len(longest) <= len(self._queues.get(address, ())) + 1:
            raise TooManyLogins(retry_after=2)
        last = longest.pop()
        if not last.done.done():
            last.done.set_exception(TooManyLogins(retry_after=2))

    def _start(self) -> None:
        while self._free and self._queues:
            address, checks = self._queues.popitem(last=False)
            check = checks.popleft()
            if checks:
                self._queues[address] = checks
            if check.done.done():  # nobody waits for it any more
                continue
            self._free -= 1
            began = check.done.get_loop().time()
            self._threads.submit(check.work).add_done_callback(partial(self._hand_back, check.done, began))

    def _go_on(self) -> None:
        self._free += 1
        self._start()

    def _hand_back(self, done: "asyncio.Future[Any]", began: float, ran: "Future[Any]") -> None:
        """In the check's thread."""
        with suppress(RuntimeError):  # the loop has ended, and whoever waited with it
            done.get_loop().call_soon_threadsafe(self._end, ran, done, began)

    def _end(self, ran: "Future[Any]", done: "asyncio.Future[Any]", began: float) -> None:
        if ran.cancelled():
            return
        loop = done.get_loop()
        if ran.exception() is None and ran.result() is False:
            loop.call_later(min(_REST * (loop.time() - began), _LONGEST_REST), self._go_on)
        else:
            self._go_on()
        if done.done():
            return
        error = ran.exception()
        if error is None:
            done.set_result(ran.result())
        else:
            done.set_exception(error)


def _give_way_to_others() -> None:
    if sys.platform == "linux":  # where it is a thread's own: elsewhere it would be the whole process's
        os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0) + _NICENESS)
