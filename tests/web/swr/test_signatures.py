"""What a signature has to be before a request counts, at a running server."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.web.swr.site import Key, Site, code_of, swr
from wherry.access.actions import Need
from wherry.identity.access_keys import set_key_disabled
from wherry.identity.users import set_disabled
from wherry.web.swr.routes import OPERATIONS, Operation

_PATH = "/v2/manage/namespaces"
_REFUSED = (401, "4010000")


def _at(when: datetime) -> dict[str, str]:
    return {"X-Sdk-Date": when.strftime("%Y%m%dT%H%M%SZ")}


def _body(name: str) -> bytes:
    return json.dumps({"namespace": name}).encode()


def _exists(site: Site, name: str) -> bool:
    request = swr.ListNamespacesRequest(namespace=name)
    return bool(site.admin.list_namespaces(request).namespaces)


def test_a_signed_request_is_answered_and_twice_the_same_one_too(site: Site, user: str):
    request = site.signed(site.key(user), "GET", _PATH)
    assert [site.send(request).status_code for _ in range(3)] == [200, 200, 200]


def test_a_wrong_secret(site: Site, user: str):
    key = site.key(user)
    wrong = Key(key.id, "x" * 40)
    assert code_of(site.send(site.signed(wrong, "GET", _PATH))) == _REFUSED


def test_an_unknown_key_is_refused_as_a_wrong_secret_is(site: Site, user: str):
    unknown = site.send(site.signed(Key("AKNOTTHERE0000000000", "x" * 40), "GET", _PATH))
    wrong = site.send(site.signed(Key(site.key(user).id, "x" * 40), "GET", _PATH))
    assert code_of(unknown) == _REFUSED
    assert unknown.content == wrong.content


@pytest.mark.parametrize("minutes", [-16, 16, -600, 600])
def test_a_skewed_clock(site: Site, user: str, minutes: int):
    headers = _at(datetime.now(UTC) + timedelta(minutes=minutes))
    answer = site.send(site.signed(site.key(user), "GET", _PATH, headers=headers))
    assert code_of(answer) == _REFUSED
    assert "signature expired" in answer.json()["error_msg"]


@pytest.mark.parametrize("minutes", [-14, 14])
def test_a_clock_that_is_a_little_off(site: Site, user: str, minutes: int):
    headers = _at(datetime.now(UTC) + timedelta(minutes=minutes))
    assert site.send(site.signed(site.key(user), "GET", _PATH, headers=headers)).status_code == 200


def test_a_changed_body(site: Site):
    signed = site.signed(site.key("admin"), "POST", _PATH, body=_body("honest"))
    headers = {**signed.headers, "content-length": str(len(_body("forged")))}
    forged = httpx.Request("POST", signed.url, headers=headers, content=_body("forged"))
    assert code_of(site.send(forged)) == _REFUSED
    assert not _exists(site, "forged")
    unsigned = site.signed(site.key("admin"), "POST", _PATH)
    headers = {**unsigned.headers, "content-length": str(len(_body("forged")))}
    added = httpx.Request("POST", unsigned.url, headers=headers, content=_body("forged"))
    assert code_of(site.send(added)) == _REFUSED
    assert not _exists(site, "forged")


@pytest.mark.parametrize("name", ["user-agent", "content-type", "x-sdk-date", "x-project-id", "host"])
def test_a_changed_header(site: Site, name: str):
    request = site.signed(site.key("admin"), "GET", _PATH, headers={"X-Project-Id": "p1"})
    value = (datetime.now(UTC) + timedelta(seconds=3)).strftime("%Y%m%dT%H%M%SZ")
    request.headers[name] = value if name == "x-sdk-date" else "other.example"
    assert code_of(site.send(request)) == _REFUSED


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_no_operation_takes_what_was_not_signed_so(site: Site, operation: Operation):
    """A wrong secret, a skewed clock, another body, another header; what is open to all takes all of them."""
    route = operation.route
    path, key = re.sub(r"\{\w+\}", "nothing", route.template), site.key("admin")
    wanted = (200, 404) if route.action.rule.need is Need.NOTHING else (401,)
    late = _at(datetime.now(UTC) - timedelta(minutes=16))
    body = b'{"namespace": "forged"}'
    honest = site.signed(key, route.method, path, body=b"{}")
    other_body = httpx.Request(
        route.method,
        honest.url,
        headers={**honest.headers, "content-length": str(len(body))},
        content=body,
    )
    other_header = site.signed(key, route.method, path)
    other_header.headers["user-agent"] = "other"
    for request in (
        site.signed(Key(key.id, "x" * 40), route.method, path),
        site.signed(key, route.method, path, headers=late),
        other_body,
        other_header,
    ):
        answer = site.send(request)
        assert answer.status_code in wanted
        if wanted == (401,):
            assert code_of(answer) == _REFUSED


def test_a_changed_query_or_path(site: Site, organization: str):
    request = site.signed(site.key("admin"), "GET", _PATH, {"namespace": organization})
    for url in (f"{_PATH}?namespace=other", _PATH, f"{_PATH}?namespace={organization}&filter=mode::visible"):
        changed = httpx.Request("GET", site.url + url, headers=request.headers)
        assert code_of(site.send(changed)) == _REFUSED
    changed = httpx.Request("GET", f"{site.url}{_PATH}/{organization}", headers=request.headers)
    assert code_of(site.send(changed)) == _REFUSED
    signed = site.signed(site.key("admin"), "GET", f"{_PATH}/{organization}")
    changed = httpx.Request("DELETE", signed.url, headers=signed.headers)
    assert code_of(site.send(changed)) == _REFUSED
    assert _exists(site, organization)


def test_a_signature_covers_host_and_date(site: Site):
    for name in ("host", "x-sdk-date"):
        request = site.signed(site.key("admin"), "GET", _PATH)
        authorization = request.headers["authorization"]
        request.headers["authorization"] = authorization.replace(f"{name};", "").replace(f";{name}", "")
        assert code_of(site.send(request)) == _REFUSED


def test_a_body_is_never_unsigned(site: Site):
    headers = {"X-Sdk-Content-Sha256": "UNSIGNED-PAYLOAD"}
    request = site.signed(site.key("admin"), "POST", _PATH, body=_body("unsigned"), headers=headers)
    assert code_of(site.send(request)) == _REFUSED
    assert not _exists(site, "unsigned")


def test_a_signed_header_that_comes_twice(site: Site):
    request = site.signed(site.key("admin"), "GET", _PATH, headers={"X-Project-Id": "p1"})
    twice = httpx.Request("GET", request.url, headers=[*request.headers.raw, (b"x-project-id", b"p2")])
    assert code_of(site.send(twice)) == _REFUSED


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic YWRtaW46YWRtaW4=",
        "Bearer abc",
        "SDK-HMAC-SHA256",
        "SDK-HMAC-SHA256 Access=A, SignedHeaders=host;x-sdk-date, Signature=zz",
        "V11-HMAC-SHA256 Credential=A/20260101/eu/swr, SignedHeaders=host, Signature=" + "0" * 64,
        "SDK-HMAC-SHA256 Access=" + "A" * 20 + ", SignedHeaders=;;;, Signature=" + "0" * 64,
    ],
)
def test_another_authorization(site: Site, authorization: str):
    headers = {"content-type": "application/json", **_at(datetime.now(UTC))}
    if authorization:
        headers["authorization"] = authorization
    assert code_of(httpx.get(site.url + _PATH, headers=headers)) == _REFUSED


def test_a_password_is_no_signature(site: Site):
    assert code_of(site.registry.get(_PATH)) == _REFUSED


def test_a_disabled_key_and_user_and_an_expired_key_are_told_why(site: Site, user: str):
    key = site.key(user)
    site.database.write_now(lambda tx: set_key_disabled(tx, key.id, True))
    refused = site.send(site.signed(key, "GET", _PATH))
    assert code_of(refused) == _REFUSED
    assert "disabled" in refused.json()["error_msg"]
    wrong = site.send(site.signed(Key(key.id, "x"), "GET", _PATH))
    assert "disabled" not in wrong.json()["error_msg"], "only who has the secret learns why"
    site.database.write_now(lambda tx: set_key_disabled(tx, key.id, False))
    assert site.send(site.signed(key, "GET", _PATH)).status_code == 200
    site.database.write_now(lambda tx: set_disabled(tx, user, True))
    assert "disabled" in site.send(site.signed(key, "GET", _PATH)).json()["error_msg"]
    expired = site.key("admin", expires_at=datetime.now(UTC) + timedelta(seconds=1))
    site.expire_key(expired)
    refused = site.send(site.signed(expired, "GET", _PATH))
    assert code_of(refused) == _REFUSED
    assert "expired" in refused.json()["error_msg"]


@pytest.mark.parametrize("megabytes", [1, 12])
def test_a_body_that_is_too_long(site: Site, megabytes: int):
    body = b'{"namespace": "' + b"x" * (megabytes * 1024 * 1024) + b'"}'
    request = site.signed(site.key("admin"), "POST", _PATH, body=body)
    assert code_of(site.send(request)) == (413, "4131001")


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b"null", b'"x"', b"3"])
def test_a_body_that_is_no_document(site: Site, body: bytes):
    request = site.signed(site.key("admin"), "POST", _PATH, body=body)
    assert code_of(site.send(request)) == (400, "4000014")
