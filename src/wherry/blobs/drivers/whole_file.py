"""A small blob in one step: a file without a name that gets its own when its bytes are right. Linux only.

Nothing of it is ever staged: no lock, no seal, no rename, and one commit of the file system's journal instead
of three. What breaks off leaves nothing behind.
"""

import errno
import os
from collections.abc import Callable
from pathlib import Path

from wherry.blobs.drivers.staging_file import start_writing_back, write_all

_O_TMPFILE = getattr(os, "O_TMPFILE", 0)
# A file system or a sandbox without such files; an old kernel takes the flag for a folder.
_UNABLE = {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOSYS}
_HAND_OVER = 256 * 1024  # the disk writes while this is hashed


def put_file(
    folder: Path, name: str, chunks: tuple[bytes, ...], size: int, check: Callable[[], None], spare: Path
) -> bool:
    """Make `folder/name` of the chunks, durable when this returns; `check` raises if they are the wrong ones.

    What is there already is replaced, by way of `spare`, a name of one's own on the same file system: equal
    bytes, unless the disk has damaged them. False, and nothing done, where it cannot be done so.
    """
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        file = _open_nameless(at)
        if file is None:
            return False
        try:
            write_all(file, chunks, 0)
            if size >= _HAND_OVER:
                start_writing_back(file, 0, size)
            check()
            if not _name(file, at, name, spare):
                return False
        finally:
            os.close(file)
        os.fsync(at)
    finally:
        os.close(at)
    return True


def _open_nameless(at: int) -> int | None:
    if not _O_TMPFILE:
        return None
    try:
        return os.open(".", _O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o640, dir_fd=at)
    except OSError as error:
        if error.errno in _UNABLE:
            return None
        raise


def _name(file: int, at: int, name: str, spare: Path) -> bool:
    """The bytes are durable before the name is, and before the caller goes on."""
    own = f"/proc/self/fd/{file}"
    os.fdatasync(file)
    try:
        os.link(own, name, src_dir_fd=at, dst_dir_fd=at, follow_symlinks=True)
    except FileNotFoundError:  # no /proc here
        return False
    except FileExistsError:
        spare.unlink(missing_ok=True)
        os.link(own, spare, src_dir_fd=at, dst_dir_fd=at, follow_symlinks=True)
        os.rename(spare, name, dst_dir_fd=at)
    return True
