"""Bodies of uploads as a server would see them, and the way back."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from random import Random

from wherry.blobs import BlobStore

KiB = 1024
MiB = 1024 * 1024


class ClientGone(Exception):
    """What a server raises from a body whose client hung up."""


def content(size: int, seed: int = 0) -> bytes:
    """The same bytes for the same seed, compressible by nobody."""
    return Random(f"{seed}/{size}").randbytes(size)


async def body(data: bytes, chunk: int = 64 * KiB, *, then: Exception | None = None) -> AsyncIterator[bytes]:
    for start in range(0, len(data), chunk):
        await asyncio.sleep(0)
        yield data[start : start + chunk]
    if then is not None:
        raise then


async def pieces(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def read(store: BlobStore, location: str, start: int = 0, stop: int | None = None) -> bytes:
    return b"".join([piece async for piece in store.read(location, start, stop)])
