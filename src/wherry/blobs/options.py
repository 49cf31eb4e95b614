"""What a store may be told by the settings: plain values."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """Each driver takes what it needs and refuses to start without it.

    `root` is for `filesystem`; the rest for object stores. `url` names bucket and prefix:
    `s3://bucket/prefix`, `gs://bucket/prefix`, `az://account/container/prefix`. Without keys the store
    looks for credentials itself (environment, instance role). On Azure `secret_access_key` is the account
    key, on GCS the JSON of a service account; neither has an `access_key_id`.
    """

    root: Path | None = None
    url: str | None = None
    endpoint: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = None
    region: str | None = None
