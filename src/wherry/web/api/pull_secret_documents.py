"""Pull secrets as documents: what was asked for and what is there, never what is in it."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from wherry.clusters.pull_secrets.create import MAX_DESCRIPTION, MAX_VALUE
from wherry.clusters.pull_secrets.survey import SurveyedSecret
from wherry.web.api.documents import NO_ZERO, Document, Flag, Moment, Wanted

MAX_LABELS = 64
_Text = Annotated[str, Field(max_length=512, pattern=NO_ZERO)]


class Role(StrEnum):
    """Whose a secret is."""

    DEFAULT = "default"
    OWN = "own"
    FOREIGN = "foreign"


class SecretUserDocument(Document):
    """Who pulls with a secret."""

    kind: str
    name: str


class PullSecretDocument(Document):
    """A pull secret of a cluster."""

    namespace: str
    name: str
    role: str = Field(description="`default`, `own`, or `foreign` for one that Wherry did not make.")
    registries: list[str]
    source: str | None = Field(
        description="What it logs in with: `given`, or `key:` or `made:` with the access key's id."
    )
    expires_at: datetime | None
    sync: str = Field(
        description="How the cluster's one stands to what was made: `in sync`, `drifted`, `missing`,"
        " `foreign`, `unknown`."
    )
    may_rotate: bool = Field(description="Whether Wherry may give it a new key by itself.")
    used_by: list[SecretUserDocument]
    description: str
    user_name: str | None
    labels: dict[str, str]
    created_at: datetime | None
    changed_at: datetime | None


class GivenLogin(Wanted):
    """A user name and a password, for this registry or for any other."""

    user: str = Field(min_length=1, max_length=512, pattern=NO_ZERO)
    password: str = Field(min_length=1, max_length=MAX_VALUE, pattern=NO_ZERO)


class NewKeyLogin(Wanted):
    """A new access key that may pull and nothing else; Wherry rotates it."""

    pulls: str | None = Field(
        default=None,
        max_length=255,
        pattern=NO_ZERO,
        description="`acme` or `acme/web`. Left out: all of the cluster's organization.",
    )
    expires_at: Moment | None = None


class WantedLoginOfSecret(Wanted):
    """What to log in with: one of the three."""

    given: GivenLogin | None = None
    access_key: str | None = Field(default=None, max_length=64, pattern=NO_ZERO, description="One of yours.")
    new_key: NewKeyLogin | None = None


class WantedPullSecret(WantedLoginOfSecret):
    """A pull secret to be made."""

    name: str = Field(min_length=1, max_length=253)
    namespace: str = Field(default="default", max_length=63)
    description: str = Field(default="", max_length=MAX_DESCRIPTION, pattern=NO_ZERO)
    registry: str | None = Field(
        default=None,
        max_length=512,
        pattern=NO_ZERO,
        description="Image repository address, such as `registry.example.com`. Left out: this registry's.",
    )
    labels: dict[_Text, _Text] = Field(default={}, max_length=MAX_LABELS)


class WantedSecretRotation(WantedLoginOfSecret):
    """Another login for a secret. Left out: a new key in the place of the one that was made for it."""


class SecretPreviewDocument(Document):
    """What would be made."""

    yaml: str = Field(description="The object, its values hidden.")


class MadeSecretDocument(SecretPreviewDocument):
    """What was made."""

    namespace: str
    name: str
    registry: str
    user_name: str
    source: str
    expires_at: datetime | None


class RotatedDocument(Document):
    """What came of a rotation of everything; old keys work for an hour more."""

    rotated: list[str] = Field(description="`namespace/name` of secrets that have a new key.")
    left: list[str] = Field(description="Those whose login is not Wherry's to rotate, or that are another's.")
    failed: dict[str, str] = Field(description="Why, by `namespace/name`.")


class DefaultSecretSwitch(Wanted):
    """Whether a namespace gets a `default-secret`."""

    is_on: Flag


class DefaultSecretDocument(Document):
    """What the namespace says now; the secret follows within seconds."""

    namespace: str
    is_on: bool


def pull_secret_document(one: SurveyedSecret) -> PullSecretDocument:
    """As it was seen, and made."""
    made = one.made
    return PullSecretDocument(
        namespace=one.namespace,
        name=one.name,
        role=one.role,
        registries=list(one.registries),
        source=one.source,
        expires_at=one.expires_at,
        sync=one.sync.value,
        may_rotate=one.may_rotate,
        used_by=[SecretUserDocument(kind=user.kind, name=user.name) for user in one.used_by],
        description="" if made is None else made.description,
        user_name=None if made is None else made.user_name,
        labels={} if made is None else dict(made.labels),
        created_at=None if made is None else made.created_at,
        changed_at=None if made is None else made.changed_at,
    )
