"""From a signed request (SDK-HMAC-SHA256) to an actor: the owner of the access key that signed it.

It has no error form of its own; each face that takes such requests puts `BadSignature` into its own.
"""

from dataclasses import dataclass
from datetime import timedelta

from starlette.types import Receive, Scope

from wherry.access.actors import actor_of
from wherry.access.decisions import Actor
from wherry.access.request_signing import InvalidSignature, SignedRequest, is_right, read_signature
from wherry.identity.errors import AccessKeyRefused
from wherry.identity.key_logins import KeyLogins
from wherry.identity.key_secrets import KeySecrets
from wherry.identity.login_keys import login_key
from wherry.kit.clock import Clock
from wherry.web.audited import Audited
from wherry.web.authentication import BadCredentials
from wherry.web.body import whole_body
from wherry.web.exchange import Exchange

MAX_BODY = 12 * 1024 * 1024

_NOT_RIGHT = (
    "Incorrect authentication information: verify aksk signature fail; the access key, its secret, or what"
    " was signed is not right"
)


class BadSignature(BadCredentials):
    """A request that is not signed, or not rightly; the text never tells whether the access key is there.

    Who holds the secret of a key that cannot be used is told why.
    """


@dataclass(frozen=True, slots=True)
class SignedRequests:
    """Checks signatures. `idle` is how long a body may stay silent."""

    key_secrets: KeySecrets
    key_logins: KeyLogins
    clock: Clock
    idle: timedelta
    audited: Audited

    async def read(self, scope: Scope, receive: Receive) -> tuple[Actor, bytes]:
        """Who signed the request, and its body of at most `MAX_BODY`: the signature covers it.

        Raises `BadSignature`, `BodyError`, `TooManyLogins`, `DatabaseUnavailable`.
        """
        request = SignedRequest(scope["method"], scope["raw_path"], scope["query_string"], scope["headers"])
        try:
            signature = read_signature(request, self.clock.now())
            address = Exchange.of(scope).client
            secret = await self.key_secrets.secret(signature.access_key_id)
            if secret is None:
                raise await self._wrong(signature.access_key_id, address, _NOT_RIGHT)
            body = await whole_body(receive, self.idle, MAX_BODY)
            if not is_right(signature, request, body, secret):
                raise await self._wrong(signature.access_key_id, address, _NOT_RIGHT)
        except InvalidSignature as error:
            raise BadSignature(str(error)) from None
        return await self._owner(signature.access_key_id, secret, address), body

    async def _owner(self, key_id: str, secret: str, address: str) -> Actor:
        """Who holds the secret can log in: by the same rules as at the registry, and noted the same way."""
        try:
            account = await self.key_logins.login(key_id, login_key(key_id, secret), address)
        except AccessKeyRefused as error:
            raise await self._wrong(key_id, address, str(error)) from None
        if account is None:
            raise await self._wrong(key_id, address, _NOT_RIGHT)
        return actor_of(account)

    async def _wrong(self, key_id: str, address: str, reason: str) -> BadSignature:
        await self.audited.login_failed(key_id, key_id, address, reason)
        return BadSignature(reason)
