"""Create Secret: a pull secret that somebody asks for, for this registry or for any other."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from wherry.clusters.cluster import Cluster
from wherry.clusters.connection import ClusterConnection
from wherry.clusters.errors import InvalidRequest, ObjectExists, ObjectUnknown, PullSecretUnknown
from wherry.clusters.kinds import SECRET, Object
from wherry.clusters.pull_secrets.default_secret import NAME as DEFAULT_SECRET
from wherry.clusters.pull_secrets.documents import (
    TYPE,
    RegistryLogin,
    content_of,
    is_ours,
    read_content,
    secret_object,
    write_content,
)
from wherry.clusters.tables import pull_secrets
from wherry.clusters.workloads.build import MANAGED_BY
from wherry.clusters.workloads.names import wrong_label, wrong_labels, wrong_object_name
from wherry.kit.secrets import Sealer

MAX_DESCRIPTION = 1000
MAX_VALUE = 64 * 1024


@dataclass(frozen=True, slots=True)
class SecretRequest:
    """`source` says where the login is from: `given`, `key:` or `made:` with the access key's id.

    One that was `made:` for this very secret may be rotated; somebody's own `key:` is theirs to change.
    """

    name: str
    login: RegistryLogin
    namespace: str = "default"
    description: str = ""
    source: str = "given"
    labels: Mapping[str, str] = field(default_factory=dict)
    expires_at: datetime | None = None

    def object(self) -> Object:
        """What is applied; `without_values` of it is the preview."""
        return secret_object(
            self.name,
            self.namespace,
            write_content((self.login,)),
            role="own",
            source=self.source,
            expires_at=self.expires_at,
            description=self.description,
            labels=self.labels,
        )


@dataclass(frozen=True, slots=True)
class PullSecret:
    """A secret that Wherry made, without what is in it."""

    id: int
    namespace: str
    name: str
    description: str
    registry: str
    user_name: str
    source: str
    labels: Mapping[str, str]
    expires_at: datetime | None
    created_at: datetime
    changed_at: datetime


class Sync(StrEnum):
    """How a secret in the cluster stands to what was made."""

    IN_SYNC = "in sync"
    DRIFTED = "drifted"
    MISSING = "missing"
    FOREIGN = "foreign"
    # Wherry made it, and does not remember having done so.
    UNKNOWN = "unknown"


def check_secret(request: SecretRequest) -> None:
    """Raises `InvalidRequest` with a sentence for each problem."""
    found = [
        wrong_object_name("secret name", request.name),
        wrong_label("namespace", request.namespace),
        *wrong_labels("label", request.labels),
    ]
    if request.name == DEFAULT_SECRET:
        found.append(f"{DEFAULT_SECRET} is made and renewed by Wherry itself; choose another name")
    if MANAGED_BY in request.labels:
        found.append(f"the label {MANAGED_BY} is set by Wherry")
    if len(request.description) > MAX_DESCRIPTION:
        found.append(f"the description has at most {MAX_DESCRIPTION} characters")
    login = request.login
    host = login.registry.partition("/")[0]
    if not host or any(character.isspace() or character in "@?#" for character in login.registry):
        found.append("the image repository address is a host such as registry.example.com, without https://")
    if "://" in login.registry:
        found.append("the image repository address has no https:// before it")
    if not login.user or ":" in login.user or not login.user.isprintable():
        found.append("the user name is not empty and has no ':'")
    if not login.password or len(login.password) > MAX_VALUE:
        found.append("the password is not empty")
    problems = tuple(problem for problem in found if problem)
    if problems:
        raise InvalidRequest(problems)


async def put_secret(connection: ClusterConnection, request: SecretRequest) -> Object:
    """Make it, or renew it where Wherry made it.

    Raises `InvalidRequest`, `ObjectExists` where somebody else's has the name, `ClusterCallFailed`.
    """
    check_secret(request)
    made = request.object()
    try:
        known = await connection.get(SECRET, request.name, request.namespace)
    except ObjectUnknown:
        return await connection.create(made)
    if not is_ours(known):
        raise ObjectExists(
            connection.cluster,
            f"the namespace {request.namespace} has a secret {request.name} that is not Wherry's; it stays",
        )
    if known.get("immutable") or known.get("type") != TYPE:
        # Somebody has made it into what cannot be changed any more.
        await connection.delete(SECRET, request.name, request.namespace, uid=str(known["metadata"]["uid"]))
        return await connection.create(made)
    metadata = made["metadata"] | {"resourceVersion": known["metadata"]["resourceVersion"]}
    return await connection.apply(made | {"metadata": metadata}, force=True)


async def take_secret(connection: ClusterConnection, name: str, namespace: str) -> bool:
    """Delete it from the cluster; False where it was gone already.

    Raises `ObjectExists` for one that is somebody else's, `InvalidRequest` for `default-secret`.
    """
    if name == DEFAULT_SECRET:
        told = f"{DEFAULT_SECRET} is made by Wherry; it is switched off on its namespace or its cluster"
        raise InvalidRequest((told,))
    try:
        known = await connection.get(SECRET, name, namespace)
        if not is_ours(known):
            raise ObjectExists(
                connection.cluster, f"the secret {name} in {namespace} is not Wherry's; it stays"
            )
        await connection.delete(SECRET, name, namespace, uid=str(known["metadata"]["uid"]))
    except ObjectUnknown:
        return False
    return True


def record_secret(
    tx: Connection,
    sealer: Sealer,
    cluster: Cluster,
    request: SecretRequest,
    created_by: int | None,
    now: datetime,
) -> None:
    """Remember what was made, sealed, so that drift is seen and mended."""
    row: dict[str, Any] = {
        "description": request.description,
        "registry": request.login.registry,
        "user_name": request.login.user,
        "source": request.source,
        "labels": json.dumps(dict(request.labels)),
        "sealed_content": sealer.seal(write_content((request.login,)).encode()),
        "expires": None if request.expires_at is None else int(request.expires_at.timestamp()),
        "changed_at": now,
    }
    place = {"cluster_id": cluster.id, "namespace": request.namespace, "name": request.name}
    of_place = [getattr(pull_secrets.c, key) == value for key, value in place.items()]
    if tx.execute(update(pull_secrets).where(*of_place).values(row)).rowcount == 0:
        tx.execute(insert(pull_secrets).values(**place, **row, created_by=created_by, created_at=now))


def forget_secret(tx: Connection, cluster: Cluster, namespace: str, name: str) -> bool:
    """It was deleted from the cluster; False where it was not known."""
    gone = tx.execute(
        delete(pull_secrets).where(
            pull_secrets.c.cluster_id == cluster.id,
            pull_secrets.c.namespace == namespace,
            pull_secrets.c.name == name,
        )
    )
    return gone.rowcount > 0


def list_secrets(tx: Connection, cluster: Cluster, namespace: str | None = None) -> tuple[PullSecret, ...]:
    """By namespace and name."""
    query = (
        select(pull_secrets)
        .where(pull_secrets.c.cluster_id == cluster.id)
        .order_by(pull_secrets.c.namespace, pull_secrets.c.name)
    )
    if namespace is not None:
        query = query.where(pull_secrets.c.namespace == namespace)
    return tuple(
        PullSecret(
            row["id"],
            row["namespace"],
            row["name"],
            row["description"],
            row["registry"],
            row["user_name"],
            row["source"],
            json.loads(row["labels"]),
            None if row["expires"] is None else datetime.fromtimestamp(row["expires"], tz=UTC),
            row["created_at"],
            row["changed_at"],
        )
        for row in tx.execute(query).mappings()
    )


def content_of_secret(tx: Connection, sealer: Sealer, secret: PullSecret) -> str:
    """What was made, for comparing and mending; it is shown to nobody."""
    sealed = tx.execute(
        select(pull_secrets.c.sealed_content).where(pull_secrets.c.id == secret.id)
    ).scalar_one()
    return sealer.open(sealed).decode()


def get_secret(tx: Connection, cluster: Cluster, namespace: str, name: str) -> PullSecret:
    """One that Wherry made. Raises `PullSecretUnknown`."""
    for known in list_secrets(tx, cluster, namespace):
        if known.name == name:
            return known
    raise PullSecretUnknown(cluster.name, namespace, name)


def request_of(tx: Connection, sealer: Sealer, secret: PullSecret) -> SecretRequest:
    """What was asked for, as it was made: putting it again mends whatever was done to it."""
    [login] = read_content(content_of_secret(tx, sealer, secret))
    return SecretRequest(
        secret.name,
        login,
        secret.namespace,
        secret.description,
        secret.source,
        secret.labels,
        secret.expires_at,
    )


def sync_of(live: Object | None, content: str) -> Sync:
    """Whether the cluster still has what was made."""
    if live is None:
        return Sync.MISSING
    if not is_ours(live):
        return Sync.FOREIGN
    return Sync.IN_SYNC if content_of(live) == content else Sync.DRIFTED
