"""Who may tell Wherry of pushes elsewhere: made, listed, changed, removed, their address renewed.

What a sender tells of its `image` counts as a push of the local `repository`, whose triggers it fires. Its
address has a token that nobody can guess; where the product signs, or sends a key along, that is asked too.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from wherry.clusters.workloads.images import ImageName
from wherry.identity.organizations import get_organization
from wherry.identity.tables import organizations
from wherry.kit.pages import Page
from wherry.kit.secrets import Sealer
from wherry.oci.errors import InvalidValue
from wherry.oci.names import RepositoryName
from wherry.registry.repositories import get_repository
from wherry.webhooks.errors import InvalidWebhook, SenderExists, SenderUnknown
from wherry.webhooks.pushes_in import Product
from wherry.webhooks.signature import new_secret, read_secret
from wherry.webhooks.tables import webhook_senders
from wherry.webhooks.webhook import check_name

MAX_SENDERS = 100
MAX_IMAGE = 300
MIN_SECRET, MAX_SECRET = 16, 128

# They prove who they are beyond the address. Docker Hub and Quay can not.
WITH_SECRET = frozenset({Product.GHCR, Product.HARBOR, Product.ECR, Product.WHERRY})


@dataclass(frozen=True, slots=True)
class Sender:
    """`image` is the whole name elsewhere, such as `docker.io/acme/web`. `heard_at`: the last push."""

    id: int
    name: str
    organization: str
    product: Product
    image: str
    repository: RepositoryName
    is_enabled: bool
    created_at: datetime
    heard_at: datetime | None
    last_problem: str


@dataclass(frozen=True, slots=True)
class Credentials:
    """Of a sender that was made or renewed; not to be had again. `secret` None: the product knows none."""

    token: str
    secret: str | None


def create_sender(
    tx: Connection,
    sealer: Sealer,
    name: str,
    product: Product,
    image: str,
    repository: RepositoryName,
    user_id: int | None,
    now: datetime,
    *,
    secret: str | None = None,
    is_enabled: bool = True,
) -> tuple[Sender, Credentials]:
    """The sender of the repository's organization; a secret may be given.

    Raises `InvalidWebhook`, `SenderExists`, `OrganizationUnknown`, `RepositoryUnknown`.
    """
    check_name(name)
    organization = repository.organization
    organization_id = get_organization(tx, organization).id
    get_repository(tx, repository)
    mine = webhook_senders.c.organization_id == organization_id
    if tx.execute(select(webhook_senders.c.id).where(mine, webhook_senders.c.name == name)).first():
        raise SenderExists(name)
    if tx.execute(select(func.count()).select_from(webhook_senders).where(mine)).scalar_one() >= MAX_SENDERS:
        raise InvalidWebhook("name", f"there are {MAX_SENDERS} senders already, which is the limit")
    made = Credentials(secrets.token_urlsafe(32), _secret(product, secret))
    row = {
        "organization_id": organization_id,
        "name": name,
        "kind": product.value,
        "image": whole_name(image),
        "repository": repository.text,
        "token_hash": _hash(made.token),
        "sealed_secret": _sealed(sealer, made.secret),
        "is_enabled": is_enabled,
        "created_by": user_id,
        "created_at": now,
        "last_problem": "",
    }
    tx.execute(insert(webhook_senders), row)
    return get_sender(tx, organization, name), made


def whole_name(image: str) -> str:
    """With its host, Docker Hub's where there is none. Raises `InvalidWebhook`."""
    try:
        found = ImageName.parse(image)
    except InvalidValue as error:
        raise InvalidWebhook("image", str(error)) from None
    if found.tag is not None or found.digest is not None:
        raise InvalidWebhook("image", "it takes the name of an image, without tag and digest")
    host = "docker.io" if found.host in (None, "index.docker.io", "registry-1.docker.io") else found.host
    path = found.repository.text
    name = f"{host}/library/{path}" if host == "docker.io" and "/" not in path else f"{host}/{path}"
    if len(name) > MAX_IMAGE:
        raise InvalidWebhook("image", f"the name of an image has at most {MAX_IMAGE} characters")
    return name


def get_sender(tx: Connection, organization: str, name: str) -> Sender:
    """Raises `SenderUnknown`, also where the organization is not there."""
    mine = (organizations.c.name == organization, webhook_senders.c.name == name)
    row = tx.execute(_SENDERS.where(*mine)).first()
    if row is None:
        raise SenderUnknown(name)
    return _sender_of(row)


def sender_with(tx: Connection, token: str) -> Sender | None:
    """Whom the token of an address belongs to."""
    hashed = _hash(token)
    row = tx.execute(_SENDERS.where(webhook_senders.c.token_hash == hashed)).first()
    return _sender_of(row) if row is not None and hmac.compare_digest(row.token_hash, hashed) else None


def list_senders(tx: Connection, organization: str, *, after: str = "", size: int = 100) -> Page[Sender]:
    """By name."""
    mine = (organizations.c.name == organization, webhook_senders.c.name > after)
    rows = tx.execute(_SENDERS.where(*mine).order_by(webhook_senders.c.name).limit(size + 1))
    return Page.cut([_sender_of(row) for row in rows], size)


def change_sender(
    tx: Connection,
    sender: Sender,
    *,
    image: str | None = None,
    repository: RepositoryName | None = None,
    is_enabled: bool | None = None,
) -> Sender:
    """What is None stays. Raises `InvalidWebhook`, `RepositoryUnknown`."""
    if repository is not None:
        if repository.organization != sender.organization:
            raise InvalidWebhook("repository", f"it is an image of the organization {sender.organization}")
        get_repository(tx, repository)
    changed = replace(
        sender,
        image=sender.image if image is None else whole_name(image),
        repository=repository or sender.repository,
        is_enabled=sender.is_enabled if is_enabled is None else is_enabled,
    )
    values = {
        "image": changed.image,
        "repository": changed.repository.text,
        "is_enabled": changed.is_enabled,
    }
    tx.execute(update(webhook_senders).where(webhook_senders.c.id == sender.id).values(values))
    return changed


def rotate_sender(tx: Connection, sealer: Sealer, sender: Sender) -> Credentials:
    """Another address and another secret; those before are worth nothing from now on."""
    made = Credentials(secrets.token_urlsafe(32), _secret(sender.product, None))
    values = {"token_hash": _hash(made.token), "sealed_secret": _sealed(sealer, made.secret)}
    tx.execute(update(webhook_senders).where(webhook_senders.c.id == sender.id).values(values))
    return made


def remove_sender(tx: Connection, sender: Sender) -> None:
    """With what is kept of what it told."""
    tx.execute(delete(webhook_senders).where(webhook_senders.c.id == sender.id))


def note_problem(tx: Connection, sender: Sender, problem: str) -> None:
    """Why what it sent last did nothing."""
    values = {"last_problem": problem[:500]}
    tx.execute(update(webhook_senders).where(webhook_senders.c.id == sender.id).values(values))


def secret_of(tx: Connection, sealer: Sealer, sender: Sender) -> str:
    """Empty where the product knows none. Raises `UnreadableSecret`."""
    query = select(webhook_senders.c.sealed_secret).where(webhook_senders.c.id == sender.id)
    sealed = tx.execute(query).scalar_one()
    return sealer.open(sealed).decode() if sealed else ""


def _secret(product: Product, given: str | None) -> str | None:
    if product not in WITH_SECRET:
        if given is not None:
            raise InvalidWebhook("secret", f"{product} sends no secret along; the address alone is one")
        return None
    if given is None:
        return new_secret()
    if product is Product.WHERRY:
        read_secret(given)
    elif not MIN_SECRET <= len(given) <= MAX_SECRET or not given.isascii() or not given.isprintable():
        raise InvalidWebhook("secret", f"a secret has {MIN_SECRET} to {MAX_SECRET} printable characters")
    return given


def _sealed(sealer: Sealer, secret: str | None) -> str:
    return "" if secret is None else sealer.seal(secret.encode())


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _sender_of(row: Any) -> Sender:
    return Sender(
        row.id,
        row.name,
        row.organization,
        Product(row.kind),
        row.image,
        RepositoryName(row.repository),
        row.is_enabled,
        row.created_at,
        row.heard_at,
        row.last_problem,
    )


_SENDERS = select(webhook_senders, organizations.c.name.label("organization")).join(organizations)
