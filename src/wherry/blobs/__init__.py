"""Content-addressed bytes: `Intake` takes them in, a `BlobStore` serves them. Knows no HTTP, no users."""

from wherry.blobs.errors import (
    BlobBytesMissing,
    BlobError,
    DigestMismatch,
    InvalidUploadId,
    StagedBytesMissing,
    StoreFailed,
    StoreFull,
    StoreMisconfigured,
    StoreUnavailable,
    UnknownDriver,
    UploadBusy,
    UploadInterrupted,
)
from wherry.blobs.intake import Intake
from wherry.blobs.open_store import driver_names, open_store
from wherry.blobs.options import StoreOptions
from wherry.blobs.staged import Staged, StoredBlob
from wherry.blobs.store import BlobReader, BlobStore

__all__ = [
    "BlobBytesMissing",
    "BlobError",
    "BlobReader",
    "BlobStore",
    "DigestMismatch",
    "Intake",
    "InvalidUploadId",
    "Staged",
    "StagedBytesMissing",
    "StoreFailed",
    "StoreFull",
    "StoreMisconfigured",
    "StoreOptions",
    "StoreUnavailable",
    "StoredBlob",
    "UnknownDriver",
    "UploadBusy",
    "UploadInterrupted",
    "driver_names",
    "open_store",
]
