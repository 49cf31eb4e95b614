"""Private content asked for without rights, in every spelling of a path that somebody may have forgotten."""

from __future__ import annotations

import pytest

from tests.hostile.seeds import ARTIFACT, IMAGE, INDEX, digest_of
from tests.security.registry import (
    ABSENT_DIGEST,
    GUEST,
    PRIVATE,
    PUBLIC,
    SECRET_BLOB,
    SECRET_DIGEST,
    Registry,
)

NAME = PRIVATE
PLAIN_PATHS = (
    f"/v2/{NAME}/manifests/image",
    f"/v2/{NAME}/manifests/{digest_of(IMAGE)}",
    f"/v2/{NAME}/blobs/{SECRET_DIGEST}",
    f"/v2/{NAME}/tags/list",
    f"/v2/{NAME}/tags/list?n=1000&last=",
    f"/v2/{NAME}/referrers/{digest_of(IMAGE)}",
)
# What must not be in any answer; `tags` is the list's own field.
SECRETS = (SECRET_BLOB, IMAGE, ARTIFACT, INDEX, b'"tags"', b'"manifests"')


def spellings(path: str) -> list[str]:
    """The same path as proxies, frameworks and file systems might read it."""
    bare, separator, query = path.partition("?")
    rest = separator + query
    tail = bare.removeprefix("/v2/")
    changed = [
        bare,
        bare + "/",
        bare + "//",
        "/" + bare,
        bare.replace("/", "//"),
        bare.replace("/v2/", "/v2//"),
        bare.replace("/v2/", "//v2/"),
        bare.replace("/v2/", "/v2/./"),
        bare.replace("/v2/", "/./v2/"),
        bare.replace("/v2/", "/x/../v2/"),
        bare.replace("/v2/", f"/v2/{PUBLIC}/../../"),
        bare.replace("/v2/", f"/v2/{PUBLIC}/%2e%2e/%2e%2e/"),
        bare.replace("/v2/", f"/v2/{PUBLIC}/..%2f..%2f"),
        bare.replace("/v2/", "/v2/library/"),
        bare.replace("/v2/", "/v2/%20"),
        bare.replace("/v2/", "/v2/\t".replace("\t", "%09")),
        bare.replace("/v2/", "/V2/"),
        bare.replace("/v2/", "/v2;x=y/"),
        bare.replace("/v2/", "/healthz/../v2/"),
        bare.replace("/v2/", "/metrics/..%2fv2/"),
        bare.replace(NAME, NAME.upper()),
        bare.replace(NAME, NAME.title()),
        bare.replace(NAME, NAME.replace("/", "%2f")),
        bare.replace(NAME, NAME.replace("/", "%2F")),
        bare.replace(NAME, NAME.replace("/", "%252f")),
        bare.replace(NAME, NAME.replace("/", "\\")),
        bare.replace(NAME, NAME.replace("/", "%5c")),
        bare.replace(NAME, NAME + "%00"),
        bare.replace(NAME, NAME + "."),
        bare.replace(NAME, NAME + ";a=b"),
        bare.replace(NAME, NAME.replace("e", "%65")),
        bare.replace(NAME, NAME.replace("e", "%2565")),
        bare.replace(NAME, NAME.replace("s", "%C5%BF")),
        "/v2/" + "".join(f"%{byte:02x}" for byte in tail.encode()),
        "".join(f"%{byte:02X}" if byte != 0x2F else "/" for byte in bare.encode()),
        f"http://registry.test{bare}",
        f"http://admin@registry.test{bare}",
        bare + "%3f",
        bare + "?",
        bare + "%23",
    ]
    return [one + (rest if "?" not in one else "") for one in dict.fromkeys(changed)]


@pytest.mark.vulnerability("Private content to anonymous")
@pytest.mark.parametrize("path", PLAIN_PATHS)
@pytest.mark.parametrize("login", [None, GUEST], ids=["anonymous", "guest"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_private_content_is_denied_in_every_spelling(registry: Registry, path, login, method):
    for spelling in spellings(path):
        answer = registry.raw_get(spelling, login, method=method)
        assert answer.status in (400, 401, 403, 404, 405), (spelling, answer)
        assert not any(secret in answer.body for secret in SECRETS), spelling
        assert "docker-content-digest" not in answer.headers, spelling


@pytest.mark.vulnerability("Private content to anonymous")
@pytest.mark.parametrize("path", PLAIN_PATHS)
def test_the_same_paths_answer_who_may_read(registry: Registry, path):
    """Otherwise the test above would prove nothing."""
    assert registry.raw_get(path, registry.admin).status == 200
    readable = path.replace(PRIVATE, PUBLIC)
    if SECRET_DIGEST not in readable:
        assert registry.raw_get(readable, None).status == 200


@pytest.mark.vulnerability("Private content to anonymous")
def test_a_private_repository_looks_like_none_at_all(registry: Registry):
    for login in (None, GUEST):
        for path in PLAIN_PATHS:
            there = registry.ask("GET", path, login)
            absent = registry.ask("GET", path.replace(PRIVATE, "no/such"), login)
            assert there.status_code == absent.status_code == (401 if login is None else 403)
            # The name in the words is the one that was asked for.
            assert there.text.replace(PRIVATE, "no/such") == absent.text


@pytest.mark.vulnerability("Private content to anonymous")
def test_the_catalog_lists_what_one_may_see(registry: Registry):
    assert registry.ask("GET", "/v2/_catalog", None).status_code == 401
    assert registry.ask("GET", "/v2/_catalog", registry.token(None, "registry:catalog:*")).status_code == 401
    token = registry.token(GUEST, "registry:catalog:*")
    for login in (GUEST, token):
        listed = registry.ask("GET", "/v2/_catalog?n=1000", login).json()["repositories"]
        assert PUBLIC in listed
        assert PRIVATE not in listed
    # Asking for what follows does not skip the question either.
    assert PRIVATE not in registry.ask("GET", "/v2/_catalog?last=secret/a&n=1", GUEST).text


@pytest.mark.vulnerability("Private content to anonymous")
def test_a_failed_login_is_no_anonymous_visit(registry: Registry):
    """Public content is refused to wrong credentials too: a client must learn that its password is wrong."""
    for login in (("admin", "wrong-password"), "not.a.token"):
        assert registry.ask("GET", f"/v2/{PUBLIC}/manifests/image", login).status_code == 401
    for value in ("", "Basic", "Digest abc", "Basic !!!!", "Bearer", "Token abc", "Basic bm9jb2xvbg=="):
        answer = registry.ask("GET", f"/v2/{PUBLIC}/manifests/image", headers={"Authorization": value})
        assert answer.status_code == 401, value


@pytest.mark.vulnerability("Private content to anonymous")
def test_methods_that_are_none_open_nothing(registry: Registry):
    for method in ("OPTIONS", "TRACE", "get", "PROPFIND", "X", "SEARCH", "COPY"):
        answer = registry.raw_get(f"/v2/{PRIVATE}/manifests/image", None, method=method)
        assert answer.status == 405
        override = {
            "X-HTTP-Method-Override": "GET",
            "X-Original-URL": PLAIN_PATHS[0],
            "X-Rewrite-URL": PLAIN_PATHS[0],
        }
        assert registry.ask("GET", "/healthz", headers=override).text == "ok\n"


def test_what_is_absent_is_absent_for_those_who_may_look(registry: Registry):
    assert registry.ask("GET", f"/v2/{PUBLIC}/blobs/{ABSENT_DIGEST}", None).status_code == 404
