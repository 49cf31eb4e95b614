"""Clients of the object stores, from settings: URL, credentials, how long to wait. Sends nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, S3Store

from wherry.blobs.errors import StoreMisconfigured
from wherry.blobs.options import StoreOptions

if TYPE_CHECKING:  # these two are not there at run time
    from obstore.store import ClientConfig, RetryConfig

_SHORT = timedelta(minutes=3)  # a part of 8 MiB at 50 KB/s
_LONG = timedelta(days=1)  # the whole of a download, at the pace of its reader
_SILENT = timedelta(minutes=1)
_RETRY: RetryConfig = {
    "max_retries": 4,
    "retry_timeout": timedelta(seconds=45),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=3), "base": 2},
}

Client = S3Store | GCSStore | AzureStore


@dataclass(frozen=True, slots=True)
class Bucket:
    """The same bucket and prefix twice: `downloads` may take as long as its reader does."""

    requests: Client
    downloads: Client
    name: str


def s3_bucket(options: StoreOptions) -> Bucket:
    """`s3://bucket/prefix`; also any store that speaks S3, at `endpoint`."""
    bucket, prefix = _parse(options, "s3", parts=1)
    given: dict[str, str] = {}
    if options.access_key_id or options.secret_access_key:
        if not (options.access_key_id and options.secret_access_key):
            raise StoreMisconfigured("an access key id and a secret access key go together: only one is set")
        given |= {
            "access_key_id": options.access_key_id,
            "secret_access_key": options.secret_access_key,
        }
    if options.endpoint:
        # A store that is not AWS's mostly knows no regions, but the signature has one.
        given |= {"endpoint": options.endpoint, "region": options.region or "us-east-1"}
    elif options.region:
        given["region"] = options.region

    def client(timeout: timedelta) -> Client:
        return S3Store(
            bucket[0],
            prefix=prefix,
            client_options=_client_options(options, timeout),
            retry_config=_RETRY,
            config=given,  # type: ignore[arg-type] # a TypedDict that is filled step by step
        )

    return _both(client, f"s3://{bucket[0]}")


def gcs_bucket(options: StoreOptions) -> Bucket:
    """`gs://bucket/prefix`; the secret is the JSON of a service account's key."""
    bucket, prefix = _parse(options, "gs", parts=1)
    given: dict[str, str] = {}
    if options.secret_access_key:
        given["service_account_key"] = options.secret_access_key
    if options.endpoint:
        given["base_url"] = options.endpoint

    def client(timeout: timedelta) -> Client:
        return GCSStore(
            bucket[0],
            prefix=prefix,
            client_options=_client_options(options, timeout),
            retry_config=_RETRY,
            config=given,  # type: ignore[arg-type]
        )

    return _both(client, f"gs://{bucket[0]}")


def azure_container(options: StoreOptions) -> Bucket:
    """`az://account/container/prefix`; the secret is the account key."""
    (account, container), prefix = _parse(options, "az", parts=2)
    given = {"account_name": account}
    if options.secret_access_key:
        given["account_key"] = options.secret_access_key
    if options.endpoint:
        given["endpoint"] = options.endpoint

    def client(timeout: timedelta) -> Client:
        return AzureStore(
            container,
            prefix=prefix,
            client_options=_client_options(options, timeout),
            retry_config=_RETRY,
            config=given,  # type: ignore[arg-type]
        )

    return _both(client, f"az://{account}/{container}")


def _parse(options: StoreOptions, scheme: str, *, parts: int) -> tuple[list[str], str | None]:
    shape = {1: "bucket", 2: "account/container"}[parts]
    wanted = f"{scheme}://{shape}/prefix"
    if not options.url:
        raise StoreMisconfigured(f"this driver needs a store URL: {wanted}")
    found, separator, path = options.url.partition("://")
    names = path.strip("/").split("/")
    if "?" in path or "#" in path or "@" in path:  # not repeated in the message: there may be a key in it
        raise StoreMisconfigured(f"a store URL names only {wanted}; keys and all else have settings")
    if not separator or found != scheme or len(names) < parts or not all(names) or ".." in names:
        raise StoreMisconfigured(f"{options.url!r} is not a store URL of this driver: {wanted}")
    return names[:parts], "/".join(names[parts:]) or None


def _client_options(options: StoreOptions, timeout: timedelta) -> ClientConfig:
    plain = options.endpoint is not None and options.endpoint.startswith("http://")
    return {
        "timeout": timeout,
        "read_timeout": _SILENT,
        "connect_timeout": timedelta(seconds=5),
        "allow_http": plain,
    }


def _both(client: Callable[[timedelta], Client], name: str) -> Bucket:
    try:
        return Bucket(client(_SHORT), client(_LONG), name)
    except (BaseError, ValueError, OSError) as error:
        # The first paragraph; the rest is the library's debug view, which may repeat the settings.
        reason = str(error).split("\n\n", 1)[0]
        raise StoreMisconfigured(f"{name} cannot be opened: {reason}") from None
