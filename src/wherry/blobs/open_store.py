"""From settings to a store: the only place that knows the drivers by name."""

from collections.abc import Callable

from wherry.blobs.drivers.filesystem import FilesystemStore
from wherry.blobs.drivers.memory import MemoryStore
from wherry.blobs.errors import StoreMisconfigured, UnknownDriver
from wherry.blobs.options import StoreOptions
from wherry.blobs.store import BlobStore


def open_store(driver: str, options: StoreOptions) -> BlobStore:
    """Raises `UnknownDriver`, `StoreMisconfigured`, or `StoreUnavailable` when a folder cannot be made. A
    network is not touched: call `check` for that."""
    opener = _DRIVERS.get(driver)
    if opener is None:
        raise UnknownDriver(driver, _DRIVERS)
    return opener(options)


def driver_names() -> tuple[str, ...]:
    """The names that `open_store` takes."""
    return tuple(_DRIVERS)


def _filesystem(options: StoreOptions) -> BlobStore:
    if options.root is None:
        raise StoreMisconfigured("the filesystem driver needs a folder")
    return FilesystemStore(options.root)


def _memory(options: StoreOptions) -> BlobStore:
    return MemoryStore()


# obstore is imported by who uses it: 5 MiB of memory that a process with files need not pay.


def _s3(options: StoreOptions) -> BlobStore:
    from wherry.blobs.drivers import buckets, objects

    return objects.ObjectsStore(buckets.s3_bucket(options))


def _gcs(options: StoreOptions) -> BlobStore:
    from wherry.blobs.drivers import buckets, objects

    return objects.ObjectsStore(buckets.gcs_bucket(options))


def _azure(options: StoreOptions) -> BlobStore:
    from wherry.blobs.drivers import buckets, objects

    return objects.ObjectsStore(buckets.azure_container(options))


_DRIVERS: dict[str, Callable[[StoreOptions], BlobStore]] = {
    "filesystem": _filesystem,
    "memory": _memory,
    "s3": _s3,
    "gcs": _gcs,
    "azure": _azure,
}
