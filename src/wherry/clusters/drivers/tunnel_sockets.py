"""Where a process that holds a tunnel can be reached by others of its machine: sockets in the data folder."""

import os
import socket
import sys
from hashlib import sha256
from pathlib import Path

# What the kernel keeps of a socket's path, less the zero at its end: 107 bytes on Linux, 103 elsewhere.
_LONGEST = 103


class TunnelSockets:
    """For as long as it lives, paths of it can be used. Made at the first use, for its owner alone."""

    def __init__(self, data: Path) -> None:
        self._folder = data.absolute() / "tunnels"
        self._descriptor: int | None = None
        # For people, and to tell machines apart: two may have one name.
        told = sha256(str(self._folder).encode()).hexdigest()[:6]
        self.machine = f"{socket.gethostname()[:60]}-{told}"

    def path(self, name: str) -> str:
        """Of the socket of that tunnel, whether it is there or not."""
        path = str(self._folder / name)
        if len(os.fsencode(path)) <= _LONGEST:
            return path
        if sys.platform != "linux":
            return path  # the kernel refuses it, in words
        return f"/proc/self/fd/{self._open()}/{name}"

    def bind(self, name: str) -> socket.socket:
        """A socket that listens, which its owner alone may connect to. Raises OSError."""
        self._make()
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            made.bind(self.path(name))
            os.chmod(self._folder / name, 0o600)
            made.listen(256)
        except BaseException:
            made.close()
            raise
        return made

    def publish(self, private: str, name: str) -> int:
        """Whoever asks for `name` from now on reaches this one; a number to `remove` it by."""
        os.replace(self._folder / private, self._folder / name)
        return (self._folder / name).stat().st_ino

    def remove(self, name: str, number: int | None = None) -> None:
        """With `number` only that very socket: another process may have put its own there meanwhile."""
        try:
            if number is None or (self._folder / name).stat().st_ino == number:
                (self._folder / name).unlink()
        except FileNotFoundError:
            return

    def close(self) -> None:
        """Paths of it lead nowhere afterwards."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _make(self) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)

    def _open(self) -> int:
        if self._descriptor is None:
            self._make()
            self._descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        return self._descriptor
