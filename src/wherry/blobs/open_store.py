"""From settings to a store: the only place that knows the drivers by name."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wherry.blobs.drivers.filesystem import FilesystemStore
from wherry.blobs.drivers.memory import MemoryStore
from wherry.blobs.errors import StoreMisconfigured, UnknownDriver
from wherry.blobs.store import BlobStore


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """What the drivers may be told; each takes what it needs and refuses to start without it.

    `root` is for `filesystem`; the rest for object stores. `url` names bucket and prefix: `s3://bucket/prefix`,
    `gs://bucket/prefix`, `az://account/container/prefix`. Without keys, the store's own way is taken to find
    credentials (environment, instance role). For GCS `secret_access_key` is the service account's JSON.
    """

    root: Path | None = None
    url: str | None = None
    endpoint: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = None
    region: str | None = None


def open_store(driver: str, options: StoreOptions) -> BlobStore:
    """Raises `UnknownDriver`, `StoreMisconfigured`, or `StoreUnavailable` when a folder cannot be made. A network
    is not touched: call `check` for that."""
    opener = _DRIVERS.get(driver)
    if opener is None:
        raise UnknownDriver(driver, _DRIVERS)
    return opener(options)


def drivers() -> tuple[str, ...]:
    """The names that `open_store` takes."""
    return tuple(_DRIVERS)


def _filesystem(options: StoreOptions) -> BlobStore:
    if options.root is None:
        raise StoreMisconfigured("the filesystem driver needs a folder")
    return FilesystemStore(options.root)


def _memory(options: StoreOptions) -> BlobStore:
    return MemoryStore()


_DRIVERS: dict[str, Callable[[StoreOptions], BlobStore]] = {
    "filesystem": _filesystem,
    "memory": _memory,
}
