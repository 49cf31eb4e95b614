"""Bytes in a dictionary, gone with the process: for tests and for trying things out."""

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta

from wherry.blobs.body import Batch, Body, MiB, Tap
from wherry.blobs.errors import BlobBytesMissing, DigestMismatch, StagedBytesMissing
from wherry.blobs.staged import Staged
from wherry.blobs.store import Appended, Check
from wherry.oci.digests import Digest

_PIECE = 256 * 1024


class MemoryStore:
    """A `BlobStore`. Every append is a part of its own, so that writers cannot meet."""

    def __init__(self) -> None:
        self._blobs: dict[str, bytes] = {}
        self._parts: dict[str, bytes] = {}

    async def size(self, location: str) -> int:
        return len(self._bytes(location))

    async def read(self, location: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        content = self._bytes(location)
        end = len(content) if stop is None else min(stop, len(content))
        for offset in range(start, end, _PIECE):
            yield content[offset : min(offset + _PIECE, end)]

    async def presigned_url(self, location: str, expires: timedelta) -> str | None:
        return None

    async def append(self, staged: Staged, body: Body, tap: Tap | None) -> Appended:
        content = bytearray()
        last = False
        while not last:
            batch = await body.take(MiB)
            last = batch.last
            content.extend(b"".join(batch.chunks))
            if tap is not None and batch.chunks:
                tap(batch.chunks)
        self._staged_bytes(staged)
        if not content:
            return Appended(staged, unbroken=True)
        part = f"{staged.upload}/{uuid.uuid4().hex}"
        self._parts[part] = bytes(content)
        return Appended(
            Staged(staged.upload, staged.received + len(content), (*staged.parts, part)), unbroken=True
        )

    async def put_whole(self, staged: Staged, batch: Batch, digest: Digest, check: Check) -> str | None:
        return None

    async def promote(self, staged: Staged, digest: Digest, *, trusted: bool) -> str:
        content = self._staged_bytes(staged)
        actual = Digest.of(content, digest.algorithm)
        if actual != digest:
            raise DigestMismatch(digest, actual)
        location = str(digest)
        self._blobs[location] = content
        return location

    async def discard(self, staged: Staged, *, keep: str | None) -> None:
        for part in [part for part in self._parts if part.startswith(f"{staged.upload}/")]:
            del self._parts[part]

    async def delete(self, location: str) -> None:
        self._blobs.pop(location, None)

    async def check(self) -> None:
        """Memory is always there."""

    async def close(self) -> None:
        self._blobs.clear()
        self._parts.clear()

    def _bytes(self, location: str) -> bytes:
        try:
            return self._blobs[location]
        except KeyError:
            raise BlobBytesMissing(location) from None

    def _staged_bytes(self, staged: Staged) -> bytes:
        content = b"".join(self._parts.get(part, b"") for part in staged.parts)
        if len(content) != staged.received:
            raise StagedBytesMissing(staged.upload, staged.received, len(content))
        return content
