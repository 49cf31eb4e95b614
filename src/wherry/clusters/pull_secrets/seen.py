"""What is kept of a pull secret that was seen: whose it is, for what, until when. Never its values."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from wherry.clusters.connection import Selection
from wherry.clusters.pull_secrets.documents import (
    EXPIRES,
    ROLE,
    SOURCE,
    TIME_FORMAT,
    TYPE,
    content_of,
    is_ours,
    registries_in,
)

WHICH = Selection(fields=f"type={TYPE}")


@dataclass(frozen=True, slots=True)
class SeenSecret:
    """`role` is `default` or `own`, None where it is not Wherry's. `fingerprint` tells contents apart."""

    namespace: str
    name: str
    registries: tuple[str, ...]
    role: str | None
    source: str | None
    expires_at: datetime | None
    fingerprint: str
    made_at: str


def see_secret(live: Mapping[str, Any]) -> SeenSecret:
    """Of a Secret of the type `kubernetes.io/dockerconfigjson`."""
    metadata, content = live["metadata"], content_of(dict(live))
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    return SeenSecret(
        namespace=str(metadata.get("namespace", "")),
        name=str(metadata["name"]),
        registries=registries_in(content),
        role=str(labels[ROLE]) if is_ours(dict(live)) else None,
        source=annotations.get(SOURCE),
        expires_at=_time(annotations.get(EXPIRES)),
        fingerprint=fingerprint(content),
        made_at=str(metadata.get("creationTimestamp", "")),
    )


def fingerprint(content: str | None) -> str:
    """The same for the same content; the content is not in it."""
    return "" if content is None else hashlib.sha256(content.encode()).hexdigest()


def _time(text: str | None) -> datetime | None:
    try:
        return datetime.strptime(text or "", TIME_FORMAT).replace(tzinfo=UTC)
    except ValueError:  # somebody has written something else there
        return None
