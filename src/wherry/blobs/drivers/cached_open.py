"""Opens a file for reading if that needs no disk. Python has no call for it, so this is openat2(2) by number.

Walking to a file and reading its inode can take a disk as long as reading the bytes; on a network file system
it takes a round trip. The event loop must not wait for either, and a hop to a thread costs more than the
whole open when all of it is cached.
"""

import ctypes
import errno
import os
from pathlib import Path

_OPENAT2 = 437  # on every architecture that Linux has had since 5.6
_AT_FDCWD = -100
_RESOLVE_CACHED = 0x20  # since 5.12: EAGAIN instead of waiting


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def _load_syscall() -> "ctypes._NamedFuncPointer | None":
    try:
        function = ctypes.CDLL(None, use_errno=True).syscall
    except (OSError, AttributeError):
        return None
    function.restype = ctypes.c_long
    return function


_syscall = _load_syscall()
_how = _OpenHow(os.O_RDONLY | os.O_CLOEXEC, 0, _RESOLVE_CACHED)


def open_if_cached(path: Path) -> int | None:
    """A descriptor, or None when only waiting can tell. Raises `FileNotFoundError` where that is certain."""
    if _syscall is None:
        return None
    name = os.fsencode(path)
    fd: int = _syscall(_OPENAT2, _AT_FDCWD, name, ctypes.byref(_how), ctypes.sizeof(_how))
    if fd >= 0:
        return fd
    if ctypes.get_errno() == errno.ENOENT:
        raise FileNotFoundError(errno.ENOENT, "no such file", str(path))
    return None  # not cached, or a kernel or a sandbox without the call: a thread asks again
