"""An OpenID Connect provider as its client sees it: authorization code with PKCE, and whom the code means.

What the provider says of itself and its keys are asked for once and remembered for a while. Loaded only where
a provider is set: what it stands on takes 18 MiB of memory and a fifth of a second.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote_plus, urlsplit

import aiohttp
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from wherry.kit.clock import Clock
from wherry.web.oidc import Attempt, Claims, OidcFailed, ProviderAway, Registration

# Signatures only: with a shared secret or with none, a token would say what anybody likes.
ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA", "Ed25519"),
)
PATIENCE = timedelta(seconds=10)
REMEMBERED = timedelta(hours=1)
# After it did not answer: strangers who press the button must not keep us waiting for it.
LEFT_ALONE = timedelta(seconds=5)
# Made-up key ids must not have us ask the provider each time.
KEYS_ASKED_EVERY = timedelta(seconds=10)
LEEWAY = timedelta(minutes=1)
MAX_ANSWER = 1024 * 1024
MAX_GROUPS = 1000
MAX_GROUP = 256


@dataclass(frozen=True, slots=True)
class _Provider:
    """Its discovery document, as of `asked_at`."""

    document: Mapping[str, Any]
    asked_at: datetime

    def address(self, name: str) -> str:
        """Raises `ProviderAway`."""
        value = self.document.get(name)
        if not isinstance(value, str) or urlsplit(value).scheme not in ("https", "http"):
            raise ProviderAway(f"the sign-in service's own description has no {name}")
        return value


@dataclass(frozen=True, slots=True)
class _Keys:
    """The provider's public keys, as of `asked_at`."""

    keys: KeySet
    asked_at: datetime


class OidcClient:
    """Belongs to one event loop; `close` it."""

    def __init__(self, registration: Registration, clock: Clock) -> None:
        self.issuer = registration.issuer
        self._registration = registration
        self._clock = clock
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE.total_seconds()))
        self._discovering = asyncio.Lock()
        self._provider: _Provider | None = None
        self._failed_at: datetime | None = None
        self._keys: _Keys | None = None

    async def close(self) -> None:
        await self._http.close()

    async def authorization_url(self, attempt: Attempt, redirect_uri: str) -> str:
        """Where the browser is to go. Raises `ProviderAway`."""
        provider = await self._discover()
        url: str = prepare_grant_uri(
            provider.address("authorization_endpoint"),
            self._registration.client_id,
            "code",
            redirect_uri,
            self._registration.scopes,
            attempt.state,
            nonce=attempt.nonce,
            code_challenge=create_s256_code_challenge(attempt.verifier),
            code_challenge_method="S256",
        )
        return url

    async def identify(self, attempt: Attempt, redirect_uri: str, answer: Mapping[str, str]) -> Claims:
        """Who it is, by the query that the provider sent the browser back with.

        The caller has compared the state. Raises `OidcFailed`, `ProviderAway`.
        """
        provider = await self._discover()
        self._refuse_another_issuer(provider, answer.get("iss"))
        if "error" in answer:
            told = answer.get("error_description") or answer["error"]
            raise OidcFailed(f"the sign-in service refused: {told[:200]}")
        if not answer.get("code"):
            raise OidcFailed("the sign-in service sent no code")
        tokens = await self._redeem(provider, attempt, redirect_uri, answer["code"])
        claims = await self._checked(provider, attempt, tokens)
        wanted = (self._registration.name_claim, self._registration.groups_claim)
        if any(name not in claims for name in wanted):
            claims = await self._with_userinfo(provider, claims, tokens)
        return self._claims(claims)

    async def _discover(self) -> _Provider:
        async with self._discovering:  # who comes meanwhile waits for the same answer
            now = self._clock.now()
            if self._provider is not None and now - self._provider.asked_at < REMEMBERED:
                return self._provider
            if self._failed_at is not None and now - self._failed_at < LEFT_ALONE:
                raise ProviderAway(f"{self.issuer} did not answer just now, and was not asked again")
            url = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
            self._failed_at = now  # until it has answered
            status, document = await self._ask("GET", url)
            if status != 200 or document.get("issuer") != self.issuer:
                raise ProviderAway(f"{url} is not the description of {self.issuer} (status {status})")
            self._failed_at, self._provider = None, _Provider(document, now)
            return self._provider

    def _refuse_another_issuer(self, provider: _Provider, issuer: str | None) -> None:
        """RFC 9207: an answer of another provider must not be taken for this one's."""
        must = provider.document.get("authorization_response_iss_parameter_supported") is True
        if (issuer is None and must) or (issuer is not None and issuer != self.issuer):
            raise OidcFailed("the answer comes from another sign-in service")

    async def _redeem(
        self, provider: _Provider, attempt: Attempt, redirect_uri: str, code: str
    ) -> Mapping[str, Any]:
        body = prepare_token_request(
            "authorization_code", redirect_uri=redirect_uri, code=code, code_verifier=attempt.verifier
        )
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        url, headers, body = self._client_auth(provider).prepare(
            "POST", provider.address("token_endpoint"), headers, body
        )
        status, tokens = await self._ask("POST", url, headers, body)
        if status != 200:
            told = tokens.get("error_description") or tokens.get("error") or f"status {status}"
            raise OidcFailed(f"the sign-in service did not accept its own code: {str(told)[:200]}")
        return tokens

    def _client_auth(self, provider: _Provider) -> ClientAuth:
        client_id, secret = self._registration.client_id, self._registration.client_secret
        if secret is None:
            return ClientAuth(client_id, None, "none")
        ways = provider.document.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        if "client_secret_basic" not in ways and "client_secret_post" in ways:
            return ClientAuth(client_id, secret, "client_secret_post")
        # RFC 6749 §2.3.1: encoded first, so that a colon in either does not part them.
        return ClientAuth(quote_plus(client_id), quote_plus(secret), "client_secret_basic")

    async def _checked(
        self, provider: _Provider, attempt: Attempt, tokens: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """The claims of an ID token that is the provider's, for us, for this attempt, and in time."""
        id_token, access_token = tokens.get("id_token"), tokens.get("access_token")
        if not isinstance(id_token, str):
            raise OidcFailed("the sign-in service sent no ID token")
        try:
            try:
                token = jwt.decode(id_token, await self._keys_of(provider), algorithms=ALGORITHMS)
            except (JoseError, ValueError):
                # Signed with a key that is newer than what we remember?
                token = jwt.decode(id_token, await self._keys_of(provider, anew=True), algorithms=ALGORITHMS)
            claims = CodeIDToken(
                token.claims,
                token.header,
                {
                    "iss": {"essential": True, "value": self.issuer},
                    "aud": {"essential": True, "value": self._registration.client_id},
                    "sub": {"essential": True},
                },
                {
                    "nonce": attempt.nonce,
                    "client_id": self._registration.client_id,
                    "access_token": access_token,
                },
            )
            claims.validate(int(self._clock.now().timestamp()), int(LEEWAY.total_seconds()))
        except (JoseError, ValueError, TypeError) as error:
            raise OidcFailed(f"what the sign-in service says of you does not hold: {error}") from error
        return dict(claims)

    async def _keys_of(self, provider: _Provider, *, anew: bool = False) -> KeySet:
        now, good_for = self._clock.now(), KEYS_ASKED_EVERY if anew else REMEMBERED
        if self._keys is not None and now - self._keys.asked_at < good_for:
            return self._keys.keys
        status, document = await self._ask("GET", provider.address("jwks_uri"))
        if status != 200:
            raise ProviderAway(f"the sign-in service's keys are not to be had (status {status})")
        try:
            self._keys = _Keys(KeySet.import_key_set(document), now)  # type: ignore[arg-type]
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise ProviderAway("the sign-in service's keys cannot be read") from error
        return self._keys.keys

    async def _with_userinfo(
        self, provider: _Provider, claims: Mapping[str, Any], tokens: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Some providers tell names and groups there only. Without it we go by what the ID token says."""
        if "userinfo_endpoint" not in provider.document or not isinstance(tokens.get("access_token"), str):
            return claims
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        status, told = await self._ask("GET", provider.address("userinfo_endpoint"), headers)
        if status != 200 or told.get("sub") != claims["sub"]:
            return claims
        return {**told, **claims}

    def _claims(self, claims: Mapping[str, Any]) -> Claims:
        name = claims.get(self._registration.name_claim) or claims.get("email") or ""
        told = claims.get(self._registration.groups_claim)
        listed = [told] if isinstance(told, str) else told
        groups = None
        if isinstance(listed, list):
            texts = [group for group in listed if isinstance(group, str) and 1 <= len(group) <= MAX_GROUP]
            groups = frozenset(texts[:MAX_GROUPS])
        return Claims(str(claims["sub"]), name if isinstance(name, str) else "", groups)

    async def _ask(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: str | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Status and JSON object; an empty one for an error without. Raises `ProviderAway`."""
        sent = {"Accept": "application/json", **(headers or {})}
        try:
            async with self._http.request(
                method, url, headers=sent, data=body, allow_redirects=False
            ) as answer:
                content = await answer.content.read(MAX_ANSWER + 1)
                while len(content) <= MAX_ANSWER and (more := await answer.content.read(MAX_ANSWER)):
                    content += more
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise ProviderAway(f"{method} {url}: {type(error).__name__} {error}") from error
        if answer.status >= 500 or len(content) > MAX_ANSWER:
            raise ProviderAway(f"{method} {url}: status {answer.status}, {len(content)} bytes")
        try:
            document = json.loads(content)
        except (ValueError, RecursionError):
            document = None
        if isinstance(document, dict):
            return answer.status, document
        if answer.status == 200:
            raise ProviderAway(f"{method} {url}: the answer is no JSON object")
        return answer.status, {}
