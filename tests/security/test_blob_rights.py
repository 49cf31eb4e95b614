"""Who may read which bytes, and go on with which upload."""

from __future__ import annotations

import pytest

from tests.hostile.seeds import digest_of
from tests.security.registry import (
    ABSENT_DIGEST,
    GUEST,
    MATE,
    PRIVATE,
    PUBLIC,
    SECRET_BLOB,
    SECRET_DIGEST,
    Registry,
    code_of,
)


@pytest.mark.vulnerability("Cross-repository blob read or mount")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("login", [None, GUEST, MATE], ids=["anonymous", "guest", "administrator"])
def test_a_digest_alone_reads_nothing_through_another_repository(registry: Registry, login, method):
    answer = registry.ask(method, f"/v2/{PUBLIC}/blobs/{SECRET_DIGEST}", login)
    assert answer.status_code == 404
    assert SECRET_BLOB not in answer.content
    assert registry.ask(method, f"/v2/{PRIVATE}/blobs/{SECRET_DIGEST}", registry.admin).status_code == 200


@pytest.mark.vulnerability("Cross-repository blob read or mount")
@pytest.mark.parametrize("source", [f"&from={PRIVATE}", ""], ids=["from", "anywhere"])
def test_a_mount_needs_pull_on_its_source(registry: Registry, source):
    """A token that may push here and not pull there is asked for more; knowing the digest is not enough."""
    target = f"mounts/needs-pull-{len(source)}"
    token = registry.token(registry.admin, f"repository:{target}:pull,push")
    mount = f"/v2/{target}/blobs/uploads/?mount={SECRET_DIGEST}{source}"
    answer = registry.ask("POST", mount, token)
    assert answer.status_code == 401
    assert registry.ask("GET", f"/v2/{target}/blobs/{SECRET_DIGEST}", registry.admin).status_code == 404
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
    assert f"repository:{PRIVATE}:pull" in answer.headers["www-authenticate"]
    both = registry.token(registry.admin, f"repository:{target}:pull,push", f"repository:{PRIVATE}:pull")
    assert registry.ask("POST", mount, both).status_code == 201


@pytest.mark.vulnerability("Cross-repository blob read or mount")
@pytest.mark.parametrize("login", [None, GUEST], ids=["anonymous", "guest"])
def test_who_may_not_push_may_not_mount(registry: Registry, login):
    for target in (PUBLIC, "guest/own"):
        answer = registry.ask(
            "POST", f"/v2/{target}/blobs/uploads/?mount={SECRET_DIGEST}&from={PRIVATE}", login
        )
        assert answer.status_code == (401 if login is None else 403)


@pytest.mark.vulnerability("Cross-repository blob read or mount")
def test_a_mount_takes_only_what_the_source_has(registry: Registry):
    answer = registry.ask(
        "POST", f"/v2/mounts/absent/blobs/uploads/?mount={SECRET_DIGEST}&from={PUBLIC}", registry.admin
    )
    assert answer.status_code == 202
    assert registry.ask("HEAD", f"/v2/mounts/absent/blobs/{SECRET_DIGEST}", registry.admin).status_code == 404
    answer = registry.ask("POST", f"/v2/mounts/absent/blobs/uploads/?mount={ABSENT_DIGEST}", registry.admin)
    assert answer.status_code == 202


@pytest.mark.vulnerability("Cross-repository blob read or mount")
def test_a_manifest_cannot_bring_in_blobs_of_another_repository(registry: Registry):
    """Else a pushed manifest would make a digest that one merely knows readable."""
    config = f'{{"mediaType":"a/b","digest":"{SECRET_DIGEST}","size":{len(SECRET_BLOB)}}}'
    manifest = f'{{"schemaVersion":2,"config":{config},"layers":[]}}'.encode()
    answer = registry.push_manifest(
        "mounts/by-manifest", "x", manifest, "application/vnd.oci.image.manifest.v1+json"
    )
    assert (answer.status_code, code_of(answer)) == (400, "MANIFEST_BLOB_UNKNOWN")
    assert (
        registry.ask("GET", f"/v2/mounts/by-manifest/blobs/{SECRET_DIGEST}", registry.admin).status_code
        == 404
    )


@pytest.mark.vulnerability("Stale membership")
def test_a_deleted_blob_is_gone_at_once_here_and_stays_elsewhere(registry: Registry):
    blob = b"in two repositories"
    for name in ("stale/one", "stale/two"):
        registry.push_blob(name, blob)
        registry.set_public(name)
    gone, kept = (f"/v2/stale/{name}/blobs/{digest_of(blob)}" for name in ("one", "two"))
    for login in (None, registry.admin):  # so that every cache there is has it
        assert registry.ask("GET", gone, login).content == blob
    assert registry.ask("DELETE", gone, registry.admin).status_code == 202
    for login in (None, GUEST, registry.admin):
        for method in ("GET", "HEAD"):
            assert registry.ask(method, gone, login).status_code == 404
        assert registry.ask("GET", kept, login).content == blob
    mounted = registry.ask(
        "POST", f"/v2/stale/three/blobs/uploads/?mount={digest_of(blob)}&from=stale/one", registry.admin
    )
    assert mounted.status_code == 202
    # Pushed again it is back, and not a moment earlier.
    registry.push_blob("stale/one", blob)
    assert registry.ask("GET", gone, None).content == blob


@pytest.mark.vulnerability("Stale membership")
def test_a_deleted_manifest_is_gone_under_every_name(registry: Registry):
    registry.push_image("stale/images")
    registry.set_public("stale/images")
    digest = registry.ask("HEAD", "/v2/stale/images/manifests/index", None).headers["docker-content-digest"]
    assert registry.ask("DELETE", f"/v2/stale/images/manifests/{digest}", registry.admin).status_code == 202
    for login in (None, registry.admin):
        for reference in ("index", digest):
            assert registry.ask("GET", f"/v2/stale/images/manifests/{reference}", login).status_code == 404
    assert "index" not in registry.ask("GET", "/v2/stale/images/tags/list", None).json()["tags"]
    assert registry.ask("GET", f"/v2/{PUBLIC}/manifests/{digest}", None).status_code == 200


@pytest.mark.vulnerability("Upload session of another")
@pytest.mark.parametrize("method", ["GET", "PATCH", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "who", ["another administrator", "guest", "anonymous", "the same user elsewhere", "a token of elsewhere"]
)
def test_an_upload_belongs_to_its_user_and_its_repository(registry: Registry, method, who):
    begun = registry.ask("POST", "/v2/sessions/mine/blobs/uploads/", registry.admin)
    place = begun.headers["location"]
    registry.ask("PATCH", place, registry.admin, content=b"first half,")
    elsewhere = place.replace("sessions/mine", "sessions/other")
    token = registry.token(registry.admin, "repository:sessions/other:pull,push")
    login, target, status = {
        "another administrator": (MATE, place, 404),
        "guest": (GUEST, place, 403),
        "anonymous": (None, place, 401),
        "the same user elsewhere": (registry.admin, elsewhere, 404),
        "a token of elsewhere": (token, place, 401),
    }[who]
    whole = b"first half, second half"
    query = f"?digest={digest_of(whole)}" if method == "PUT" else ""
    content = b" second half" if method in ("PATCH", "PUT") else None
    answer = registry.ask(method, target + query, login, content=content)
    assert answer.status_code == status
    if status == 404:
        assert code_of(answer) == "BLOB_UPLOAD_UNKNOWN"
    assert "range" not in answer.headers
    # Untouched: the owner goes on where it stood.
    finished = registry.ask(
        "PUT", place + f"?digest={digest_of(whole)}", registry.admin, content=b" second half"
    )
    assert finished.status_code == 201


@pytest.mark.vulnerability("Upload session of another")
@pytest.mark.parametrize(
    "upload", ["0" * 32, "..", "%2e%2e", "a%00b", "*", "' OR 1=1 --".replace(" ", "%20"), "x" * 3000]
)
def test_an_upload_cannot_be_guessed_or_made_up(registry: Registry, upload):
    for method in ("GET", "PATCH", "DELETE"):
        answer = registry.raw_get(f"/v2/sessions/mine/blobs/uploads/{upload}", registry.admin, method=method)
        assert answer.status in (400, 404, 405), answer.body
