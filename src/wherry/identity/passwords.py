"""Password hashes (argon2id), made and checked in threads of their own: pulls never wait for a login."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from wherry.identity.errors import InvalidPassword, TooManyLogins

T = TypeVar("T")

MIN_LENGTH = 8
# argon2's cost does not depend on it, but hashing megabytes sent by a stranger would.
MAX_LENGTH = 1024


class Passwords:
    """RFC 9106's low-memory profile (64 MiB, 3 passes), at most two at a time and forty waiting."""

    def __init__(self, at_once: int = 2, waiting: int = 40) -> None:
        self._hasher = PasswordHasher()
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="passwords")
        self._room = waiting + at_once
        self._busy = 0
        # Checked where there is no such user, so that a guesser's clock learns nothing.
        self._decoy: str | None = None

    def hash_now(self, password: str) -> str:
        """The hash to keep. Takes about 50 ms and 64 MiB. Raises `InvalidPassword`."""
        if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
            raise InvalidPassword(f"a password has {MIN_LENGTH} to {MAX_LENGTH} characters")
        return self._hasher.hash(password)

    async def matches(self, password_hash: str | None, password: str) -> bool:
        """Whether `password` is the one of `password_hash`; with none the answer is no, in the same time.

        Raises `TooManyLogins`.
        """
        if len(password) > MAX_LENGTH:
            return False
        return await self._in_a_thread(self._verify, password_hash, password)

    async def hash(self, password: str) -> str:
        """`hash_now` beside the event loop. Raises `InvalidPassword`, `TooManyLogins`."""
        return await self._in_a_thread(self.hash_now, password)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _in_a_thread(self, work: Callable[..., T], *arguments: object) -> T:
        if self._busy >= self._room:
            raise TooManyLogins(retry_after=2)
        self._busy += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
        finally:
            self._busy -= 1

    def _verify(self, password_hash: str | None, password: str) -> bool:
        if not password_hash and self._decoy is None:
            self._decoy = self._hasher.hash("nobody has this password")
        try:
            self._hasher.verify(password_hash or self._decoy or "", password)
        except (VerificationError, InvalidHashError):
            return False
        return bool(password_hash)
