"""The body of an upload in batches: network chunks may be 8 KiB, and each hop to a thread costs."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

MiB = 1024 * 1024
WHOLE = 2 * MiB  # a body that ends within this goes to a thread as one batch


@dataclass(frozen=True, slots=True)
class Batch:
    """Chunks in order; `last` says that the body has ended with them."""

    chunks: tuple[bytes, ...]
    size: int
    last: bool


Tap = Callable[[tuple[bytes, ...]], None]
"""Called by a driver with every chunk it takes, in order, one call at a time, never on the event loop."""


class Body:
    """Reads chunks until they end or fail. A failure ends the body early and is kept in `interruption`, so
    that a driver makes durable what has arrived without knowing why it was the end."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._ended = False
        self._returned: Batch | None = None
        self.interruption: Exception | None = None

    async def take(self, target: int) -> Batch:
        """The next `target` bytes or a few more; fewer only at the end, or where some were put back."""
        if self._returned is not None:
            returned, self._returned = self._returned, None
            return returned
        taken: list[bytes] = []
        size = 0
        while size < target and not self._ended:
            try:
                chunk = await anext(self._chunks)
            except StopAsyncIteration:
                self._ended = True
            except Exception as error:  # noqa: BLE001 - whatever ended the body, the bytes before it are kept
                self._ended = True
                self.interruption = error
            else:
                if chunk:
                    taken.append(chunk)
                    size += len(chunk)
        return Batch(tuple(taken), size, self._ended)

    def put_back(self, batch: Batch) -> None:
        """It is what comes next."""
        self._returned = batch
