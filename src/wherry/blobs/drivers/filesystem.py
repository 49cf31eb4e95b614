"""Bytes in a folder: `blobs/sha256/ab/<hex>` for finished ones, `uploads/<id>` for what is being received.

Needs a POSIX file system with atomic rename, `flock` and times that a user may set (any local one, NFS 4).
"""

import asyncio
import errno
import os
import re
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

from wherry.blobs.body import WHOLE, Batch, Body, MiB, Tap
from wherry.blobs.drivers.cached_open import open_if_cached
from wherry.blobs.drivers.staging_file import StagingFile, sync_folder
from wherry.blobs.drivers.whole_file import put_file
from wherry.blobs.errors import BlobBytesMissing, DigestMismatch, StoreFull, StoreUnavailable
from wherry.blobs.lane import Lane, run_in_thread
from wherry.blobs.staged import Staged
from wherry.blobs.store import Appended, Check
from wherry.oci.digests import Digest

T = TypeVar("T")

_BATCH = 1 * MiB
_HAND_OVER = 256 * 1024  # the disk writes while this is hashed
_PIECE = 512 * 1024  # measured: 100 MiB took 0.29 s of CPU a GB so, 0.30 with 256 KiB, 0.34 with 1 MiB
_COLD_PIECE = 1 * MiB
_READ_AHEAD = 8 * MiB
_THREADS = 16

_LOCATION = re.compile(r"(sha256|sha512)/([0-9a-f]{2})/(\2[0-9a-f]{62,126})")
_FULL = {errno.ENOSPC, errno.EDQUOT}


class FilesystemStore:
    """A `BlobStore` under one folder. Makes it, or raises `StoreUnavailable` or `StoreFull`."""

    def __init__(self, root: Path) -> None:
        self._blobs = root / "blobs"
        self._uploads = root / "uploads"
        self._durable_folders: set[Path] = set()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="wherry-blobs")
        with _mapped_errors():
            for folder in (self._blobs, self._uploads):
                folder.mkdir(parents=True, exist_ok=True, mode=0o750)
            for number in range(256):
                (self._blobs / "sha256" / f"{number:02x}").mkdir(parents=True, exist_ok=True, mode=0o750)
            for folder in (self._blobs / "sha256", self._blobs, root, root.absolute().parent):
                sync_folder(folder)
            self._durable_folders.update((self._blobs / "sha256").iterdir())

    # Reading

    async def size(self, location: str) -> int:
        status = await self._run(partial(os.stat, self._path(location)), location)
        if not stat.S_ISREG(status.st_mode):
            raise BlobBytesMissing(location)
        return status.st_size

    async def read(self, location: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        reader = _Reader(self._path(location))
        try:
            with _mapped_errors(location):
                opened = reader.open_now()
            if not opened:
                await self._run(reader.open, location)
            offset = start
            while stop is None or offset < stop:
                with _mapped_errors(location):
                    piece = reader.now(offset, _PIECE if stop is None else min(_PIECE, stop - offset))
                if piece is None:
                    wanted = _COLD_PIECE if stop is None else min(_COLD_PIECE, stop - offset)
                    piece = await self._run(partial(reader.wait, offset, wanted), location)
                if not piece:
                    return
                offset += len(piece)
                yield piece
        finally:
            reader.close()

    async def presigned_url(self, location: str, expires: timedelta) -> str | None:
        return None

    # Staging

    async def append(self, staged: Staged, body: Body, tap: Tap | None) -> Appended:
        first = await body.take(WHOLE)
        file = StagingFile(self._uploads / staged.upload, staged)
        if first.last:
            if not first.chunks:
                return Appended(staged, unbroken=True)
            return await self._run(partial(_append_whole, file, first, tap))
        return await self._append_stream(file, first, body, tap)

    async def _append_stream(self, file: StagingFile, first: Batch, body: Body, tap: Tap | None) -> Appended:
        lanes: list[Lane] = []
        committed = False
        try:
            await self._run(file.open)
            lanes = [Lane(self._threads, work) for work in (file.write, tap) if work is not None]
            batch = first
            while True:
                for lane in lanes:
                    lane.put(batch)
                if batch.last:
                    break
                with _mapped_errors():
                    for lane in lanes:
                        await lane.room()
                batch = await body.take(_BATCH)
            with _mapped_errors():
                await lanes[0].drain()
            staged = await self._run(file.commit)
            for lane in lanes:
                await lane.drain()
            committed = True
            return Appended(staged, unbroken=file.untouched)
        finally:
            for lane in lanes:
                await lane.stop()
            await run_in_thread(self._threads, file.close if committed else partial(_abandon, file))

    async def put_whole(self, staged: Staged, batch: Batch, digest: Digest, check: Check) -> str | None:
        location = f"{digest.algorithm.value}/{digest.encoded[:2]}/{digest.encoded}"
        done = await self._run(partial(self._put_whole, staged, batch, location, check))
        return location if done else None

    def _put_whole(self, staged: Staged, batch: Batch, location: str, check: Check) -> bool:
        target, spare = self._blobs / location, self._uploads / staged.upload
        self._ensure_folder(target.parent)
        made = put_file(
            target.parent, target.name, batch.chunks, batch.size, partial(check, batch.chunks), spare
        )
        if made:  # what a request that broke off unrecorded may have left
            _unlink(spare)
        return made

    async def promote(self, staged: Staged, digest: Digest, *, trusted: bool) -> str:
        folder = f"{digest.algorithm.value}/{digest.encoded[:2]}"
        location = f"{folder}/{digest.encoded}"
        file = StagingFile(self._uploads / staged.upload, staged)
        await self._run(partial(self._promote, file, digest, location, trusted))
        return location

    def _promote(self, file: StagingFile, digest: Digest, location: str, trusted: bool) -> None:
        file.open(cut=False)
        try:
            if not (trusted and file.untouched):
                running = digest.algorithm.new()
                for chunk in file.chunks():
                    running.update(chunk)
                actual = Digest(digest.algorithm, running.hexdigest())
                if actual != digest:
                    raise DigestMismatch(digest, actual)
            target = self._blobs / location
            self._ensure_folder(target.parent)
            file.move(target)
            sync_folder(target.parent)
        finally:
            file.close()

    def _ensure_folder(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, mode=0o750)
        except FileExistsError:
            # Whoever made it may have been killed before its name was durable.
            if folder in self._durable_folders:
                return
        sync_folder(folder.parent)
        sync_folder(self._blobs)
        self._durable_folders.add(folder)

    async def discard(self, staged: Staged, *, keep: str | None) -> None:
        if keep is not None:  # the file was moved away and nothing else was staged
            return
        await self._run(partial(_unlink, self._uploads / staged.upload))

    # Care

    async def delete(self, location: str) -> None:
        if _LOCATION.fullmatch(location):
            await self._run(partial(_unlink, self._blobs / location))

    async def check(self) -> None:
        await self._run(self._check)

    def _check(self) -> None:
        for folder in (self._blobs, self._uploads):
            if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
                raise StoreUnavailable(f"{folder} is not there or not writable")
            if os.statvfs(folder).f_flag & os.ST_RDONLY:
                raise StoreUnavailable(f"{folder} is on a file system mounted read-only")

    async def close(self) -> None:
        await asyncio.to_thread(self._threads.shutdown)

    def _path(self, location: str) -> Path:
        if not _LOCATION.fullmatch(location):
            raise BlobBytesMissing(location)
        return self._blobs / location

    async def _run(self, work: Callable[[], T], location: str | None = None) -> T:
        with _mapped_errors(location):
            return await run_in_thread(self._threads, work)


class _Reader:
    """Does at once what the caches allow, and says so when a disk is needed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1
        self._probe = bytearray(1)
        self._can_tell = True

    def open_now(self) -> bool:
        """False when the file has to be opened in a thread."""
        fd = open_if_cached(self._path)
        if fd is not None:
            self._fd = fd
        return fd is not None

    def open(self) -> None:
        self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)

    def now(self, offset: int, size: int) -> bytes | None:
        """Up to `size` bytes without waiting for the disk, empty at the end, or None.

        The last byte is probed, then all are read straight into their object: one copy instead of two. Should
        one in between have left the cache, the read waits for that one.
        """
        if not self._can_tell:
            return None
        try:
            probed = os.preadv(self._fd, [self._probe], offset + size - 1, os.RWF_NOWAIT)
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
                raise
            self._can_tell = False
            return None
        # Nothing at the probed place: the file ends before it, and only a thread may find out where.
        return os.pread(self._fd, size, offset) if probed else None

    def wait(self, offset: int, size: int) -> bytes:
        """Reads in this thread, and asks for what follows so that it is there when `now` looks."""
        piece = os.pread(self._fd, size, offset)
        if piece:
            with suppress(OSError):
                os.posix_fadvise(self._fd, offset + len(piece), _READ_AHEAD, os.POSIX_FADV_WILLNEED)
        return piece


def _append_whole(file: StagingFile, batch: Batch, tap: Tap | None) -> Appended:
    committed = False
    try:
        file.open()
        file.write(batch.chunks)
        if tap is not None:
            if batch.size >= _HAND_OVER:
                file.hand_over()
            tap(batch.chunks)
        staged = file.commit()
        committed = True
        return Appended(staged, unbroken=file.untouched)
    finally:
        if committed:
            file.close()
        else:
            _abandon(file)


def _abandon(file: StagingFile) -> None:
    file.revert()
    file.close()


def _unlink(path: Path) -> None:
    path.unlink(missing_ok=True)


@contextmanager
def _mapped_errors(location: str | None = None) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        if location is not None:
            raise BlobBytesMissing(location) from None
        raise StoreUnavailable(str(error)) from error
    except OSError as error:
        raise (StoreFull if error.errno in _FULL else StoreUnavailable)(str(error)) from error
