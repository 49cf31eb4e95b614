"""What a blob store can do. The registry reads and deletes; only `Intake` calls the staging half."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from wherry.blobs.body import Batch, Body, Tap
from wherry.blobs.staged import Staged
from wherry.oci.digests import Digest

Check = Callable[[tuple[bytes, ...]], None]


class BlobReader(Protocol):
    """Finished blobs, by the location they were given."""

    async def size(self, location: str) -> int:
        """Raises `BlobBytesMissing`."""

    def read(self, location: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` up to, without, `stop`; pieces of about 1 MiB at most. Ends at the
        end of the blob. Raises `BlobBytesMissing` before the first piece. Close it if you leave it early."""

    async def presigned_url(self, location: str, expires: timedelta) -> str | None:
        """A URL at which anyone can read the bytes until it expires, if the store can make one."""


class Staging(Protocol):
    """The way in. A driver must hold: the bytes of a `Staged` that it returned are durable, and staged bytes
    never become a blob under a digest that they do not have, whatever a second writer does to them."""

    async def append(self, staged: Staged, body: Body, tap: Tap | None) -> "Appended":
        """Stores the body behind the first `staged.received` bytes; anything staged beyond them is cut. On
        `StoreFull` or `StoreUnavailable` `staged` stays what it was."""

    async def put_whole(self, staged: Staged, batch: Batch, digest: Digest, check: Check) -> str | None:
        """Makes a durable blob of a whole body, for which nothing is staged yet, and gives its location.
        None, and nothing is done, where staging it first is as short. `check` raises `DigestMismatch` for the
        wrong bytes; it is called before they can be found, and not on the event loop."""

    async def promote(self, staged: Staged, digest: Digest, *, trusted: bool) -> str:
        """Makes the staged bytes a blob and gives its location. `trusted` says that they had this digest when
        they were staged: a driver that can tell that they are untouched need not read them again. Raises
        `DigestMismatch` and leaves them staged."""

    async def discard(self, staged: Staged, *, keep: str | None) -> None:
        """Deletes all that was ever staged for this upload, but not the location `keep`. Idempotent."""


class BlobStore(BlobReader, Staging, Protocol):
    """Everything that a driver implements."""

    async def delete(self, location: str) -> None:
        """Idempotent."""

    async def check(self) -> None:
        """Raises `StoreUnavailable` when reads or writes cannot work. A full one passes: it serves."""

    async def close(self) -> None:
        """No call may follow."""


@dataclass(frozen=True, slots=True)
class Appended:
    """`unbroken` is false when the bytes before the body may not be the ones that were hashed earlier."""

    staged: Staged
    unbroken: bool
