"""Secrets in every form in which a registry meets them, none of which may reach a log line."""

from __future__ import annotations

import base64
import time

import pytest

from wherry.observability.redaction import is_secret_name, redact

JWT = "eyJhbGciOiJFUzI1NiIsImtpZCI6IjEifQ.eyJzdWIiOiJhZG1pbiJ9.c2lnbmF0dXJlLXNpZ25hdHVyZQ"
BASIC = base64.b64encode(b"admin:hunter2hunter2").decode()


@pytest.mark.parametrize(
    "line",
    [
        f"Authorization: Basic {BASIC}",
        f"authorization: bearer {JWT}",
        "Authorization: Digest username=x, response=hunter2",
        f"headers [(b'host', b'x'), (b'authorization', b'Basic {BASIC}')]",
        f"{{'authorization': 'Bearer {JWT}'}}",
        f'{{"Authorization": "Basic {BASIC}"}}',
        f"got Basic {BASIC} from the client",
        f"raw token {JWT} refused",
        "login failed password=hunter2hunter2",
        'body {"username": "admin", "password": "hunter2 hunter2 three"}',
        "POST /token grant_type=password&username=admin&password=hunter2hunter2&scope=x",
        "grant_type=refresh_token&refresh_token=hunter2hunter2",
        'answer {"token":"hunter2hunter2","access_token":"hunter2hunter2","expires_in":300}',
        "connecting to postgresql://wherry:hunter2hunter2@db.example:5432/wherry",
        "GET https://admin:hunter2@registry.example/v2/ failed",
        "WHERRY_ADMIN_PASSWORD=hunter2hunter2 in the environment",
        "secret_access_key='hunter2hunter2'",
        "store secret: hunter2hunter2",
        "302 https://s3.example/b/x?X-Amz-Credential=hunter2&X-Amz-Signature=hunter2hunter2&X-Amz-Expires=60",
        "https://a.blob.example/c/x?sp=r&sig=hunter2hunter2%3D",
        "Cookie: session=hunter2hunter2",
        "api_key=hunter2hunter2, api-key: hunter2hunter2",
        "client_secret=hunter2hunter2",
        "password='hunter2\\'hunter2'",
        "-----BEGIN EC PRIVATE KEY-----\nhunter2hunter2\n-----END EC PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nhunter2hunter2",
        r"{\"password\": \"hunter2hunter2\"}",
    ],
)
def test_no_secret_survives(line: str):
    redacted = redact(line)
    assert "hunter2" not in redacted
    assert BASIC not in redacted
    assert JWT not in redacted
    assert JWT.split(".")[1] not in redacted
    assert "***" in redacted


@pytest.mark.parametrize(
    "line",
    [
        "GET /v2/acme/web/manifests/1.4 200 1.2ms request_id=01J",
        "repository acme/token-service: tag secret-santa pushed",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "upload 0193c2f1 expired after 1d",
        "https://registry.example:5000/v2/ answered 200",
        "the password of admin was changed",
        "basic or bearer",
        "token endpoint answered 401",
    ],
)
def test_a_line_without_a_secret_is_left_as_it_is(line: str):
    assert redact(line) == line


def test_what_stands_beside_a_secret_is_kept():
    assert redact("user=admin password=hunter2 status=401") == "user=admin password=*** status=401"
    assert (
        redact('{"username":"admin","password":"x y","n":1}') == '{"username":"admin","password":"***","n":1}'
    )


def test_a_long_line_is_redacted_in_linear_time():
    """A client's text reaches the patterns. Quadratic time would take minutes for a text of this length."""
    units = (
        "a-",
        "password",
        "password ",
        "eyJa",
        "eyJa-",
        "a://",
        "a:",
        "'\"",
        "token=",
        'token="',
        "b'",
        "\\",
        " ",
    )
    for unit in (
        *units,
        "-----BEGIN PRIVATE KEY",
        "-----BEGIN PRIVATE KEY-----",
        "basic ",
        "token, '",
        "a://b:",
    ):
        started = time.process_time()
        redact(unit * (200_000 // len(unit)))
        assert time.process_time() - started < 5.0, unit


@pytest.mark.parametrize(
    "name", ["password", "Authorization", "access_token", "client_secret", "X-Amz-Signature"]
)
def test_names_whose_values_are_secret(name: str):
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["repository", "tag", "user", "digest", "seconds"])
def test_names_whose_values_are_not_secret(name: str):
    assert not is_secret_name(name)
