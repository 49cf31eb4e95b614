"""Registry tokens: who may use them, for how long, and that nothing in them chooses how they are checked."""

import base64
import json
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.databases import Do, FixedClock
from wherry.access import tokens as module
from wherry.access.actions import Verb
from wherry.access.scopes import parse_scopes
from wherry.access.signing_keys import ensure_signing_key, load_signing_keys
from wherry.access.tokens import InvalidToken, RegistryTokens
from wherry.kit.secrets import Sealer, UnreadableSecret, new_master_key
from wherry.oci.names import RepositoryName

FIVE = timedelta(minutes=5)
OLD, NEW = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
ASKED = parse_scopes(["repository:acme/web:pull,push", "repository:acme/api:", "registry:catalog:*"])


@pytest.fixture
def tokens(clock: FixedClock) -> RegistryTokens:
    return RegistryTokens({"old": OLD, "new": NEW}, "wherry", FIVE, clock)


@pytest.fixture
def issued(tokens: RegistryTokens, clock: FixedClock) -> str:
    return tokens.issue(7, ASKED, clock.now())


def payload(token: str) -> dict[str, Any]:
    document: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return document


def forged(
    issued: str, key: Any = NEW, kid: str | None = "new", algorithm: str = "EdDSA", **claims: Any
) -> str:
    changed = {**payload(issued), **claims}
    changed = {name: value for name, value in changed.items() if value is not None}
    return jwt.encode(changed, key, algorithm=algorithm, headers={"kid": kid} if kid else None)


def test_a_token_says_what_was_granted(tokens: RegistryTokens, issued: str, clock: FixedClock) -> None:
    for _ in range(2):  # the second is remembered
        claims = tokens.check(issued)
        assert claims.user_id == 7
        assert claims.grant is not None
        assert claims.grant.repositories == {RepositoryName("acme/web"): frozenset({Verb.PULL, Verb.PUSH})}
        assert claims.grant.catalog
        assert claims.expires_at == clock.now() + FIVE


def test_an_api_token_grants_nothing_by_itself_and_names_its_user(
    tokens: RegistryTokens, clock: FixedClock
) -> None:
    token = tokens.issue_for_api(7, clock.now(), timedelta(minutes=20), "AK")
    claims = tokens.check(token)
    assert (claims.user_id, claims.key_id, claims.grant) == (7, "AK", None)
    assert claims.issued_at == clock.now()
    assert claims.expires_at == clock.now() + timedelta(minutes=20)
    endless = tokens.check(tokens.issue_for_api(7, clock.now(), timedelta(days=9)))
    assert endless.expires_at == clock.now() + timedelta(hours=1)


@pytest.mark.parametrize("claims", [{"sub": ""}, {"iat": "soon"}, {"use": "any"}])
def test_an_api_token_that_lacks_something_is_none(
    tokens: RegistryTokens, clock: FixedClock, claims: dict[str, Any]
) -> None:
    issued = tokens.issue_for_api(7, clock.now(), FIVE)
    with pytest.raises(InvalidToken):
        tokens.check(forged(issued, **claims))


def test_a_token_for_nobody(tokens: RegistryTokens, clock: FixedClock) -> None:
    assert tokens.check(tokens.issue(None, parse_scopes([]), clock.now())).user_id is None


def test_the_newest_key_signs_and_older_ones_still_open(
    tokens: RegistryTokens, clock: FixedClock, issued: str
) -> None:
    assert jwt.get_unverified_header(issued)["kid"] == "new"
    before = RegistryTokens({"old": OLD}, "wherry", FIVE, clock).issue(7, ASKED, clock.now())
    assert tokens.check(before).user_id == 7


@pytest.mark.parametrize("remembered", [True, False])
def test_a_token_ends(tokens: RegistryTokens, issued: str, clock: FixedClock, remembered: bool) -> None:
    if remembered:
        tokens.check(issued)
    clock.move(minutes=4, seconds=59)
    if remembered:
        tokens.check(issued)
    clock.move(seconds=1)
    for _ in range(2):
        with pytest.raises(InvalidToken):
            tokens.check(issued)


def test_a_replica_whose_clock_is_a_little_behind_takes_it(tokens: RegistryTokens, clock: FixedClock) -> None:
    ahead = tokens.issue(7, ASKED, clock.now() + timedelta(seconds=8))
    assert tokens.check(ahead).user_id == 7
    with pytest.raises(InvalidToken):
        tokens.check(tokens.issue(7, ASKED, clock.now() + timedelta(seconds=11)))


def test_another_service_is_not_served(tokens: RegistryTokens, clock: FixedClock) -> None:
    other = RegistryTokens({"new": NEW}, "another", FIVE, clock).issue(7, ASKED, clock.now())
    with pytest.raises(InvalidToken):
        tokens.check(other)


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "another"},
        {"aud": None},
        {"iss": "another"},
        {"exp": None},
        {"nbf": None},
        {"sub": None},
        {"sub": "root"},
        {"access": None},
        {"access": [{"type": "repository", "name": "UPPER", "actions": ["pull"]}]},
        {"access": [{"type": "repository", "name": "acme/web", "actions": ["everything"]}]},
        {"access": ["x"]},
        {"key": OLD},
        {"key": Ed25519PrivateKey.generate()},
        {"kid": "unknown"},
        {"kid": None},
        {"key": "a shared secret that is long enough", "algorithm": "HS256"},
        {"key": NEW.public_key().public_bytes_raw(), "algorithm": "HS256"},
        {"key": None, "algorithm": "none"},
    ],
)
def test_what_we_did_not_sign_so_is_refused(
    tokens: RegistryTokens, issued: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(InvalidToken):
        tokens.check(forged(issued, **changes))


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "\0", "\udcff", "e30.e30.e30", "x" * 100_000])
def test_what_is_no_token_is_refused(tokens: RegistryTokens, text: str) -> None:
    with pytest.raises(InvalidToken):
        tokens.check(text)


def test_a_changed_byte_anywhere_is_refused(tokens: RegistryTokens, issued: str) -> None:
    tokens.check(issued)
    header, body, signature = issued.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims["sub"] = "1"
    other = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    for token in (f"{header}.{other}.{signature}", f"{header}.{body}.{signature[::-1]}", f"{header}.{body}."):
        with pytest.raises(InvalidToken):
            tokens.check(token)


def test_the_memory_is_bounded(
    tokens: RegistryTokens, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_REMEMBERED", 5)
    for number in range(20):
        tokens.check(tokens.issue(number, ASKED, clock.now()))
    assert len(tokens._known) == 5


def test_the_first_key_is_made_once_and_sealed(do: Do, clock: FixedClock) -> None:
    sealer = Sealer(new_master_key())
    for _ in range(2):
        do(ensure_signing_key, sealer, clock.move(seconds=1))
    (kid,) = keys = do(load_signing_keys, sealer)
    assert RegistryTokens(keys, "wherry", FIVE, clock).issue(1, ASKED, clock.now())
    assert kid
    with pytest.raises(UnreadableSecret):
        do(load_signing_keys, Sealer(new_master_key()))
