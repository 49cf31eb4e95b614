"""Registry tokens that were forged, changed, kept too long, or used for what they do not say."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.security.registry import GUEST, PRIVATE, PUBLIC, Registry, code_of
from wherry.access.signing_keys import load_signing_keys
from wherry.db.database import Database
from wherry.kit.secrets import Sealer

TARGET = f"/v2/{PRIVATE}/tags/list"


@pytest.fixture(scope="module")
def signing_key(registry: Registry) -> tuple[str, Ed25519PrivateKey]:
    """The server's own, from its data folder: to sign what it would never sign."""
    sealer = Sealer((registry.server.data / "master.key").read_text().strip())
    database = Database(f"sqlite:///{registry.server.data / 'wherry.db'}")
    try:
        keys = database.read_now(lambda tx: load_signing_keys(tx, sealer))
    finally:
        database.close()
    return next(reversed(keys.items()))


def claims(**changes: Any) -> dict[str, Any]:
    """Those of a good token of the first user."""
    now = int(time.time())
    good = {
        "iss": "wherry",
        "sub": "1",
        "aud": "wherry",
        "iat": now,
        "nbf": now - 10,
        "exp": now + 300,
        "jti": "x" * 32,
        "access": [{"type": "repository", "name": PRIVATE, "actions": ["pull"]}],
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def encoded(part: Any) -> str:
    text = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def refused(registry: Registry, token: str) -> None:
    for target in (TARGET, f"/v2/{PUBLIC}/tags/list", "/v2/", "/token?service=wherry"):
        answer = registry.ask("GET", target, token)
        assert (answer.status_code, code_of(answer)) == (401, "UNAUTHORIZED"), target
        assert answer.json()["errors"][0]["message"] == "the token is not valid; log in again"


@pytest.mark.vulnerability("Trust in a token's header")
def test_a_token_that_the_server_would_sign_is_accepted(registry: Registry, signing_key):
    """Otherwise the refusals below would prove nothing."""
    kid, key = signing_key
    token = jwt.encode(claims(), key, algorithm="EdDSA", headers={"kid": kid})
    assert registry.ask("GET", TARGET, token).status_code == 200


@pytest.mark.vulnerability("Trust in a token's header")
@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", None, 0, [], {}, "EdDSA"])
def test_a_token_without_a_signature_is_refused(registry: Registry, signing_key, algorithm):
    header = encoded({"alg": algorithm, "typ": "JWT", "kid": signing_key[0]})
    for signature in ("", encoded(b""), encoded(b"\0" * 64)):
        refused(registry, f"{header}.{encoded(claims())}.{signature}")
    refused(registry, f"{header}.{encoded(claims())}")


@pytest.mark.vulnerability("Trust in a token's header")
@pytest.mark.parametrize("algorithm", ["HS256", "HS512"])
def test_the_public_key_is_no_shared_secret(registry: Registry, signing_key, algorithm):
    kid, key = signing_key
    public = key.public_key()
    header = encoded({"alg": algorithm, "typ": "JWT", "kid": kid})
    signed = f"{header}.{encoded(claims())}"
    secrets = [
        public.public_bytes_raw(),
        public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo),
        base64.b64encode(public.public_bytes_raw()),
        b"",
    ]
    for secret in secrets:
        digest = hashlib.sha256 if algorithm == "HS256" else hashlib.sha512
        refused(registry, f"{signed}.{encoded(hmac.digest(secret, signed.encode(), digest))}")


@pytest.mark.vulnerability("Trust in a token's header")
@pytest.mark.parametrize("own_kid", [True, False], ids=["the server's kid", "another kid"])
def test_a_key_that_comes_with_the_token_is_not_believed(registry: Registry, signing_key, own_kid):
    """jwk is CVE-2025-24976; the others are its siblings."""
    mine = Ed25519PrivateKey.generate()
    point = encoded(mine.public_key().public_bytes_raw())
    kid = signing_key[0] if own_kid else "mine"
    public = {"kty": "OKP", "crv": "Ed25519", "x": point, "kid": kid, "use": "sig", "alg": "EdDSA"}
    where = f"{registry.server.url}/v2/"
    tricks: list[dict[str, Any]] = [
        {},
        {"jwk": public},
        {"jku": where},
        {"x5u": where},
        {"x5c": [base64.b64encode(mine.public_key().public_bytes_raw()).decode()]},
        {"crit": ["jwk"], "jwk": public},
        {"b64": False, "crit": ["b64"]},
    ]
    for trick in tricks:
        refused(registry, jwt.encode(claims(), mine, algorithm="EdDSA", headers={"kid": kid, **trick}))


@pytest.mark.vulnerability("Trust in a token's header")
@pytest.mark.parametrize(
    "kid",
    [None, "", "../../etc/passwd", "/dev/null", "' OR '1'='1", {"a": 1}, ["x"], 0, "x" * 5000, "\ud800"],
    ids=repr,
)
def test_a_key_id_that_is_not_ours_is_refused(registry: Registry, signing_key, kid):
    header = encoded({"alg": "EdDSA", "typ": "JWT"} | ({} if kid is None else {"kid": kid}))
    signed = f"{header}.{encoded(claims())}"
    refused(registry, f"{signed}.{encoded(signing_key[1].sign(signed.encode()))}")


@pytest.mark.vulnerability("Trust in a token's header")
@pytest.mark.parametrize(
    "changes",
    [
        {"exp": int(time.time()) - 1},
        {"exp": None},
        {"nbf": int(time.time()) + 3600},
        {"aud": "another-registry"},
        {"aud": None},
        {"iss": "somebody"},
        {"iss": None},
        {"sub": "999999"},
        {"sub": "admin"},
        {"sub": None},
        {"sub": 1},
        {"access": None},
        {"access": "repository:*:*"},
        {"access": [{"type": "repository", "name": "../x", "actions": ["pull"]}]},
        {"access": [{"type": "repository", "name": PRIVATE, "actions": ["everything"]}]},
        {"exp": 10**30},
        {"exp": "soon"},
        {"access": [{"type": "repository", "name": PRIVATE, "actions": "pull"}]},
        {"access": ["pull"]},
        {"access": [{}]},
    ],
    ids=lambda changes: ",".join(changes),
)
def test_claims_that_the_server_never_makes_are_refused_even_if_signed(
    registry: Registry, signing_key, changes
):
    kid, key = signing_key
    refused(registry, jwt.encode(claims(**changes), key, algorithm="EdDSA", headers={"kid": kid}))


@pytest.mark.vulnerability("Trust in a token's header")
def test_a_changed_token_is_refused(registry: Registry):
    good = registry.token(registry.admin, f"repository:{PRIVATE}:pull")
    header, payload, signature = good.split(".")
    wider = json.loads(base64.urlsafe_b64decode(payload + "=="))
    wider["access"] = [{"type": "repository", "name": PRIVATE, "actions": ["delete", "pull", "push"]}]
    guest = registry.token(GUEST)
    for forged in (
        f"{header}.{encoded(wider)}.{signature}",
        f"{guest.split('.')[0]}.{payload}.{guest.split('.')[2]}",
        f"{header}.{payload}.{signature[:-4]}",
        f"{header}.{payload}.",
        f"{header}.{payload}.{signature}.{signature}",
        f"{good} {good}",
        good[:-1] + ("A" if good[-1] != "A" else "Q"),
        good.upper(),
    ):
        refused(registry, forged)
    assert registry.ask("GET", TARGET, good).status_code == 200


@pytest.mark.vulnerability("Trust in a token's header")
@pytest.mark.parametrize(
    "part", [b"[" * 9000, b'{"alg":' * 1500, b"\xff" * 100, b"", b"null", b"{" + b'"a":1,' * 1500]
)
def test_a_token_of_rubbish_is_refused(registry: Registry, part):
    refused(registry, f"{encoded(part)}.{encoded(claims())}.AA")
    refused(registry, f"{encoded({'alg': 'EdDSA', 'kid': 'x'})}.{encoded(part)}.AA")


@pytest.mark.vulnerability("Token scope bypass and replay")
def test_a_token_is_good_for_its_repository_and_verb_only(registry: Registry):
    token = registry.token(registry.admin, f"repository:{PRIVATE}:pull")
    assert registry.ask("GET", TARGET, token).status_code == 200
    for method, target in (
        ("GET", "/v2/scopes/other/tags/list"),
        ("GET", f"/v2/{PRIVATE}/x/tags/list"),
        ("GET", f"/v2/{PRIVATE.split('/')[0]}/tags/list"),
        ("GET", "/v2/_catalog"),
        ("POST", f"/v2/{PRIVATE}/blobs/uploads/"),
        ("PUT", f"/v2/{PRIVATE}/manifests/x"),
        ("DELETE", f"/v2/{PRIVATE}/manifests/image"),
    ):
        answer = registry.ask(method, target, token)
        assert answer.status_code == 401, target
        assert 'error="insufficient_scope"' in answer.headers["www-authenticate"], target


@pytest.mark.vulnerability("Token scope bypass and replay")
def test_a_token_buys_no_other_token(registry: Registry):
    """It bought one for everything that its user may, and so lived for ever."""
    for token in (
        registry.token(registry.admin, f"repository:{PRIVATE}:pull"),
        registry.token(registry.admin),
        registry.token(None, f"repository:{PUBLIC}:pull"),
    ):
        for query in (f"&scope=repository:{PRIVATE}:*", "&scope=registry:catalog:*", ""):
            answer = registry.ask("GET", f"/token?service=wherry{query}", token)
            assert (answer.status_code, code_of(answer)) == (401, "UNAUTHORIZED")
            assert 'token":' not in answer.text
        body = (
            f"grant_type=refresh_token&refresh_token={token}&service=wherry&scope=repository:{PRIVATE}:pull"
        )
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = registry.ask("POST", "/token", token, headers=headers, content=body.encode())
        assert answer.status_code == 400


@pytest.mark.vulnerability("Token scope bypass and replay")
def test_a_token_grants_no_more_than_its_user_has_now(registry: Registry, signing_key):
    """Even one that says more, such as one from before the user lost a right."""
    kid, key = signing_key
    guest = int(json.loads(base64.urlsafe_b64decode(registry.token(GUEST).split(".")[1] + "=="))["sub"])
    verbs = [{"type": "repository", "name": PRIVATE, "actions": ["pull", "push", "delete"]}]
    for subject in (str(guest), ""):
        token = jwt.encode(claims(sub=subject, access=verbs), key, algorithm="EdDSA", headers={"kid": kid})
        assert registry.ask("GET", TARGET, token).status_code in (401, 403)
        assert registry.ask("POST", f"/v2/{PRIVATE}/blobs/uploads/", token).status_code in (401, 403)


@pytest.mark.vulnerability("Token scope bypass and replay")
def test_a_token_is_no_password_and_a_password_no_token(registry: Registry):
    token = registry.token(registry.admin, f"repository:{PRIVATE}:pull")
    for login in (("admin", token), ("", token), ("<token>", token), registry.admin[1]):
        assert registry.ask("GET", TARGET, login).status_code == 401
    in_query = registry.ask(
        "GET", f"{TARGET}?access_token={token}&token={token}&Authorization=Bearer%20{token}"
    )
    assert in_query.status_code == 401
    assert (
        registry.ask("GET", TARGET, headers={"Cookie": f"token={token}", "X-Token": token}).status_code == 401
    )
