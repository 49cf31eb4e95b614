"""What can go wrong with bytes.

BlobError
├── BlobBytesMissing         the location names no bytes
├── DigestMismatch           the staged bytes have another digest; they stay usable
├── InvalidUploadId          not a name that may become part of a path
├── UploadInterrupted        the body ended early; carries what is durable
├── UploadBusy               another request is writing to this upload now
├── StagedBytesMissing       what was staged is gone, the upload has to start again
├── StoreFailed              the store itself, not the caller
│   ├── StoreFull            no room for bytes or for files; nothing acknowledged is lost
│   └── StoreUnavailable     anything else: permissions, network, a broken disk
└── StoreMisconfigured       raised at start only
    └── UnknownDriver        carries the valid names
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from wherry.oci.digests import Digest

if TYPE_CHECKING:  # a Staged refuses a bad upload id with an error of this module
    from wherry.blobs.staged import Staged


class BlobError(Exception):
    """Root of everything this package raises on purpose."""


class BlobBytesMissing(BlobError):
    """The store has no bytes at `location`."""

    def __init__(self, location: str) -> None:
        super().__init__(f"the store has no bytes at {location!r}")
        self.location = location


class DigestMismatch(BlobError):
    """The staged bytes have the digest `actual`; they are still there and the upload may go on."""

    def __init__(self, expected: Digest, actual: Digest) -> None:
        super().__init__(f"the bytes received have the digest {actual}, not {expected}")
        self.expected = expected
        self.actual = actual


class InvalidUploadId(BlobError):
    """Upload ids become file names and object keys: letters, digits, `-` and `_` only."""

    def __init__(self, upload: str) -> None:
        super().__init__(f"{upload[:140]!r} is not an upload id")
        self.upload = upload


class UploadInterrupted(BlobError):
    """The body broke off. All of `staged` is durable; `__cause__` is what the body raised."""

    def __init__(self, staged: Staged) -> None:
        super().__init__(f"upload {staged.upload} was interrupted, {staged.received} bytes are kept")
        self.staged = staged


class UploadBusy(BlobError):
    """Another writer holds this upload; the same request may succeed a moment later."""

    def __init__(self, upload: str) -> None:
        super().__init__(f"another request is writing to upload {upload}")
        self.upload = upload


class StagedBytesMissing(BlobError):
    """Of `wanted` staged bytes only `found` are there: the upload cannot be continued."""

    def __init__(self, upload: str, wanted: int, found: int) -> None:
        super().__init__(f"upload {upload} has {found} of the {wanted} bytes received")
        self.upload = upload
        self.wanted = wanted
        self.found = found


class StoreFailed(BlobError):
    """The store could not do what it was asked; `detail` is for the operator, not for a client."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class StoreFull(StoreFailed):
    """No room, for bytes or for files. What was durable before is untouched."""


class StoreUnavailable(StoreFailed):
    """The store does not answer, refuses the credentials or has broken."""


class StoreMisconfigured(BlobError):
    """The settings do not describe a store; `detail` says which one and why."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class UnknownDriver(StoreMisconfigured):
    """There is no driver of this name."""

    def __init__(self, driver: str, valid: Iterable[str]) -> None:
        self.driver = driver
        self.valid = tuple(valid)
        super().__init__(f"unknown store driver {driver!r}; valid are {', '.join(self.valid)}")
