"""What a worker of ``wherry serve`` does first: tie to its parent, and heed signals at the right time.

Granian takes a signal that comes while a worker starts for one that nobody waits for, and the worker would
then never end. So signals wait, blocked, from before the fork until the worker serves.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wherry.settings import Settings

_ENDING = frozenset({signal.SIGTERM, signal.SIGINT})
# After the lifespan has started Granian begins to serve at once, on a busy machine a little later.
_SERVES_AFTER_SECONDS = 0.5


def hold_signals_over_forks() -> None:
    """In the parent, once: a worker is born with its signals blocked."""
    parent = os.getpid()

    def block() -> None:
        if os.getpid() == parent:
            signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)

    def unblock() -> None:
        if os.getpid() == parent:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)

    os.register_at_fork(before=block, after_in_parent=unblock)


def load_worker(settings: Settings, parent: int) -> Any:
    """Runs first in each worker process: tie it to its parent, then build the application."""
    from wherry.observability import configure

    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    # Ctrl-C reaches the whole foreground group; only the parent is to answer it.
    os.setpgrp()
    _die_with_parent(parent)
    configure(format=settings.log.format, level=settings.log.level)
    from wherry.app import create_app

    return _heeding_signals_once_started(create_app(settings))


def _heeding_signals_once_started(app: Any) -> Any:
    def heed() -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)

    async def lifespan(scope: Any, receive: Any, send: Any) -> None:
        async def announce(message: Any) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                _look_less_for_garbage()
                asyncio.get_running_loop().call_later(_SERVES_AFTER_SECONDS, heed)

        await app(scope, receive, announce)

    def entry(scope: Any, receive: Any, send: Any) -> Any:
        # Not a coroutine of its own: the hot path goes straight to the application.
        return lifespan(scope, receive, send) if scope["type"] == "lifespan" else app(scope, receive, send)

    return entry


def _look_less_for_garbage() -> None:
    """What the start has made stays for good. Measured: 3 % less CPU an image that is pushed."""
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def _die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent is gone: a stray worker would keep port and data."""
    if sys.platform != "linux":
        return
    import ctypes

    set_parent_death_signal = 1
    ctypes.CDLL(None).prctl(set_parent_death_signal, int(signal.SIGKILL))
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
