"""What an own pull secret logs in with: one of somebody's access keys, or a pull-only key made for it.

A made key is a robot's, so that nothing ends when a person leaves, and reads what the cluster pulls anyway.
Its rotation is in three steps, so that no pull fails in between: `begin_rotation` (a new key, remembered) →
`put_secret` in the cluster → `settle_keys` (the old key ends after an overlap). A step that was missed shows
as a secret that drifted, and mending goes on from there.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from wherry.access.levels import Level
from wherry.clusters.cluster import Cluster
from wherry.clusters.errors import InvalidRequest
from wherry.clusters.pull_secrets.create import (
    PullSecret,
    SecretRequest,
    forget_secret,
    get_secret,
    record_secret,
    request_of,
)
from wherry.clusters.pull_secrets.documents import RegistryLogin
from wherry.clusters.pull_secrets.keys import OVERLAP, end_key, own_robot_name, robot_of, served_by
from wherry.clusters.tables import pull_secret_keys, pull_secrets
from wherry.identity.access_keys import create_access_key, get_access_key, get_key_of
from wherry.identity.errors import AccessKeyUnknown
from wherry.identity.login_keys import login_key
from wherry.identity.tables import access_keys
from wherry.kit.secrets import Sealer
from wherry.oci.errors import InvalidValue
from wherry.oci.names import RepositoryName

MADE, KEY = "made:", "key:"


@dataclass(frozen=True, slots=True)
class Login:
    """For a `SecretRequest`: what to log in with, where it is from, until when it is good."""

    login: RegistryLogin
    source: str
    expires_at: datetime | None


def login_of_key(
    tx: Connection, sealer: Sealer, user_id: int, key_id: str, registry: str, now: datetime
) -> Login:
    """By one of the user's own access keys; it may what the key may.

    Raises `AccessKeyUnknown`, `InvalidRequest` for one that does not log in any more, `UnreadableSecret`.
    """
    key = get_key_of(tx, user_id, key_id)
    if key.is_disabled or (key.expires_at is not None and key.expires_at <= now):
        raise InvalidRequest((f"the access key {key_id} is disabled or has expired",))
    sealed = tx.execute(select(access_keys.c.sealed_secret).where(access_keys.c.id == key_id)).scalar_one()
    password = login_key(key_id, sealer.open(sealed).decode())
    return Login(RegistryLogin(registry, f"wherry@{key_id}", password), f"{KEY}{key_id}", key.expires_at)


def make_login(
    tx: Connection,
    sealer: Sealer,
    cluster: Cluster,
    namespace: str,
    name: str,
    registry: str,
    now: datetime,
    *,
    what: str | None = None,
    lifetime: timedelta | None = None,
) -> Login:
    """A new key that may pull `what` and nothing else: an organization's images, or one image (`acme/web`).

    None is the cluster's organization. Whoever may deploy to the cluster could pull this by its default
    secrets too; a face asks for read on `what` besides. Raises `InvalidRequest`, `TooManyAccessKeys`.
    """
    what = what or cluster.organization
    if what is None:
        raise InvalidRequest(("a cluster of the site has no organization; say whose images the key is for",))
    organization = _organization(what)
    if organization not in served_by(tx, cluster):
        told = f"the cluster {cluster.name} does not serve {organization[:80]}; it is not open to it"
        raise InvalidRequest((told,))
    robot = robot_of(tx, cluster, organization, own_robot_name(cluster), now)
    ends = None if lifetime is None else now + lifetime
    told = f"{namespace}/{name}"[:64]
    made = create_access_key(
        tx, sealer, robot.user_id, told, now, scope={what: int(Level.READ)}, expires_at=ends
    )
    row = {
        "key_id": made.id,
        "cluster_id": cluster.id,
        "namespace": namespace,
        "secret": name,
        "organization": organization,
        "retires": None,
    }
    tx.execute(insert(pull_secret_keys).values(row))
    login = RegistryLogin(registry, f"wherry@{made.id}", login_key(made.id, made.secret))
    return Login(login, f"{MADE}{made.id}", ends)


def may_rotate(source: str) -> bool:
    """Whether the password is a key that Wherry made for the secret."""
    return source.startswith(MADE)


def begin_rotation(
    tx: Connection, sealer: Sealer, cluster: Cluster, secret: PullSecret, now: datetime
) -> SecretRequest:
    """A new key in the place of the one that was made for it, with the same limits; the old one still works.

    Raises `InvalidRequest` for one that has no made key, `TooManyAccessKeys`.
    """
    if not may_rotate(secret.source):
        told = f"the login of {secret.namespace}/{secret.name} is not Wherry's to rotate; give it another one"
        raise InvalidRequest((told,))
    old = secret.source.removeprefix(MADE)
    what, lifetime = _limits(tx, cluster, secret, old)
    login = make_login(
        tx,
        sealer,
        cluster,
        secret.namespace,
        secret.name,
        secret.registry,
        now,
        what=what,
        lifetime=lifetime,
    )
    return exchange_login(tx, sealer, cluster, secret, login, now)


def exchange_login(
    tx: Connection, sealer: Sealer, cluster: Cluster, secret: PullSecret, login: Login, now: datetime
) -> SecretRequest:
    """Remember another login of the secret; it is to be put, and `settle_keys` called then."""
    request = replace(
        request_of(tx, sealer, secret),
        login=login.login,
        source=login.source,
        expires_at=login.expires_at,
    )
    record_secret(tx, sealer, cluster, request, None, now)
    return request


def settle_keys(
    tx: Connection,
    cluster: Cluster,
    namespace: str,
    name: str,
    now: datetime,
    *,
    overlap: timedelta = OVERLAP,
) -> None:
    """The cluster has the secret as it is remembered: keys made for it before end after the overlap."""
    source = get_secret(tx, cluster, namespace, name).source
    tx.execute(
        update(pull_secret_keys)
        .where(
            *_of(cluster, namespace, name),
            pull_secret_keys.c.key_id != source.removeprefix(MADE),
            pull_secret_keys.c.retires.is_(None),
        )
        .values(retires=int((now + overlap).timestamp()))
    )


def drop_secret(tx: Connection, cluster: Cluster, namespace: str, name: str) -> bool:
    """It is not in the cluster (any more): forget it, and end the keys that were made for it at once.

    False where it was not known. Also for one that could not be made, so that no key of it stays.
    """
    keys = select(pull_secret_keys.c.key_id).where(*_of(cluster, namespace, name))
    for key_id in tx.execute(keys).scalars().all():
        end_key(tx, key_id)
    tx.execute(delete(pull_secret_keys).where(*_of(cluster, namespace, name)))
    return forget_secret(tx, cluster, namespace, name)


def drop_unused_keys(tx: Connection, cluster: Cluster, namespace: str, name: str) -> None:
    """Keys that were made for the secret and that it does not name end at once: the attempt has failed."""
    used = select(pull_secrets.c.source).where(
        pull_secrets.c.cluster_id == cluster.id,
        pull_secrets.c.namespace == namespace,
        pull_secrets.c.name == name,
    )
    source = tx.execute(used).scalar_one_or_none() or ""
    unused = (
        *_of(cluster, namespace, name),
        pull_secret_keys.c.key_id != source.removeprefix(MADE),
        pull_secret_keys.c.retires.is_(None),
    )
    for key_id in tx.execute(select(pull_secret_keys.c.key_id).where(*unused)).scalars().all():
        end_key(tx, key_id)
    tx.execute(delete(pull_secret_keys).where(*unused))


def _limits(
    tx: Connection, cluster: Cluster, secret: PullSecret, key_id: str
) -> tuple[str | None, timedelta | None]:
    """What the old key may pull, and for how long it was made."""
    try:
        old = get_access_key(tx, key_id)
    except AccessKeyUnknown:  # somebody has deleted it: all the more is a new one needed
        organization = select(pull_secret_keys.c.organization).where(
            *_of(cluster, secret.namespace, secret.name)
        )
        return tx.execute(organization).scalars().first(), None
    lifetime = None if old.expires_at is None else old.expires_at - old.created_at
    return next(iter(old.scope or {}), None), lifetime


def _of(cluster: Cluster, namespace: str, name: str) -> tuple[ColumnElement[bool], ...]:
    return (
        pull_secret_keys.c.cluster_id == cluster.id,
        pull_secret_keys.c.namespace == namespace,
        pull_secret_keys.c.secret == name,
    )


def _organization(what: str) -> str:
    if "/" not in what:
        return what
    try:
        return RepositoryName.parse(what).organization
    except InvalidValue as error:
        raise InvalidRequest((str(error),)) from None
