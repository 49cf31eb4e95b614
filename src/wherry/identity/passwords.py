"""Password hashes (argon2id), made and checked in threads of their own: pulls never wait for a login."""

import os

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from wherry.identity.errors import InvalidPassword
from wherry.identity.fair_threads import FairThreads

MIN_LENGTH = 8
# argon2's cost does not depend on it, but hashing megabytes sent by a stranger would.
MAX_LENGTH = 1024


class Passwords:
    """RFC 9106's low-memory profile (64 MiB, 3 passes) in one lane: a check is one thread, not four.

    One at a time for each four cores, and forty waiting.
    """

    def __init__(self, at_once: int | None = None, waiting: int = 40) -> None:
        self._hasher = PasswordHasher(parallelism=1)
        self._threads = FairThreads(at_once or max(1, (os.cpu_count() or 1) // 4), waiting)
        # Checked where there is no such user, so that a guesser's clock learns nothing.
        self._decoy: str | None = None

    def hash_now(self, password: str) -> str:
        """The hash to keep. Takes about 100 ms and 64 MiB. Raises `InvalidPassword`."""
        if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
            raise InvalidPassword(f"a password has {MIN_LENGTH} to {MAX_LENGTH} characters")
        return self._hasher.hash(password)

    async def matches(self, password_hash: str | None, password: str, address: str = "") -> bool:
        """Whether `password` is the one of `password_hash`; with none the answer is no, in the same time.

        Who sends many from one `address` waits behind their own, others do not.

        Raises `TooManyLogins`.
        """
        if len(password) > MAX_LENGTH:
            return False
        return await self._threads.run(lambda: self._verify(password_hash, password), address)

    async def hash(self, password: str) -> str:
        """`hash_now` beside the event loop. Raises `InvalidPassword`, `TooManyLogins`."""
        return await self._threads.run(lambda: self.hash_now(password), "")

    def close(self) -> None:
        self._threads.close()

    def _verify(self, password_hash: str | None, password: str) -> bool:
        if not password_hash and self._decoy is None:
            self._decoy = self._hasher.hash("nobody has this password")
        try:
            self._hasher.verify(password_hash or self._decoy or "", password)
        except (VerificationError, InvalidHashError):
            return False
        return bool(password_hash)
