"""How bytes get in: staged by any number of appends, hashed on the way, promoted to a blob by their digest.

Knows no names, rights or sessions. The caller keeps the `Staged` (in its database) and must replace it
atomically: of two results that started from one `Staged`, only one may be kept.
"""

from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from wherry.blobs.body import WHOLE, Body
from wherry.blobs.errors import DigestMismatch, UploadInterrupted
from wherry.blobs.staged import Staged as Staged
from wherry.blobs.staged import StoredBlob as StoredBlob
from wherry.blobs.store import Staging
from wherry.oci.digests import Algorithm, Digest, Hash

T = TypeVar("T")

_REMEMBERED = 4096  # running hashes and finished uploads, about 1 KiB each


@dataclass(frozen=True, slots=True)
class _Hashed:
    staged: Staged
    algorithm: Algorithm
    running: Hash

    def tap(self, chunks: tuple[bytes, ...]) -> None:
        # One long update lets go of the interpreter once; many short ones fight for it with the event loop.
        if len(chunks) > 1 and len(chunks[0]) < 65536:
            self.running.update(b"".join(chunks))
            return
        for chunk in chunks:
            self.running.update(chunk)

    def check(self, digest: Digest, chunks: tuple[bytes, ...]) -> None:
        self.tap(chunks)
        actual = Digest(self.algorithm, self.running.hexdigest())
        if actual != digest:
            raise DigestMismatch(digest, actual)


async def _nothing() -> None:
    """Nothing has to be done before bytes are staged."""


class Intake:
    """One a process and store. What it remembers only saves work: any process can go on with a `Staged`."""

    def __init__(self, store: Staging, *, remembered: int = _REMEMBERED) -> None:
        self._store = store
        self._limit = remembered
        self._hashed: OrderedDict[str, _Hashed] = OrderedDict()
        self._finished: OrderedDict[str, tuple[Staged, StoredBlob]] = OrderedDict()

    def begin(self, upload: str) -> Staged:
        """An empty upload; nothing is stored yet. Raises `InvalidUploadId`."""
        return Staged(upload)

    async def append(
        self,
        staged: Staged,
        chunks: AsyncIterator[bytes],
        *,
        algorithm: Algorithm = Algorithm.SHA256,
        last_of: Digest | None = None,
        before_staging: Callable[[], Awaitable[None]] = _nothing,
    ) -> Staged:
        """Stores `chunks` behind what is staged; all of the result is durable.

        `algorithm` is what the client will most likely finish with; a wrong guess costs a second reading.
        `last_of` says that `finish` with this digest follows at once: where nothing is staged before, a small
        body may become a blob without being staged at all, and a wrong one raises `DigestMismatch` here.
        `before_staging` is awaited if, and before, anything is staged. If
        `chunks` raises, what arrived is kept and `UploadInterrupted` carries it. Raises `UploadBusy`,
        `StagedBytesMissing`, `StoreFull` or `StoreUnavailable`; after the last two `staged` is still good.
        """
        hashed = self._continue_hash(staged, algorithm)
        body = Body(chunks)
        if last_of is not None and staged.received == 0:
            whole = await self._put_whole(staged, body, last_of)
            if whole is not None:
                return whole
        await before_staging()
        appended = await self._store.append(staged, body, hashed.tap if hashed else None)
        if hashed and appended.unbroken:
            _remember(
                self._hashed,
                staged.upload,
                _Hashed(appended.staged, hashed.algorithm, hashed.running),
                self._limit,
            )
        if body.interruption is not None:
            raise UploadInterrupted(appended.staged) from body.interruption
        return appended.staged

    async def _put_whole(self, staged: Staged, body: Body, digest: Digest) -> Staged | None:
        """What `finish` will know of, or None: the body is longer, broke off, or has to be staged."""
        batch = await body.take(WHOLE)
        hashed = _Hashed(staged, digest.algorithm, digest.algorithm.new())
        location = None
        if batch.last and batch.chunks and body.interruption is None:
            location = await self._store.put_whole(staged, batch, digest, partial(hashed.check, digest))
        if location is None:
            body.put_back(batch)
            return None
        whole = Staged(staged.upload, batch.size)
        stored = StoredBlob(digest, batch.size, location)
        _remember(self._finished, staged.upload, (whole, stored), self._limit)
        return whole

    async def finish(self, staged: Staged, digest: Digest) -> StoredBlob:
        """Makes a blob of what is staged; it is durable when this returns. Call `discard(staged, keep=…)`
        once the result is committed. Raises `DigestMismatch`, and `staged` stays usable, or what `append`
        raises."""
        before = self._finished.get(staged.upload)
        if before is not None and before[0] == staged and before[1].digest == digest:
            return before[1]
        hashed = self._hashed.get(staged.upload)
        trusted = hashed is not None and hashed.staged == staged and hashed.algorithm is digest.algorithm
        if hashed is not None and trusted:
            actual = Digest(hashed.algorithm, hashed.running.hexdigest())
            if actual != digest:
                raise DigestMismatch(digest, actual)
        location = await self._store.promote(staged, digest, trusted=trusted)
        stored = StoredBlob(digest, staged.received, location)
        self._hashed.pop(staged.upload, None)
        _remember(self._finished, staged.upload, (staged, stored), self._limit)
        return stored

    async def discard(self, staged: Staged, *, keep: StoredBlob | None = None) -> None:
        """Deletes what is staged. After a finish name the blob in `keep`: its bytes may be staged ones."""
        self._hashed.pop(staged.upload, None)
        self._finished.pop(staged.upload, None)
        await self._store.discard(staged, keep=keep.location if keep else None)

    def _continue_hash(self, staged: Staged, algorithm: Algorithm) -> _Hashed | None:
        """The hash to feed; none when earlier bytes were not hashed here: `finish` will read them all."""
        # Taken out while it runs: were the append to fail, the hash would be ahead of what is staged.
        hashed = self._hashed.pop(staged.upload, None)
        if staged.received == 0:
            return _Hashed(staged, algorithm, algorithm.new())
        return hashed if hashed is not None and hashed.staged == staged else None


def _remember(where: OrderedDict[str, T], upload: str, what: T, limit: int) -> None:
    where[upload] = what
    where.move_to_end(upload)
    while len(where) > limit:
        where.popitem(last=False)
