"""What a cluster's refusal means: a `Status` object of the Kubernetes API becomes one of our errors."""

import re
from collections.abc import Mapping
from typing import Any

from wherry.clusters.errors import (
    ApplyConflict,
    ClusterCallFailed,
    ClusterLoginFailed,
    ClusterRefused,
    ClusterUnreachable,
    FieldOwner,
    ObjectExists,
    ObjectUnknown,
    WatchExpired,
)

MAX_WORDS = 2000
_MANAGER = re.compile(r'conflicts? with "([^"]+)"')
# The API server is there but cannot serve now: later it can.
_LATER = frozenset({429, 502, 503, 504})


def failure_of(cluster: str, code: int, status: object) -> ClusterCallFailed:
    """The error for an answer of this HTTP code; `status` is its body, of whatever form."""
    body: Mapping[str, Any] = status if isinstance(status, dict) else {}
    words = str(body.get("message") or (status if isinstance(status, str) else "") or f"HTTP status {code}")
    words = words[:MAX_WORDS]
    reason = str(body.get("reason") or "")
    if code == 401:
        return ClusterLoginFailed(cluster, f"it does not accept the login of its kubeconfig: {words}")
    if code == 404:
        # Text, not a `Status`: the whole path means nothing there.
        known = isinstance(status, dict)
        return ObjectUnknown(cluster, words if known else f"it does not know such objects: {words}")
    if code == 410 or reason == "Expired":
        return WatchExpired(cluster, words)
    if code == 409 and reason == "AlreadyExists":
        return ObjectExists(cluster, words)
    if code in _LATER:
        return ClusterUnreachable(cluster, "http", f"its API server cannot serve this now ({code}): {words}")
    causes = _causes(body)
    owners = tuple(
        FieldOwner(str(cause.get("field", "")), _manager(str(cause.get("message", ""))))
        for cause in causes
        if cause.get("reason") == "FieldManagerConflict"
    )
    if owners:
        return ApplyConflict(cluster, owners)
    said = tuple(f"{cause.get('field', '')}: {cause.get('message', '')}".strip(": ") for cause in causes)
    return ClusterRefused(cluster, reason or str(code), words, said)


def _causes(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    details = body.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    return [cause for cause in causes if isinstance(cause, dict)] if isinstance(causes, list) else []


def _manager(message: str) -> str:
    found = _MANAGER.search(message)
    return found[1] if found else (message or "another field manager")
