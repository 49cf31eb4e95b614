"""Webhooks and their deliveries as this face shows them, and the bodies that they are made from."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from wherry.web.api.documents import NO_ZERO, Document, Flag, Wanted
from wherry.webhooks.deliveries import Delivery, DeliveryState
from wherry.webhooks.webhook import MAX_NAME, MAX_URL, Format, Webhook
from wherry.webhooks.webhook import Wanted as WantedInDomain

MAX_KINDS = 100
MAX_PATTERN = 255

Url = Annotated[
    str,
    Field(
        max_length=MAX_URL,
        pattern=NO_ZERO,
        description="Where events go: `https://…` or `http://…`; for `mail`, such as team@example.com.",
    ),
]
Kinds = Annotated[
    list[str],
    Field(max_length=MAX_KINDS, description="Events that it is told of, such as `tag.moved`; empty: all."),
]
Images = Annotated[
    str,
    Field(max_length=MAX_PATTERN, pattern=NO_ZERO, description="A glob pattern, such as `acme/web*`."),
]
Tags = Annotated[
    str,
    Field(max_length=MAX_PATTERN, pattern=NO_ZERO, description="A glob pattern; what has no tag passes."),
]


class WebhookDocument(Document):
    """Who is told of what happens."""

    organization: str | None = Field(description="Null for one of the site, which is told of all.")
    name: str
    url: str
    format: Format
    kinds: list[str]
    images: str
    tags: str
    is_enabled: bool
    created_at: datetime
    changed_at: datetime


class MadeWebhookDocument(WebhookDocument):
    """A new webhook with the secret that its deliveries are signed with."""

    secret: str | None = Field(
        description="Shown in this answer only; null where an Idempotency-Key repeats it."
    )


class SecretDocument(Document):
    """What deliveries are signed with from now on."""

    secret: str = Field(description="Shown in this answer only.")


class WantedWebhook(Wanted):
    """A webhook to be made."""

    name: str = Field(
        min_length=1, max_length=MAX_NAME, description="Letters, digits, spaces, '.', '_' and '-'."
    )
    url: Url
    format: Format = Format.CLOUD_EVENTS
    kinds: Kinds = Field(default=[])
    images: Images = "*"
    tags: Tags = "*"
    is_enabled: Flag = True
    secret: str | None = Field(
        default=None,
        max_length=128,
        description="`whsec_` with 24 to 64 bytes in base64. Left out: one is made.",
    )

    def in_domain(self) -> WantedInDomain:
        return WantedInDomain(
            self.url, self.format, tuple(self.kinds), self.images, self.tags, self.is_enabled
        )


class ChangedWebhook(Wanted):
    """What is to change; what is left out or null stays."""

    url: Url | None = None
    format: Format | None = None
    kinds: Kinds | None = None
    images: Images | None = None
    tags: Tags | None = None
    is_enabled: Flag | None = None

    def changes(self) -> dict[str, Any]:
        """For `dataclasses.replace` of what it wanted before."""
        given = self.model_dump(exclude_none=True)
        return given | ({"kinds": tuple(given["kinds"])} if "kinds" in given else {})


class DeliveryDocument(Document):
    """One event on its way to a webhook, and what became of it."""

    id: int
    event_id: str
    kind: str
    subject: str = Field(description="What it happened to, such as `acme/web`.")
    state: DeliveryState
    attempts: int
    status: int | None = Field(description="What the other side answered last; null: it did not.")
    problem: str = Field(description="Why it is not delivered; empty where it is.")
    milliseconds: int | None = Field(description="How long the last attempt took.")
    created_at: datetime
    changed_at: datetime


class DeliveryDetailDocument(DeliveryDocument):
    """A delivery with what is sent."""

    event: dict[str, Any] = Field(description="The CloudEvent.")


def webhook_facts(webhook: Webhook) -> dict[str, Any]:
    """For each of the documents that show a webhook."""
    wanted = webhook.wanted
    return {
        "organization": webhook.organization,
        "name": webhook.name,
        "url": wanted.url,
        "format": wanted.format,
        "kinds": list(wanted.kinds),
        "images": wanted.images,
        "tags": wanted.tags,
        "is_enabled": wanted.is_enabled,
        "created_at": webhook.created_at,
        "changed_at": webhook.changed_at,
    }


def webhook_document(webhook: Webhook) -> WebhookDocument:
    return WebhookDocument(**webhook_facts(webhook))


def delivery_facts(delivery: Delivery) -> dict[str, Any]:
    """For both documents that show a delivery."""
    return {name: getattr(delivery, name) for name in DeliveryDocument.model_fields}
