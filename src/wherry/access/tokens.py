"""Bearer tokens: short JWTs (RFC 7519) that carry who asked and what was granted.

A registry token is for what it grants; an API token for all that its login may.

The algorithm is pinned to EdDSA and the key is one of our own set, by `kid`: nothing in a token's header
chooses how it is checked (CVE-2025-24976). A token never grants more than its user has at the moment of each
request.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import jwt

from wherry.access.actions import Verb
from wherry.access.decisions import TokenGrant
from wherry.access.scopes import AskedScopes
from wherry.access.signing_keys import SigningKeys
from wherry.kit.clock import Clock
from wherry.kit.ids import new_id
from wherry.oci.errors import InvalidName
from wherry.oci.names import RepositoryName

ISSUER = "wherry"
MAX_TOKEN_LENGTH = 16 * 1024
MAX_REMEMBERED = 10_000
# No token lives longer: what it may cannot be taken back from it alone.
LONGEST = timedelta(hours=1)
_API = "api"


# Whatever is wrong with a token, wherever it shows: a year past 9999, JSON as deep as it is long.
_MALFORMED = (jwt.PyJWTError, LookupError, TypeError, ValueError, OverflowError, RecursionError, InvalidName)


class InvalidToken(Exception):
    """The token is not one of ours, is expired, or was changed. The text does not say more on purpose."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a checked token says. `user_id` is None for one given to somebody who did not log in.

    An API token has no `grant`.
    """

    user_id: int | None
    key_id: str | None
    grant: TokenGrant | None
    expires_at: datetime
    issued_at: datetime


class RegistryTokens:
    """Issues tokens and checks them (130 µs); checked ones are remembered by hash until they expire."""

    def __init__(self, keys: SigningKeys, service: str, lifetime: timedelta, clock: Clock) -> None:
        self._public = {kid: key.public_key() for kid, key in keys.items()}
        self._kid, self._private = next(reversed(keys.items()))
        self.service = service
        self.lifetime = lifetime
        self._clock = clock
        self._known: OrderedDict[bytes, tuple[float, Claims]] = OrderedDict()

    def issue(
        self, user_id: int | None, granted: AskedScopes, issued_at: datetime, key_id: str | None = None
    ) -> str:
        """A token for `granted`, which the caller has cut to what the user may."""
        access: list[dict[str, object]] = [
            {"type": "repository", "name": str(scope.repository), "actions": sorted(scope.verbs)}
            for scope in granted.repositories
            if scope.verbs
        ]
        if granted.catalog:
            access.append({"type": "registry", "name": "catalog", "actions": ["*"]})
        return self._signed(user_id, {"access": access}, issued_at, self.lifetime, key_id)

    def issue_for_api(
        self,
        user_id: int,
        issued_at: datetime,
        lifetime: timedelta,
        key_id: str | None = None,
    ) -> str:
        """A token that speaks for the login for `lifetime`, at most `LONGEST`."""
        return self._signed(user_id, {"use": _API}, issued_at, min(lifetime, LONGEST), key_id)

    def _signed(
        self,
        user_id: int | None,
        own: Mapping[str, object],
        issued_at: datetime,
        lifetime: timedelta,
        key_id: str | None,
    ) -> str:
        claims: dict[str, object] = {
            "iss": ISSUER,
            "sub": "" if user_id is None else str(user_id),
            "aud": self.service,
            "iat": issued_at,
            "nbf": issued_at - timedelta(seconds=10),
            "exp": issued_at + lifetime,
            "jti": new_id(),
            **own,
        }
        if key_id is not None:
            claims["key"] = key_id
        return jwt.encode(claims, self._private, algorithm="EdDSA", headers={"kid": self._kid})

    def check(self, token: str) -> Claims:
        """Raises `InvalidToken`."""
        key = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        known = self._known.get(key)
        if known is not None:
            expires, claims = known
            if self._clock.now().timestamp() < expires:
                return claims
            del self._known[key]
            raise InvalidToken
        claims = self._verified(token)
        self._known[key] = (claims.expires_at.timestamp(), claims)
        while len(self._known) > MAX_REMEMBERED:
            self._known.popitem(last=False)
        return claims

    def _verified(self, token: str) -> Claims:
        if len(token) > MAX_TOKEN_LENGTH:
            raise InvalidToken
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            payload = jwt.decode(
                token,
                self._public[kid] if isinstance(kid, str) else "",
                algorithms=["EdDSA"],
                audience=self.service,
                issuer=ISSUER,
                options={
                    "require": ["exp", "nbf", "iat", "aud", "iss", "sub"],
                    "verify_exp": False,
                    "verify_nbf": False,
                    # Without any slack for a replica whose clock is behind; `nbf` says enough.
                    "verify_iat": False,
                },
            )
            expires_at = datetime.fromtimestamp(payload["exp"], tz=self._clock.now().tzinfo)
            not_before = datetime.fromtimestamp(payload["nbf"], tz=expires_at.tzinfo)
            if not not_before <= self._clock.now() < expires_at:
                raise InvalidToken
            issued_at = datetime.fromtimestamp(payload["iat"], tz=expires_at.tzinfo)
            user_id = int(payload["sub"]) if payload["sub"] else None
            if payload.get("use") == _API:
                if user_id is None:
                    raise InvalidToken
                return Claims(user_id, payload.get("key"), None, expires_at, issued_at)
            return Claims(user_id, payload.get("key"), _grant(payload["access"]), expires_at, issued_at)
        except _MALFORMED as error:
            raise InvalidToken from error


def _grant(access: list[dict[str, object]]) -> TokenGrant:
    repositories: dict[RepositoryName, frozenset[Verb]] = {}
    catalog = False
    for entry in access:
        if entry["type"] == "registry":
            catalog = True
        else:
            actions = entry["actions"]
            if not isinstance(actions, list):
                raise TypeError("actions are a list")
            repositories[RepositoryName.parse(str(entry["name"]))] = frozenset(
                Verb(action) for action in actions
            )
    return TokenGrant(repositories, catalog)
