"""The Secret that a kubelet reads: `kubernetes.io/dockerconfigjson`, as an object and back. Pure.

https://kubernetes.io/docs/concepts/containers/images/#config-json
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from wherry.clusters.kinds import Object
from wherry.clusters.workloads.build import DESCRIPTION, MANAGED_BY, MANAGER

TYPE = "kubernetes.io/dockerconfigjson"
KEY = ".dockerconfigjson"
# Tells what Wherry made from what somebody labelled by hand as managed by it.
ROLE = "wherry.dev/pull-secret"
EXPIRES = "wherry.dev/expires-at"
SOURCE = "wherry.dev/source"
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
# On what Karmada brings to a member: there it is Karmada's, with all labels that it has in the federation.
_FEDERATED = "karmada.io/managed"


@dataclass(frozen=True, slots=True)
class RegistryLogin:
    """`registry` is a host, with a path behind it where the login is for a part of its images only."""

    registry: str
    user: str
    password: str

    def __repr__(self) -> str:
        return f"RegistryLogin({self.registry!r}, {self.user!r}, …)"


def write_content(logins: Sequence[RegistryLogin]) -> str:
    """The text of `.dockerconfigjson`; the same logins give the same text."""
    auths = {
        login.registry: {
            "username": login.user,
            "password": login.password,
            "auth": base64.b64encode(f"{login.user}:{login.password}".encode()).decode(),
        }
        for login in sorted(logins, key=lambda login: login.registry)
    }
    return json.dumps({"auths": auths}, separators=(",", ":"))


def read_content(content: str) -> tuple[RegistryLogin, ...]:
    """What `write_content` wrote."""
    auths = json.loads(content)["auths"]
    return tuple(RegistryLogin(host, one["username"], one["password"]) for host, one in auths.items())


def secret_object(
    name: str,
    namespace: str,
    content: str,
    *,
    role: str,
    source: str,
    expires_at: datetime | None = None,
    description: str = "",
    labels: Mapping[str, str] | None = None,
) -> Object:
    """What is applied. `role` is `default` or `own`; `source` names the keys in it, never what they are."""
    annotations = {SOURCE: source}
    if expires_at is not None:
        annotations[EXPIRES] = expires_at.astimezone(UTC).strftime(TIME_FORMAT)
    if description:
        annotations[DESCRIPTION] = description
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {**(labels or {}), MANAGED_BY: MANAGER, ROLE: role},
            "annotations": annotations,
        },
        "type": TYPE,
        "data": {KEY: base64.b64encode(content.encode()).decode()},
    }


def without_values(made: Object) -> Object:
    """The same object for eyes: YAML previews and lists never show a value."""
    return made | {"data": dict.fromkeys(made.get("data") or {}, "***")}


def is_ours(made: Object) -> bool:
    """Whether Wherry made it, and may change it here."""
    labels = made["metadata"].get("labels") or {}
    return labels.get(MANAGED_BY) == MANAGER and ROLE in labels and _FEDERATED not in labels


def content_of(made: Object) -> str | None:
    """The text of its `.dockerconfigjson`; None where there is none to be read."""
    try:
        return base64.b64decode((made.get("data") or {})[KEY], validate=True).decode()
    except (KeyError, TypeError, binascii.Error, ValueError):
        return None


def registries_in(content: str | None) -> tuple[str, ...]:
    """Which registries the secret logs in to; empty where it cannot be read."""
    try:
        auths = json.loads(content or "")["auths"]
        return tuple(str(registry) for registry in auths)
    except (ValueError, KeyError, TypeError):
        return ()
