"""One upload in one file: locked while it is written, sealed when it is durable. Blocking calls, for threads.

The seal. A running hash describes the file only as long as nobody else has written to it, and another
process may (two requests for one upload, a server killed half way). So the end of an append sets the
modification time to a random moment, and any later write moves it to now: who finds the time that is noted
in `Staged` knows that the bytes are the ones that were hashed, without reading them. The lock keeps two
writers apart while they write.
"""

import ctypes
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from wherry.blobs.body import MiB
from wherry.blobs.errors import StagedBytesMissing, UploadBusy
from wherry.blobs.staged import Staged

# Handed to the disk while the next bytes arrive, so that the sync at the end finds little to do.
_EARLY = 8 * MiB
_IOV_MAX = 1024
_SEAL_SECONDS = (315_532_800, 946_684_800)  # 1980 to 2000: never the present

_SYNC_FILE_RANGE_WRITE = 2


class StagingFile:
    """Open it, write, then `commit`; `close` gives the lock back. Not thread-safe: one call at a time."""

    def __init__(self, path: Path, staged: Staged) -> None:
        self._path = path
        self._staged = staged
        self._fd = -1
        self._end = staged.received
        self._handed = staged.received
        self._created = False
        self._excess = False
        self.untouched = False
        """The first `staged.received` bytes are known to be the ones of `staged`."""

    def open(self, *, cut: bool = True) -> "StagingFile":
        """Locks the file and cuts what lies beyond `staged`. Raises `UploadBusy` or `StagedBytesMissing`."""
        staged = self._staged
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            self._fd = os.open(self._path, flags)
        except FileNotFoundError:
            if staged.received:
                raise StagedBytesMissing(staged.upload, staged.received, 0) from None
            self._fd = os.open(self._path, flags | os.O_CREAT, 0o640)
            self._created = True
        try:
            self._lock()
            self._inspect(cut=cut)
        except BaseException:
            self.close()
            raise
        return self

    def _lock(self) -> None:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UploadBusy(self._staged.upload) from None
        try:
            still_there = os.path.samestat(os.lstat(self._path), os.fstat(self._fd))
        except FileNotFoundError:
            still_there = False
        if not still_there:  # promoted, discarded or given up between the opening and the lock
            if self._staged.received == 0:
                raise UploadBusy(self._staged.upload)
            raise StagedBytesMissing(self._staged.upload, self._staged.received, 0)

    def _inspect(self, *, cut: bool) -> None:
        staged = self._staged
        status = os.fstat(self._fd)
        if status.st_size < staged.received:
            raise StagedBytesMissing(staged.upload, staged.received, status.st_size)
        # Longer than what is known to be durable: a writer was killed, or a second one was here.
        self._excess = status.st_size > staged.received
        sealed = not self._excess and staged.parts == (f"{status.st_mtime_ns:x}",)
        self.untouched = staged.received == 0 or sealed
        if self._excess and cut:
            os.ftruncate(self._fd, staged.received)
            self._excess = False

    def write(self, chunks: tuple[bytes, ...]) -> None:
        """Behind everything written so far."""
        self._end = write_all(self._fd, chunks, self._end)
        if self._end - self._handed >= _EARLY:
            self.hand_over()

    def hand_over(self) -> None:
        """Lets the disk begin with what is written, and does not wait for it."""
        start_writing_back(self._fd, self._handed, self._end - self._handed)
        self._handed = self._end

    def commit(self, *, announce: bool = True) -> Staged:
        """Everything written is durable, and so is the file's name if `announce`. Seals the file."""
        os.fdatasync(self._fd)
        if announce and self._created:
            sync_folder(self._path.parent)
        start, stop = _SEAL_SECONDS
        moment = (start + secrets.randbelow(stop - start)) * 10**9 + secrets.randbelow(10**9)
        os.utime(self._fd, ns=(moment, moment))
        # Read back: some file systems keep less than a nanosecond.
        seal = f"{os.fstat(self._fd).st_mtime_ns:x}"
        return Staged(self._staged.upload, self._end, (seal,))

    def revert(self) -> None:
        """Gives back the room of what was not committed; best effort, the next `open` cuts it anyway."""
        try:
            os.ftruncate(self._fd, self._staged.received)
            if self._created:
                self._path.unlink(missing_ok=True)
        except OSError:
            return

    def chunks(self) -> Iterator[bytes]:
        """The staged bytes, read back."""
        offset = 0
        while offset < self._staged.received:
            chunk = os.pread(self._fd, min(MiB, self._staged.received - offset), offset)
            if not chunk:
                raise StagedBytesMissing(self._staged.upload, self._staged.received, offset)
            offset += len(chunk)
            yield chunk

    def move(self, target: Path) -> None:
        """Becomes `target`, replacing what is there: equal bytes, unless the disk has damaged them. The
        caller syncs the folder."""
        if self._excess:
            os.ftruncate(self._fd, self._staged.received)
        if self._excess or self._created or not self.untouched:
            os.fsync(self._fd)
        os.utime(self._fd)
        self._path.rename(target)

    def close(self) -> None:
        """Lets go of the lock. Harmless twice."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)


def write_all(fd: int, chunks: tuple[bytes, ...], at: int) -> int:
    """Write the chunks from the offset `at` on; answers where they end."""
    for first in range(0, len(chunks), _IOV_MAX):
        some = chunks[first : first + _IOV_MAX]
        written = os.pwritev(fd, some, at)
        at += written
        if written < sum(map(len, some)):  # a short write: a signal, 2 GiB, or the last free block
            rest = memoryview(b"".join(some))[written:]
            while rest:
                written = os.pwrite(fd, rest, at)
                at += written
                rest = rest[written:]
    return at


def sync_folder(folder: Path) -> None:
    """Makes the names in `folder` durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _load_sync_file_range() -> "ctypes._NamedFuncPointer | None":
    try:
        function = ctypes.CDLL(None, use_errno=True).sync_file_range
    except (OSError, AttributeError):  # not Linux: the sync at the end does all of it
        return None
    function.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint]
    return function


_sync_file_range = _load_sync_file_range()


def start_writing_back(fd: int, start: int, length: int) -> None:
    """Lets the disk begin. A hint: whether it works or not, `fdatasync` has the last word."""
    if _sync_file_range is not None:
        _sync_file_range(fd, start, length, _SYNC_FILE_RANGE_WRITE)
