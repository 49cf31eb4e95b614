"""What a sign-in through an OpenID Connect provider begins with and ends in, and how it fails.

Which user a person is, and what they may, is not decided here.
"""

import secrets
from dataclasses import dataclass


class OidcFailed(Exception):
    """A sign-in that cannot be finished; the text is fit for the person who tried."""


class ProviderAway(OidcFailed):
    """The provider does not answer, or not as a provider does."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What we are to the provider, and which of its claims mean what."""

    issuer: str
    client_id: str
    client_secret: str | None
    scopes: str
    name_claim: str
    groups_claim: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """The secrets of one sign-in: the browser that began it keeps them, sealed."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def new(cls) -> "Attempt":
        return cls(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48))


@dataclass(frozen=True, slots=True)
class Claims:
    """Who the provider says it is. `name` is a suggestion; None groups were not told."""

    subject: str
    name: str
    groups: frozenset[str] | None
