"""Senders as this face shows them, and the bodies that they are made from."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from wherry.web.api.documents import NO_ZERO, Document, Flag, Wanted
from wherry.webhooks.pushes_in import Product
from wherry.webhooks.senders import MAX_IMAGE, MAX_SECRET, Credentials, Sender
from wherry.webhooks.webhook import MAX_NAME

Image = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_IMAGE,
        pattern=NO_ZERO,
        description="Its name elsewhere, such as `docker.io/acme/web`.",
    ),
]
Repository = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_IMAGE,
        pattern=NO_ZERO,
        description="The organization's image whose triggers fire, such as `web`.",
    ),
]


class SenderDocument(Document):
    """Who may tell of pushes elsewhere."""

    organization: str
    name: str
    product: Product
    image: str
    repository: str = Field(description="The organization's image whose triggers fire.")
    is_enabled: bool
    created_at: datetime
    heard_at: datetime | None = Field(description="When it last told of a push of the image.")
    last_problem: str = Field(description="Why what it sent last was refused; empty: it was not.")


class MadeSenderDocument(SenderDocument):
    """A new sender with what the product elsewhere is to be given."""

    url: str | None = Field(
        description="Where it sends. Shown in this answer only; null where an Idempotency-Key repeats it."
    )
    secret: str | None = Field(
        description="What it signs with, or sends along. In this answer only; null: the product has none."
    )


class CredentialsDocument(Document):
    """What the product elsewhere is to be given from now on."""

    url: str = Field(description="Where it sends. Shown in this answer only.")
    secret: str | None = Field(description="Shown in this answer only; null: the product has none.")


class WantedSender(Wanted):
    """A sender to be made."""

    name: str = Field(
        min_length=1, max_length=MAX_NAME, description="Letters, digits, spaces, '.', '_' and '-'."
    )
    product: Product
    image: Image
    repository: Repository
    secret: str | None = Field(
        default=None,
        max_length=MAX_SECRET,
        description="For `ghcr`, `harbor`, `ecr` and `wherry`. Left out: one is made.",
    )
    is_enabled: Flag = True


class ChangedSender(Wanted):
    """What is to change; what is left out or null stays."""

    image: Image | None = None
    repository: Repository | None = None
    is_enabled: Flag | None = None


def sender_document(sender: Sender) -> SenderDocument:
    return SenderDocument(**_facts(sender))


def made_sender_document(sender: Sender, made: Credentials, url: str) -> MadeSenderDocument:
    return MadeSenderDocument(**_facts(sender), url=url, secret=made.secret)


def _facts(sender: Sender) -> dict[str, Any]:
    names = SenderDocument.model_fields
    facts = {name: getattr(sender, name) for name in names}
    return facts | {"repository": sender.repository.text.removeprefix(f"{sender.organization}/")}
