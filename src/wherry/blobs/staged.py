"""What is known of an upload between two requests, and what it becomes: plain values, no I/O."""

import re
from dataclasses import dataclass

from wherry.blobs.errors import InvalidUploadId
from wherry.oci.digests import Digest

_UPLOAD_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")


@dataclass(frozen=True, slots=True)
class Staged:
    """The durable part of an upload: all of `received` survives a power cut.

    Small and made of JSON types, so that the registry can keep it in the row of the upload. `parts` belongs
    to the driver: object keys, or the seal that tells whether a file has been written to since.
    """

    upload: str
    received: int = 0
    parts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _UPLOAD_ID.fullmatch(self.upload):
            raise InvalidUploadId(self.upload)


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """A finished blob. `location` is opaque: keep it, hand it back to the store, read nothing from it."""

    digest: Digest
    size: int
    location: str
