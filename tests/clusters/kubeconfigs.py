"""Kubeconfigs of tests, as kubectl writes them, with whatever a test wants to be different."""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.clusters.certificates import Authority

AUTHORITY = Authority()
SERVER = "https://203.0.113.7:6443"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def document(cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None) -> dict[str, Any]:
    """One context `main`; what is given replaces what is usual, None takes it out."""
    entry = {"server": SERVER, "certificate-authority-data": encoded(AUTHORITY.pem)} | (cluster or {})
    login = {"token": "t0ken"} | (user or {})
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {k: v for k, v in entry.items() if v is not None}}],
        "users": [{"name": "u", "user": {k: v for k, v in login.items() if v is not None}}],
        "contexts": [{"name": "main", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "main",
    }


def kubeconfig(cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None) -> str:
    """The text; JSON is YAML as well."""
    return json.dumps(document(cluster, user))
