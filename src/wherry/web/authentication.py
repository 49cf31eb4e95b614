"""From the Authorization header to an actor: Basic with a password, Bearer with a token, nobody."""

import base64
import binascii

from starlette.types import Scope

from wherry.access.actors import actor_of
from wherry.access.decisions import ANONYMOUS, Actor
from wherry.access.tokens import InvalidToken, RegistryTokens
from wherry.identity.errors import AccessKeyRefused
from wherry.identity.key_logins import KeyLogins
from wherry.identity.logins import Logins
from wherry.web.audited import Audited
from wherry.web.exchange import Exchange

# Seconds between the clocks of replicas that keep time. A token that is older than its user is another's, who
# had the same id and was deleted.
CLOCKS_DIFFER_BY = 2


class BadCredentials(Exception):
    """Credentials came and are not good; the text does not tell which part of them."""


class BadToken(BadCredentials):
    """A bearer token came and is not good: expired, changed, or its user is gone."""


class Authentication:
    """Who sends a request. No header means anonymous; a header that is wrong is refused, never ignored."""

    def __init__(
        self, logins: Logins, key_logins: KeyLogins, tokens: RegistryTokens, audited: Audited
    ) -> None:
        self._logins = logins
        self._key_logins = key_logins
        self._tokens = tokens
        self._audited = audited

    async def actor(self, scope: Scope) -> Actor:
        """Raises `BadCredentials`, `TooManyLogins`, `DatabaseUnavailable`."""
        for name, value in scope["headers"]:
            if name == b"authorization":
                kind, _, credentials = value.partition(b" ")
                kind = kind.lower()
                if kind == b"bearer":
                    return await self._bearer(credentials.strip().decode("latin-1"))
                if kind == b"basic":
                    return await self._basic(credentials.strip(), Exchange.of(scope).client)
                raise BadCredentials("Authorization is Basic or Bearer")
        return ANONYMOUS

    async def password_login(self, name: str, password: str, address: str) -> Actor:
        """By password, or by login key for a name `[region or project]@[AK]`. Raises as `actor` does."""
        _, is_key, key_id = name.rpartition("@")
        try:
            if is_key:
                account = await self._key_logins.login(key_id, password, address)
            else:
                account = await self._logins.login(name, password, address)
        except AccessKeyRefused as error:
            await self._audited.login_failed(key_id, key_id, address, str(error))
            raise BadCredentials(str(error)) from None
        if account is None:
            wrong = "user name or password is wrong"
            await self._audited.login_failed(name, key_id if is_key else None, address, wrong)
            raise BadCredentials(wrong)
        return actor_of(account)

    async def _basic(self, credentials: bytes, address: str) -> Actor:
        try:
            name, separator, password = base64.b64decode(credentials, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise BadCredentials("Basic credentials are user:password in base64") from None
        if not separator:
            raise BadCredentials("Basic credentials are user:password in base64")
        return await self.password_login(name, password, address)

    async def _bearer(self, token: str) -> Actor:
        try:
            claims = self._tokens.check(token)
        except InvalidToken:
            raise BadToken("the token is not valid; log in again") from None
        if claims.user_id is None:
            return Actor(None, ANONYMOUS.name, grant=claims.grant)
        if claims.key_id is not None:
            account = await self._key_logins.account(claims.key_id)
        else:
            account = await self._logins.account(claims.user_id)
        if account is None or claims.issued_at.timestamp() < account.made_at - CLOCKS_DIFFER_BY:
            raise BadToken("the token is not valid; log in again")
        return actor_of(account, claims.grant, by_token=claims.grant is None)
