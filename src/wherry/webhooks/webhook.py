"""Webhooks as they are kept: made, listed, changed, removed. One is an organization's, or the site's."""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from wherry.identity.organizations import get_organization
from wherry.identity.tables import organizations
from wherry.kit.globs import InvalidGlob, glob
from wherry.kit.pages import Page
from wherry.kit.secrets import Sealer
from wherry.webhooks.errors import InvalidWebhook, WebhookExists, WebhookUnknown
from wherry.webhooks.signature import new_secret, read_secret
from wherry.webhooks.tables import webhooks

MAX_NAME = 64
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]*")
MAX_URL = 2048
# Each event of an organization is held against all of its webhooks.
MAX_WEBHOOKS = 100


class Format(StrEnum):
    """What is sent: a CloudEvent, a message that a chat shows, or a mail."""

    CLOUD_EVENTS = "cloudevents"
    SLACK = "slack"
    TEAMS = "teams"
    MATTERMOST = "mattermost"
    MAIL = "mail"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a webhook is told of, and where. Empty `kinds` are all; `images` and `tags` are glob patterns."""

    url: str
    format: Format = Format.CLOUD_EVENTS
    kinds: tuple[str, ...] = ()
    images: str = "*"
    tags: str = "*"
    is_enabled: bool = True


@dataclass(frozen=True, slots=True)
class Webhook:
    """`organization` None is the site."""

    id: int
    name: str
    organization: str | None
    wanted: Wanted
    created_at: datetime
    changed_at: datetime

    def wants(self, kind: str, subject: str, tag: str | None) -> bool:
        """Whether it is told of an event. What has no tag goes by the image alone."""
        wanted = self.wanted
        return (
            wanted.is_enabled
            and (not wanted.kinds or kind in wanted.kinds)
            and glob(wanted.images)(subject)
            and (tag is None or glob(wanted.tags)(tag))
        )


def check_wanted(wanted: Wanted, offered: Collection[str]) -> None:
    """`offered` are the kinds that there are. Raises `InvalidWebhook`."""
    if wanted.format is Format.MAIL:
        _check_mail(wanted.url)
    else:
        _check_url(wanted.url)
    unknown = [kind for kind in wanted.kinds if kind not in offered]
    if unknown:
        raise InvalidWebhook(
            "kinds", f"there is no event {unknown[0]!r}; there are {', '.join(sorted(offered))}"
        )
    for field, pattern in (("images", wanted.images), ("tags", wanted.tags)):
        try:
            glob(pattern)
        except InvalidGlob as error:
            raise InvalidWebhook(field, str(error)) from None


def check_name(name: str) -> None:
    """Of a webhook or a sender. Raises `InvalidWebhook`."""
    if len(name) > MAX_NAME or not _NAME.fullmatch(name):
        raise InvalidWebhook(
            "name",
            f"a name has 1 to {MAX_NAME} letters, digits, spaces, '.', '_' and '-', a letter or digit first",
        )


def create_webhook(
    tx: Connection,
    sealer: Sealer,
    name: str,
    organization: str | None,
    wanted: Wanted,
    user_id: int | None,
    now: datetime,
    *,
    offered: Collection[str],
    secret: str | None = None,
) -> tuple[Webhook, str]:
    """The webhook, and the secret that its deliveries are signed with, which may be given; it is shown once.

    Raises `InvalidWebhook`, `WebhookExists`, `OrganizationUnknown`.
    """
    check_name(name)
    check_wanted(wanted, offered)
    if secret is not None:
        read_secret(secret)
    made = secret or new_secret()
    organization_id = None if organization is None else get_organization(tx, organization).id
    owner = _of(organization_id)
    if tx.execute(select(webhooks.c.id).where(owner, webhooks.c.name == name)).first() is not None:
        raise WebhookExists(name)
    if tx.execute(select(func.count()).select_from(webhooks).where(owner)).scalar_one() >= MAX_WEBHOOKS:
        raise InvalidWebhook("name", f"there are {MAX_WEBHOOKS} webhooks already, which is the limit")
    row = {
        "name": name,
        "organization_id": organization_id,
        "sealed_secret": sealer.seal(made.encode()),
        "created_by": user_id,
        "created_at": now,
        "changed_at": now,
        **_columns(wanted),
    }
    tx.execute(insert(webhooks), row)
    return get_webhook(tx, organization, name), made


def get_webhook(tx: Connection, organization: str | None, name: str) -> Webhook:
    """Raises `WebhookUnknown`, also where the organization is not there."""
    row = tx.execute(_WEBHOOKS.where(_named(organization), webhooks.c.name == name)).first()
    if row is None:
        raise WebhookUnknown(name)
    return webhook_of(row)


def webhook_by_id(tx: Connection, webhook_id: int) -> Webhook | None:
    """None where it was removed."""
    row = tx.execute(_WEBHOOKS.where(webhooks.c.id == webhook_id)).first()
    return None if row is None else webhook_of(row)


def list_webhooks(
    tx: Connection, organization: str | None, *, after: str = "", size: int = 100
) -> Page[Webhook]:
    """By name."""
    query = _WEBHOOKS.where(_named(organization), webhooks.c.name > after).order_by(webhooks.c.name)
    return Page.cut([webhook_of(row) for row in tx.execute(query.limit(size + 1))], size)


def change_webhook(
    tx: Connection, webhook: Webhook, wanted: Wanted, now: datetime, *, offered: Collection[str]
) -> Webhook:
    """What waits to be delivered goes to the new address. Raises `InvalidWebhook`."""
    check_wanted(wanted, offered)
    tx.execute(update(webhooks).where(webhooks.c.id == webhook.id).values(changed_at=now, **_columns(wanted)))
    return replace(webhook, wanted=wanted, changed_at=now)


def renew_secret(tx: Connection, sealer: Sealer, webhook: Webhook, now: datetime) -> str:
    """From now on deliveries are signed with the new secret only; it is shown once."""
    made = new_secret()
    changed = {"sealed_secret": sealer.seal(made.encode()), "changed_at": now}
    tx.execute(update(webhooks).where(webhooks.c.id == webhook.id).values(changed))
    return made


def open_secret(tx: Connection, sealer: Sealer, webhook: Webhook) -> str:
    """For signing. Raises `UnreadableSecret`."""
    sealed = tx.execute(select(webhooks.c.sealed_secret).where(webhooks.c.id == webhook.id)).scalar_one()
    return sealer.open(sealed).decode()


def remove_webhook(tx: Connection, webhook: Webhook) -> None:
    """With all that is kept of its deliveries; what waits is not delivered."""
    tx.execute(delete(webhooks).where(webhooks.c.id == webhook.id))


def webhooks_for(tx: Connection, organization: str) -> list[Webhook]:
    """Of the organization and of the site, those that are enabled."""
    mine = (organizations.c.name == organization) | webhooks.c.organization_id.is_(None)
    return [webhook_of(row) for row in tx.execute(_WEBHOOKS.where(mine, webhooks.c.is_enabled))]


def webhook_of(row: Any) -> Webhook:
    """Of a row of `webhooks` with its organization's name."""
    wanted = Wanted(
        row.url, Format(row.format), tuple(json.loads(row.kinds)), row.images, row.tags, row.is_enabled
    )
    return Webhook(row.id, row.name, row.organization, wanted, row.created_at, row.changed_at)


def _columns(wanted: Wanted) -> dict[str, object]:
    return {
        "url": wanted.url,
        "format": wanted.format.value,
        "kinds": json.dumps(list(wanted.kinds)),
        "images": wanted.images,
        "tags": wanted.tags,
        "is_enabled": wanted.is_enabled,
    }


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole or len(url) > MAX_URL or not url.isprintable() or " " in url:
        raise InvalidWebhook(
            "url", f"it takes an address such as https://host/path of at most {MAX_URL} characters"
        )
    if parts.username is not None or parts.password is not None:
        raise InvalidWebhook("url", "user and password do not belong into an address, which is shown")


def _check_mail(address: str) -> None:
    name, at, host = address.rpartition("@")
    is_one = bool(name and at and host) and address.isprintable() and address.isascii()
    if not is_one or any(letter in address for letter in " ,;<>\"'\\()[]:") or len(address) > 254:
        raise InvalidWebhook("url", "for mail, the address is one such as team@example.com")


def _of(organization_id: int | None) -> ColumnElement[bool]:
    return webhooks.c.organization_id == organization_id


def _named(organization: str | None) -> ColumnElement[bool]:
    if organization is None:
        return webhooks.c.organization_id.is_(None)
    return organizations.c.name == organization


_WEBHOOKS = select(webhooks, organizations.c.name.label("organization")).join_from(
    webhooks, organizations, isouter=True
)
