"""Bytes in an object store, through obstore. A single append is the blob.

Every append writes an object of its own. Nothing is copied or renamed in the usual case: the registry keeps
the location, so an object need not be named by its digest, and two pushers of one digest cannot meet. Several
parts are joined by streaming them into a new object.
"""

from __future__ import annotations  # some of obstore's types are not there at run time

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

from wherry.blobs.body import Batch, Body, MiB, Tap
from wherry.blobs.drivers.buckets import Bucket
from wherry.blobs.errors import (
    BlobBytesMissing,
    DigestMismatch,
    StagedBytesMissing,
    StoreFull,
    StoreUnavailable,
)
from wherry.blobs.lane import Lane
from wherry.blobs.staged import Staged
from wherry.blobs.store import Appended, Check
from wherry.oci.digests import Digest, Hash

_PART = 8 * MiB  # S3 takes 10,000 parts: 78 GiB in one request
_IN_FLIGHT = 2  # so one upload holds about four parts, 32 MiB
_BATCH = 1 * MiB
_PIECE = 256 * 1024
_THREADS = 8
_PATIENCE = 5.0  # seconds that a health check may take
_MARKER = "wherry-store"

_LOCATION = re.compile(r"blobs/[A-Za-z0-9][A-Za-z0-9_-]{0,127}/[0-9a-f]{32}")
# A full store has no status of its own in S3; these are the codes of those that can be full.
_FULL = re.compile(r"\b507\b|XMinioStorageFull|QuotaExceeded|InsufficientStorage|ServiceQuota")
_REFUSED = re.compile(r"status code: 40[13]\b")


class ObjectsStore:
    """A `BlobStore` in one bucket. Opening it sends nothing: see `check`."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="wherry-hash")
        self._proved_writable = False

    # Reading

    async def size(self, location: str) -> int:
        with self._mapped_errors(_checked(location)):
            return (await obstore.head_async(self._bucket.requests, location))["size"]

    async def read(self, location: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        _checked(location)
        if stop is not None and start >= stop:
            return
        options: obstore.GetOptions = {}
        if stop is not None:
            options = {"range": (start, stop)}
        elif start:
            options = {"range": {"offset": start}}
        with self._mapped_errors(location):
            try:
                found = await obstore.get_async(self._bucket.downloads, location, options=options)
            except BaseError:
                # A range that begins behind the end is an error there, and nothing to read here.
                if options and start >= await self.size(location):
                    return
                raise
            pieces = aiter(found.stream(min_chunk_size=_PIECE))
        while True:
            with self._mapped_errors(location):
                try:
                    piece = await anext(pieces)
                except StopAsyncIteration:
                    return
            yield bytes(piece)

    async def presigned_url(self, location: str, expires: timedelta) -> str | None:
        _checked(location)
        try:
            return await obstore.sign_async(self._bucket.requests, "GET", location, expires)
        except BaseError:  # credentials that cannot sign, as those of some instance roles: stream instead
            return None

    # Staging

    async def append(self, staged: Staged, body: Body, tap: Tap | None) -> Appended:
        first = await body.take(_PART)
        if not first.chunks:
            return Appended(staged, unbroken=True)
        key = _new_key(staged)
        lane = Lane(self._threads, tap or _ignore)
        try:
            with self._mapped_errors():
                size = await (
                    self._put(key, first, lane) if first.last else self._stream(key, first, body, lane)
                )
            await lane.drain()
        finally:
            await lane.stop()
        return Appended(Staged(staged.upload, staged.received + size, (*staged.parts, key)), unbroken=True)

    async def _put(self, key: str, batch: Batch, lane: Lane) -> int:
        lane.put(batch)
        await obstore.put_async(self._bucket.requests, key, b"".join(batch.chunks), use_multipart=False)
        return batch.size

    async def _stream(self, key: str, first: Batch, body: Body, lane: Lane) -> int:
        size = 0
        batch = first
        # Left by an error, it aborts the multipart upload; left in order, it completes it.
        async with self._writer(key) as writer:
            while True:
                lane.put(batch)
                size += batch.size
                if batch.chunks:
                    await writer.write(b"".join(batch.chunks))
                if batch.last:
                    return size
                await lane.room()
                batch = await body.take(_BATCH)

    def _writer(self, key: str) -> obstore.AsyncWritableFile:
        return obstore.open_writer_async(
            self._bucket.requests, key, buffer_size=_PART, max_concurrency=_IN_FLIGHT
        )

    async def put_whole(self, staged: Staged, batch: Batch, digest: Digest, check: Check) -> str | None:
        return None  # an append makes one object, which becomes the blob as it is

    async def promote(self, staged: Staged, digest: Digest, *, trusted: bool) -> str:
        if not staged.parts:
            return await self._promote_nothing(staged, digest)
        if len(staged.parts) > 1:
            return await self._join(staged, digest)
        location = staged.parts[0]
        if not trusted:
            actual = await self._hash(staged, digest, None)
            if actual != digest:
                raise DigestMismatch(digest, actual)
            return location
        try:
            size = await self.size(location)
        except BlobBytesMissing:
            size = 0
        if size != staged.received:
            raise StagedBytesMissing(staged.upload, staged.received, size)
        return location

    async def _promote_nothing(self, staged: Staged, digest: Digest) -> str:
        actual = Digest.of(b"", digest.algorithm)
        if actual != digest:
            raise DigestMismatch(digest, actual)
        key = _new_key(staged)
        with self._mapped_errors():
            await obstore.put_async(self._bucket.requests, key, b"", use_multipart=False)
        return key

    async def _join(self, staged: Staged, digest: Digest) -> str:
        key = _new_key(staged)
        with self._mapped_errors():
            async with self._writer(key) as writer:
                actual = await self._hash(staged, digest, writer)
                if actual != digest:  # raised in here, so that nothing is written
                    raise DigestMismatch(digest, actual)
        return key

    async def _hash(self, staged: Staged, digest: Digest, writer: obstore.AsyncWritableFile | None) -> Digest:
        """The digest of what is staged, on its way into `writer`."""
        running = digest.algorithm.new()
        lane = Lane(self._threads, lambda chunks: _feed(running, chunks))
        size = 0
        try:
            for part in staged.parts:
                async for piece in self._staged_pieces(staged, part):
                    lane.put(Batch((piece,), len(piece), last=False))
                    size += len(piece)
                    if writer is not None:
                        await writer.write(piece)
                    await lane.room()
            await lane.drain()
        finally:
            await lane.stop()
        if size != staged.received:
            raise StagedBytesMissing(staged.upload, staged.received, size)
        return Digest(digest.algorithm, running.hexdigest())

    async def _staged_pieces(self, staged: Staged, part: str) -> AsyncIterator[bytes]:
        try:
            async for piece in self.read(part):
                yield piece
        except BlobBytesMissing:
            raise StagedBytesMissing(staged.upload, staged.received, 0) from None

    async def discard(self, staged: Staged, *, keep: str | None) -> None:
        if keep is not None and staged.parts == (keep,):
            return
        with self._mapped_errors():
            leftovers: list[str] = []
            async for objects in self._bucket.requests.list(f"blobs/{staged.upload}/"):
                leftovers += [found["path"] for found in objects if found["path"] != keep]
            for key in leftovers:
                await self._delete(key)

    # Care

    async def delete(self, location: str) -> None:
        if _LOCATION.fullmatch(location):
            with self._mapped_errors():
                await self._delete(location)

    async def _delete(self, key: str) -> None:
        try:
            await obstore.delete_async(self._bucket.requests, key)
        except FileNotFoundError:
            return

    async def check(self) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                with self._mapped_errors():
                    await self._probe()
        except TimeoutError:
            raise StoreUnavailable(f"{self._bucket.name} did not answer in {_PATIENCE:g} s") from None

    async def _probe(self) -> None:
        # One object that is always there: its absence means another bucket than at the start.
        if not self._proved_writable:
            text = b"Blobs of a Wherry registry live under this prefix.\n"
            await obstore.put_async(self._bucket.requests, _MARKER, text, use_multipart=False)
            self._proved_writable = True
        await obstore.get_async(self._bucket.requests, _MARKER)

    async def close(self) -> None:
        await asyncio.to_thread(self._threads.shutdown)

    @contextmanager
    def _mapped_errors(self, location: str | None = None) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            if location is not None and "NoSuchBucket" not in str(error):
                raise BlobBytesMissing(location) from None
            raise StoreUnavailable(f"{self._bucket.name}: {_first_paragraph(error)}") from error
        except (BaseError, OSError) as error:
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> StoreFull | StoreUnavailable:
        reason = _first_paragraph(error)
        # A refused list request has no type of its own.
        if isinstance(error, PermissionDeniedError | UnauthenticatedError) or _REFUSED.search(reason):
            return StoreUnavailable(
                f"{self._bucket.name} refuses the credentials, or they lack a right: {reason}"
            )
        return (StoreFull if _FULL.search(reason) else StoreUnavailable)(f"{self._bucket.name}: {reason}")


def _new_key(staged: Staged) -> str:
    return f"blobs/{staged.upload}/{uuid.uuid4().hex}"


def _checked(location: str) -> str:
    if not _LOCATION.fullmatch(location):
        raise BlobBytesMissing(location)
    return location


def _feed(running: Hash, chunks: tuple[bytes, ...]) -> None:
    for chunk in chunks:
        running.update(chunk)


def _ignore(chunks: tuple[bytes, ...]) -> None:
    """Takes the place of a tap where nothing is hashed."""


def _first_paragraph(error: Exception) -> str:
    return str(error).split("\n\n", 1)[0].strip()
