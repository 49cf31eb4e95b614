"""The provider's client against a provider that lies: what it says of people is believed only with proof.

No real provider can be made to do this; that the client gets on with one: tests/web/console/test_oidc.py.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from tests.databases import FixedClock
from wherry.web.oidc import Attempt, Claims, OidcFailed, ProviderAway, Registration
from wherry.web.oidc_client import OidcClient

CLIENT = "wherry"
BACK = "https://registry.example/console/oidc/callback"
ANSWER = {"code": "the-code", "state": "the-state"}
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
EC = ECKey.generate_key("P-256", {"kid": "ec"})
FOREIGN = RSAKey.generate_key(2048, {"kid": "rsa"})


class Liar:
    """A provider whose every word a test can change. `asked` counts requests by path."""

    def __init__(self, clock: FixedClock) -> None:
        self.clock = clock
        self.issuer = ""
        self.document: dict[str, Any] = {}
        self.keys = KeySet([RSA, EC]).as_dict(private=False)
        self.tokens: dict[str, Any] = {}
        self.userinfo: dict[str, Any] = {}
        self.answers: dict[str, web.Response] = {}
        self.asked: dict[str, int] = {}
        self.form: dict[str, Any] = {}
        self.authorization = ""

    async def handle(self, request: web.Request) -> web.Response:
        path = request.path.rpartition("/")[2]
        self.asked[path] = self.asked.get(path, 0) + 1
        if path in self.answers:
            return self.answers[path]
        if path == "token":
            self.form = dict(await request.post())
            self.authorization = request.headers.get("authorization", "")
        document = {
            "openid-configuration": self.document,
            "keys": self.keys,
            "token": self.tokens,
            "userinfo": self.userinfo,
        }[path]
        return web.json_response(document)

    def claims(self, attempt: Attempt, **others: Any) -> dict[str, Any]:
        now = int(self.clock.now().timestamp())
        said: dict[str, Any] = {"iss": self.issuer, "aud": CLIENT, "sub": "4711", "nonce": attempt.nonce}
        said |= {"iat": now, "exp": now + 300}
        told = {"preferred_username": "ann", "groups": ["dev"]}
        return {name: value for name, value in {**said, **told, **others}.items() if value is not None}

    def gives(
        self, attempt: Attempt, key: Any = RSA, header: dict[str, Any] | None = None, **others: Any
    ) -> None:
        """The token that the next code is worth."""
        top = header or {"alg": "RS256", "kid": "rsa"}
        self.tokens["id_token"] = jwt.encode(top, self.claims(attempt, **others), key, [top["alg"]])


@pytest.fixture
async def liar(clock: FixedClock) -> AsyncIterator[Liar]:
    provider = Liar(clock)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", provider.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    provider.issuer = f"http://127.0.0.1:{runner.addresses[0][1]}"
    provider.document = {
        "issuer": provider.issuer,
        "authorization_endpoint": f"{provider.issuer}/authorize",
        "token_endpoint": f"{provider.issuer}/token",
        "jwks_uri": f"{provider.issuer}/keys",
        "userinfo_endpoint": f"{provider.issuer}/userinfo",
    }
    provider.tokens = {"access_token": "access", "token_type": "Bearer"}
    yield provider
    await runner.cleanup()


def registration(liar: Liar, **others: Any) -> Registration:
    chosen: dict[str, Any] = {
        "issuer": liar.issuer,
        "client_id": CLIENT,
        "client_secret": "s: %",
        "scopes": "openid",
        "name_claim": "preferred_username",
        "groups_claim": "groups",
        **others,
    }
    return Registration(**chosen)


@pytest.fixture
async def client(liar: Liar, clock: FixedClock) -> AsyncIterator[OidcClient]:
    opened = OidcClient(registration(liar), clock)
    yield opened
    await opened.close()


@pytest.fixture
def attempt() -> Attempt:
    return Attempt.new()


async def test_what_is_proved_is_believed(client: OidcClient, liar: Liar, attempt: Attempt) -> None:
    liar.gives(attempt)
    assert await client.identify(attempt, BACK, ANSWER) == Claims("4711", "ann", frozenset({"dev"}))
    assert liar.form == {
        "grant_type": "authorization_code",
        "code": "the-code",
        "redirect_uri": BACK,
        "code_verifier": attempt.verifier,
    }
    # The id and the secret are encoded before they are joined by a colon (RFC 6749 §2.3.1).
    assert base64.b64decode(liar.authorization.removeprefix("Basic ")) == b"wherry:s%3A+%25"


async def test_a_client_without_a_secret_says_its_name_only(
    liar: Liar, clock: FixedClock, attempt: Attempt
) -> None:
    client = OidcClient(registration(liar, client_secret=None), clock)
    liar.gives(attempt)
    await client.identify(attempt, BACK, ANSWER)
    await client.close()
    assert (liar.form["client_id"], liar.authorization) == (CLIENT, "")


async def test_a_provider_that_wants_the_secret_in_the_form_gets_it_there(
    client: OidcClient, liar: Liar, attempt: Attempt
) -> None:
    liar.document["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    liar.gives(attempt)
    await client.identify(attempt, BACK, ANSWER)
    assert (liar.form["client_secret"], liar.authorization) == ("s: %", "")


async def test_other_kinds_of_signatures_are_read(client: OidcClient, liar: Liar, attempt: Attempt) -> None:
    liar.gives(attempt, EC, {"alg": "ES256", "kid": "ec"})
    assert (await client.identify(attempt, BACK, ANSWER)).subject == "4711"


@pytest.mark.parametrize(
    "others",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "another"},
        {"aud": None},
        {"aud": [CLIENT, "another"]},  # and nobody says for whom of both
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"sub": None},
        {"nonce": "another"},
        {"nonce": None},
        {"exp": None},
        {"exp": 1_000_000_000},
        {"exp": "soon"},
        {"iat": None},
        {"iat": 4_000_000_000},
        {"nbf": 4_000_000_000},
        {"at_hash": "of-another-token"},
    ],
    ids=str,
)
async def test_a_token_that_is_not_for_us_here_and_now_is_refused(
    client: OidcClient, liar: Liar, attempt: Attempt, others: dict[str, Any]
) -> None:
    liar.gives(attempt, **others)
    with pytest.raises(OidcFailed):
        await client.identify(attempt, BACK, ANSWER)


def by_hand(algorithm: str, claims: dict[str, Any], secret: bytes | None = None) -> str:
    """A token as libraries refuse to make it: unsigned, or signed with what everybody knows."""

    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).decode().rstrip("=")

    header = {"alg": algorithm, "kid": "rsa"}
    text = f"{part(json.dumps(header).encode())}.{part(json.dumps(claims).encode())}"
    return f"{text}.{'' if secret is None else part(hmac.digest(secret, text.encode(), hashlib.sha256))}"


async def test_a_token_without_the_providers_signature_is_refused(
    client: OidcClient, liar: Liar, attempt: Attempt
) -> None:
    liar.gives(attempt, FOREIGN)
    foreign = liar.tokens["id_token"]
    liar.gives(attempt, FOREIGN, {"alg": "RS256", "kid": "unknown"})
    unknown = liar.tokens["id_token"]
    liar.gives(attempt)
    good = liar.tokens["id_token"]
    claims = liar.claims(attempt)
    for forged in (
        foreign,
        unknown,
        by_hand("HS256", claims, RSA.as_pem(private=False)),
        by_hand("HS256", claims, b"s: %"),
        by_hand("none", claims),
        by_hand("None", claims),
        good.rpartition(".")[0] + ".",
        good[:-4] + ("AAAA" if good[-4:] != "AAAA" else "BBBB"),
        "",
        "x",
        "a.b.c",
        "é.é.é",
        5,
        None,
    ):
        liar.tokens["id_token"] = forged
        with pytest.raises(OidcFailed):
            await client.identify(attempt, BACK, ANSWER)


async def test_made_up_keys_do_not_have_the_provider_asked_each_time(
    client: OidcClient, liar: Liar, clock: FixedClock, attempt: Attempt
) -> None:
    liar.gives(attempt, FOREIGN, {"alg": "RS256", "kid": "unknown"})
    for _ in range(5):
        with pytest.raises(OidcFailed):
            await client.identify(attempt, BACK, ANSWER)
    assert liar.asked["keys"] == 1
    clock.move(seconds=10)
    liar.keys = KeySet([FOREIGN]).as_dict(private=False)
    liar.gives(attempt, FOREIGN)
    assert (await client.identify(attempt, BACK, ANSWER)).subject == "4711"
    assert liar.asked["keys"] == 2


async def test_the_description_is_asked_for_once_an_hour(
    client: OidcClient, liar: Liar, clock: FixedClock, attempt: Attempt
) -> None:
    for _ in range(3):
        await client.authorization_url(attempt, BACK)
    assert liar.asked["openid-configuration"] == 1
    clock.move(hours=1)
    await client.authorization_url(attempt, BACK)
    assert liar.asked["openid-configuration"] == 2


@pytest.mark.parametrize(
    "answer",
    [
        lambda: web.json_response({"issuer": "https://evil.example"}),
        lambda: web.json_response([]),
        lambda: web.json_response({}, status=404),
        lambda: web.Response(status=500),
        lambda: web.Response(status=302, headers={"location": "/keys"}),
        lambda: web.Response(text="<html>"),
        lambda: web.Response(body=b"[" * 100_000),
        lambda: web.Response(body=b" " * 2_000_000),
    ],
)
@pytest.mark.parametrize("path", ["openid-configuration", "keys", "token"])
async def test_what_is_no_provider_is_told_as_such(
    client: OidcClient, liar: Liar, attempt: Attempt, path: str, answer: Any
) -> None:
    liar.gives(attempt)
    liar.answers[path] = answer()
    with pytest.raises(OidcFailed):
        await client.identify(attempt, BACK, ANSWER)


@pytest.mark.parametrize(
    "change",
    [
        {"authorization_endpoint": None},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": ["https://id.example"]},
    ],
)
async def test_a_description_that_lacks_what_is_needed(
    client: OidcClient, liar: Liar, attempt: Attempt, change: dict[str, Any]
) -> None:
    liar.document.update(change)
    with pytest.raises(ProviderAway):
        await client.authorization_url(attempt, BACK)


async def test_an_answer_without_the_issuer_is_refused_where_the_provider_always_names_it(
    client: OidcClient, liar: Liar, attempt: Attempt
) -> None:
    liar.document["authorization_response_iss_parameter_supported"] = True
    liar.gives(attempt)
    with pytest.raises(OidcFailed, match="another sign-in service"):
        await client.identify(attempt, BACK, ANSWER)
    assert (await client.identify(attempt, BACK, {**ANSWER, "iss": liar.issuer})).subject == "4711"


async def test_what_the_token_does_not_tell_is_asked_for_about_the_same_person(
    client: OidcClient, liar: Liar, attempt: Attempt
) -> None:
    liar.gives(attempt, preferred_username=None, groups=None)
    liar.userinfo = {"sub": "4711", "preferred_username": "ann", "groups": ["ops"]}
    assert await client.identify(attempt, BACK, ANSWER) == Claims("4711", "ann", frozenset({"ops"}))
    liar.userinfo["sub"] = "somebody else"
    assert await client.identify(attempt, BACK, ANSWER) == Claims("4711", "", None)


async def test_what_the_token_tells_is_not_told_otherwise(
    client: OidcClient, liar: Liar, attempt: Attempt
) -> None:
    liar.gives(attempt, groups=None)
    liar.userinfo = {"sub": "4711", "preferred_username": "eve", "groups": ["ops"]}
    assert await client.identify(attempt, BACK, ANSWER) == Claims("4711", "ann", frozenset({"ops"}))


@pytest.mark.parametrize(
    ("groups", "read"),
    [
        ("dev", frozenset({"dev"})),
        ([], frozenset()),
        (["dev", 5, None, "", "x" * 300, ["ops"]], frozenset({"dev"})),
        ({"dev": True}, None),
        (5, None),
    ],
)
async def test_groups_are_texts(
    client: OidcClient, liar: Liar, attempt: Attempt, groups: Any, read: frozenset[str] | None
) -> None:
    liar.gives(attempt, groups=groups)
    assert (await client.identify(attempt, BACK, ANSWER)).groups == read


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"preferred_username": None, "email": "ann@example.com"}, "ann@example.com"),
        ({"preferred_username": ["ann"]}, ""),
        ({"preferred_username": None}, ""),
    ],
)
async def test_names_are_suggestions(
    client: OidcClient, liar: Liar, attempt: Attempt, claims: dict[str, Any], name: str
) -> None:
    liar.gives(attempt, **claims)
    liar.userinfo = {"sub": "4711"}
    assert (await client.identify(attempt, BACK, ANSWER)).name == name


async def test_a_provider_that_is_away(clock: FixedClock, liar: Liar, attempt: Attempt) -> None:
    client = OidcClient(registration(liar, issuer="http://127.0.0.1:1"), clock)
    with pytest.raises(ProviderAway):
        await client.authorization_url(attempt, BACK)
    await client.close()


async def test_a_provider_that_was_away_is_left_alone_for_a_while(
    client: OidcClient, liar: Liar, clock: FixedClock, attempt: Attempt
) -> None:
    liar.answers["openid-configuration"] = web.Response(status=503)
    for _ in range(3):
        with pytest.raises(ProviderAway):
            await client.authorization_url(attempt, BACK)
    assert liar.asked["openid-configuration"] == 1
    del liar.answers["openid-configuration"]
    clock.move(seconds=5)
    assert await client.authorization_url(attempt, BACK)


async def test_who_comes_while_the_provider_is_asked_waits_for_the_same_answer(
    client: OidcClient, liar: Liar, attempt: Attempt
) -> None:
    await asyncio.gather(*(client.authorization_url(attempt, BACK) for _ in range(20)))
    assert liar.asked["openid-configuration"] == 1


async def test_a_clock_that_is_a_little_off_is_forgiven(
    client: OidcClient, liar: Liar, clock: FixedClock, attempt: Attempt
) -> None:
    now = int(clock.now().timestamp())
    liar.gives(attempt, iat=now + 50, exp=now + 300)
    assert (await client.identify(attempt, BACK, ANSWER)).subject == "4711"
    clock.move(seconds=timedelta(seconds=355).total_seconds())
    assert (await client.identify(attempt, BACK, ANSWER)).subject == "4711"
    clock.move(seconds=10)
    with pytest.raises(OidcFailed):
        await client.identify(attempt, BACK, ANSWER)
