"""What somebody pushes, and what it must not become: another type, a script, a request, a path, a header."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.hostile.answers import split_answers
from tests.hostile.seeds import BLOBS, IMAGE, INDEX, OCI_INDEX, OCI_MANIFEST, basic, descriptor, digest_of
from tests.security.registry import PUBLIC, Registry, code_of

HOME = "content/home"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"


@pytest.fixture(scope="module", autouse=True)
def home(registry: Registry) -> None:
    registry.push_image(HOME)


def changed(content: bytes, **fields: object) -> bytes:
    """A manifest with other fields; None takes one away."""
    document = json.loads(content) | fields
    return json.dumps({name: value for name, value in document.items() if value is not None}).encode()


CONFUSING = {
    "layers and manifests": (changed(IMAGE, manifests=json.loads(INDEX)["manifests"]), OCI_MANIFEST),
    "manifests and layers": (changed(INDEX, layers=json.loads(IMAGE)["layers"]), OCI_INDEX),
    "manifests and config": (changed(INDEX, config=json.loads(IMAGE)["config"]), OCI_INDEX),
    "empty manifests in an image": (changed(IMAGE, manifests=[]), OCI_MANIFEST),
    "empty layers in an index": (changed(INDEX, layers=[]), OCI_INDEX),
    "both without a type": (changed(IMAGE, mediaType=None, manifests=[]), None),
    "both under a type of one's own": (changed(IMAGE, mediaType="application/x.y+json", manifests=[]), None),
    "blobs and manifests": (changed(INDEX, blobs=json.loads(IMAGE)["layers"]), OCI_INDEX),
    "Layers beside manifests": (changed(INDEX, Layers=json.loads(IMAGE)["layers"]), OCI_INDEX),
    "Manifests beside layers": (changed(IMAGE, Manifests=json.loads(INDEX)["manifests"]), OCI_MANIFEST),
    "MediaType beside mediaType": (changed(IMAGE, MediaType=OCI_INDEX), OCI_MANIFEST),
    "an image sent as an index": (IMAGE, OCI_INDEX),
    "an index sent as an image": (INDEX, OCI_MANIFEST),
    "an image that says index": (changed(IMAGE, mediaType=OCI_INDEX), OCI_MANIFEST),
    "an image that says index, sent as one": (changed(IMAGE, mediaType=OCI_INDEX), OCI_INDEX),
    "an index that says image, sent as one": (changed(INDEX, mediaType=OCI_MANIFEST), OCI_MANIFEST),
    "an index without a type sent as an image": (changed(INDEX, mediaType=None), OCI_MANIFEST),
    "an image without a type sent as an index": (changed(IMAGE, mediaType=None), OCI_INDEX),
    "OCI sent as Docker": (IMAGE, DOCKER_MANIFEST),
    "an OCI index sent as Docker's": (INDEX, DOCKER_INDEX),
    "one key twice": (IMAGE[:-1] + b',"layers":[]}', OCI_MANIFEST),
    "mediaType twice": (b'{"mediaType":"' + OCI_INDEX.encode() + b'",' + IMAGE[1:], OCI_MANIFEST),
    "a nested key twice": (IMAGE.replace(b'"size": 2', b'"size": 2, "size": 3', 1), OCI_MANIFEST),
    "schema 1": (b'{"schemaVersion":1,"fsLayers":[],"history":[]}', DOCKER_MANIFEST),
    "a document behind the document": (IMAGE + INDEX, OCI_MANIFEST),
    "UTF-16": (IMAGE.decode().encode("utf-16"), OCI_MANIFEST),
    "a byte order mark": (b"\xef\xbb\xbf" + IMAGE, OCI_MANIFEST),
}


@pytest.mark.vulnerability("Manifest type confusion")
@pytest.mark.parametrize("case", CONFUSING)
def test_a_document_that_two_readers_read_differently_is_refused(registry: Registry, case):
    content, media_type = CONFUSING[case]
    headers = {} if media_type is None else {"Content-Type": media_type}
    for reference in ("confusing", digest_of(content)):
        target = f"/v2/{HOME}/manifests/{reference}"
        answer = registry.ask("PUT", target, registry.admin, headers=headers, content=content)
        assert (answer.status_code, code_of(answer)) == (400, "MANIFEST_INVALID")
        kept = registry.ask("GET", target, registry.admin)
        if content in (IMAGE, INDEX) and reference != "confusing":  # there under its own type
            assert kept.headers["content-type"] == json.loads(content)["mediaType"] != media_type
        else:
            assert kept.status_code == 404


@pytest.mark.vulnerability("Manifest type confusion")
def test_the_type_is_the_pushed_one_whatever_is_accepted(registry: Registry):
    for accept in ("text/html", OCI_INDEX, "*/*", ""):
        answer = registry.ask(
            "GET", f"/v2/{HOME}/manifests/image", registry.admin, headers={"Accept": accept}
        )
        assert (answer.content, answer.headers["content-type"]) == (IMAGE, OCI_MANIFEST)


@pytest.mark.vulnerability("Content under a wrong name")
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_bytes_of_another_digest_never_become_a_blob(registry: Registry, algorithm):
    content, wanted = b"these bytes", digest_of(b"other bytes", algorithm)
    posted = registry.ask(
        "POST", f"/v2/{HOME}/blobs/uploads/?digest={wanted}", registry.admin, content=content
    )
    begun = registry.ask("POST", f"/v2/{HOME}/blobs/uploads/", registry.admin)
    put = registry.ask("PUT", f"{begun.headers['location']}?digest={wanted}", registry.admin, content=content)
    for answer in (posted, put):
        assert (answer.status_code, code_of(answer)) == (400, "DIGEST_INVALID")
    assert registry.ask("HEAD", f"/v2/{HOME}/blobs/{wanted}", registry.admin).status_code == 404
    by_digest = registry.push_manifest(HOME, digest_of(IMAGE + b" ", algorithm), IMAGE, OCI_MANIFEST)
    assert (by_digest.status_code, code_of(by_digest)) == (400, "DIGEST_INVALID")


@pytest.mark.vulnerability("Content under a wrong name")
def test_a_chunk_out_of_order_or_of_another_length_leaves_the_upload_as_it_was(registry: Registry):
    place = registry.ask("POST", f"/v2/{HOME}/blobs/uploads/", registry.admin).headers["location"]
    registry.ask("PATCH", place, registry.admin, headers={"Content-Range": "0-4"}, content=b"01234")
    for told, content, status, code in (
        ("4-8", b"45678", 416, "BLOB_UPLOAD_INVALID"),
        ("6-9", b"6789", 416, "BLOB_UPLOAD_INVALID"),
        ("0-4", b"01234", 416, "BLOB_UPLOAD_INVALID"),
        ("5-9", b"5", 400, "SIZE_INVALID"),
        ("5-6", b"56789", 400, "SIZE_INVALID"),
        ("5-4", b"", 416, "BLOB_UPLOAD_INVALID"),
        ("five-nine", b"56789", 400, "BLOB_UPLOAD_INVALID"),
    ):
        answer = registry.ask(
            "PATCH", place, registry.admin, headers={"Content-Range": told}, content=content
        )
        assert (answer.status_code, code_of(answer)) == (status, code), told
        assert registry.ask("GET", place, registry.admin).headers["range"] == "0-4"
    whole = b"0123456789"
    done = registry.ask("PUT", f"{place}?digest={digest_of(whole)}", registry.admin, content=b"56789")
    assert done.status_code == 201


@pytest.mark.vulnerability("Content under a wrong name")
def test_a_body_shorter_than_its_length_is_no_blob(registry: Registry):
    content = b"only half of it"
    digest = digest_of(content)
    head = f"POST /v2/{HOME}/blobs/uploads/?digest={digest} HTTP/1.1\r\nHost: x\r\n"
    head += f"Authorization: {basic(*registry.admin)}\r\n"
    # The clock for bodies that stand still ends it.
    received = registry.raw(f"{head}Content-Length: {len(content) * 2}\r\n\r\n".encode() + content)
    assert [answer.status for answer in split_answers(received, "POST")] == [408]
    assert registry.ask("HEAD", f"/v2/{HOME}/blobs/{digest}", registry.admin).status_code == 404


@pytest.mark.vulnerability("Content under a wrong name")
def test_two_writers_on_one_upload_never_mix_their_bytes(registry: Registry):
    """Whatever is accepted is one writer's bytes, whole and at the place that the answer says."""
    for turn in range(5):
        place = registry.ask("POST", f"/v2/{HOME}/blobs/uploads/", registry.admin).headers["location"]
        parts = [bytes([65 + number]) * 300_000 for number in range(6)]

        def write(part: bytes, place: str = place):
            return registry.ask(
                "PATCH", place, registry.admin, headers={"Content-Range": "0-299999"}, content=part
            )

        with ThreadPoolExecutor(len(parts)) as pool:
            answers = list(pool.map(write, parts))
        won = [part for part, answer in zip(parts, answers, strict=True) if answer.status_code == 202]
        assert len(won) <= 1, turn
        assert {answer.status_code for answer in answers} <= {202, 409, 416}
        if not won:
            assert write(parts[0]).status_code == 202
            won = [parts[0]]
        other = next(part for part in parts if part != won[0])
        refused = registry.ask("PUT", f"{place}?digest={digest_of(other)}", registry.admin)
        assert code_of(refused) == "DIGEST_INVALID"
        done = registry.ask("PUT", f"{place}?digest={digest_of(won[0])}", registry.admin)
        assert done.status_code == 201, done.text
        assert registry.ask("GET", done.headers["location"], registry.admin).content == won[0]


@contextmanager
def listener() -> Iterator[tuple[str, list[str]]]:
    """A web server that keeps what it is asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        do_HEAD = do_POST = do_PUT = do_GET

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Silent."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


@pytest.mark.vulnerability("Server-side request forgery")
@pytest.mark.parametrize(
    "layer_type",
    [
        "application/vnd.oci.image.layer.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    ],
)
def test_addresses_in_a_manifest_are_never_fetched(registry: Registry, layer_type):
    with listener() as (url, asked):
        absent = {
            "mediaType": layer_type,
            "digest": digest_of(layer_type.encode()),
            "size": 5,
            "urls": [f"{url}/layer"],
        }
        present = descriptor(BLOBS[1], layer_type) | {"urls": [f"{url}/present"]}
        annotations = {"org.opencontainers.image.url": f"{url}/annotation"}
        for layers in ([absent], [present], [absent, present]):
            content = changed(IMAGE, layers=layers, annotations=annotations)
            registry.push_manifest(HOME, "urls", content, OCI_MANIFEST)
            registry.ask("GET", f"/v2/{HOME}/manifests/urls", registry.admin)
            registry.ask("GET", f"/v2/{HOME}/blobs/{absent['digest']}", registry.admin)
        headers = {"Host": url.removeprefix("http://"), "Referer": url, "X-Forwarded-Host": url}
        registry.ask(
            "GET", f"/v2/{HOME}/manifests/urls?ns={url}&redirect={url}", registry.admin, headers=headers
        )
    assert asked == []


SCRIPT = "<script>alert(1)</script>"


@pytest.mark.vulnerability("Cross-site scripting")
@pytest.mark.parametrize(
    "media_type",
    ["text/html", "TEXT/HTML; charset=utf-8", "image/svg+xml", "application/xhtml+xml", "text/xml"],
)
def test_no_manifest_is_kept_that_a_browser_draws(registry: Registry, media_type):
    content = json.dumps({"schemaVersion": 2, "annotations": {"a": SCRIPT}}).encode()
    answer = registry.push_manifest(HOME, "drawn", content, media_type)
    assert (answer.status_code, code_of(answer)) == (400, "MANIFEST_INVALID")
    inside = json.dumps({"schemaVersion": 2, "mediaType": media_type, "annotations": {"a": SCRIPT}}).encode()
    assert registry.push_manifest(HOME, "drawn", inside, media_type).status_code == 400


@pytest.mark.vulnerability("Cross-site scripting")
def test_what_is_served_cannot_be_taken_for_a_page(registry: Registry):
    page = f"<!doctype html><html>{SCRIPT}</html>".encode()
    digest = registry.push_blob(HOME, page)
    annotated = changed(IMAGE, annotations={"a": SCRIPT})
    registry.push_manifest(HOME, "annotated", annotated, OCI_MANIFEST)
    for target in (f"blobs/{digest}", "manifests/annotated"):
        for headers in ({}, {"Accept": "text/html"}, {"Range": "bytes=0-20"}):
            answer = registry.ask("GET", f"/v2/{HOME}/{target}", registry.admin, headers=headers)
            assert answer.status_code in (200, 206)
            assert answer.headers["content-type"].startswith("application/")
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.vulnerability("Cross-site scripting")
@pytest.mark.parametrize(
    "target",
    [
        f"/{SCRIPT}",
        f"/v2/{SCRIPT}/tags/list",
        f"/v2/{PUBLIC}/manifests/{SCRIPT}",
        f"/v2/{PUBLIC}/blobs/{SCRIPT}",
        f"/v2/{PUBLIC}/tags/list?n={SCRIPT}",
        f"/v2/_catalog?last={SCRIPT}",
        f"/token?service={SCRIPT}&scope={SCRIPT}",
        f"/v2/{PUBLIC}/referrers/{SCRIPT}",
    ],
)
def test_no_answer_echoes_what_was_sent_as_html(registry: Registry, target):
    quoted = target.replace("<", "%3C").replace(">", "%3E")
    for login in (None, registry.admin):
        for method in ("GET", "POST", "PUT", "DELETE"):
            answer = registry.ask(method, quoted, login)
            assert "html" not in answer.headers.get("content-type", "")
            assert SCRIPT not in str(answer.headers)
            if SCRIPT in answer.text:
                assert answer.headers["content-type"] == "application/json"


@pytest.mark.vulnerability("SQL injection and its like")
@pytest.mark.parametrize(
    "value", ["' OR '1'='1", "a' --", "%' --", "\\", "a;DROP TABLE users", "1 UNION SELECT 1", "%", "_", "*"]
)
def test_what_a_client_sends_is_a_value(registry: Registry, value):
    quoted = "".join(f"%{byte:02x}" for byte in value.encode())
    listed = registry.ask("GET", f"/v2/{HOME}/tags/list?last={quoted}", registry.admin)
    tags = registry.ask("GET", f"/v2/{HOME}/tags/list", registry.admin).json()["tags"]
    assert listed.json()["tags"] == [tag for tag in tags if tag > value]
    filtered = registry.ask(
        "GET", f"/v2/{HOME}/referrers/{digest_of(IMAGE)}?artifactType={quoted}", registry.admin
    )
    assert filtered.json()["manifests"] == []
    catalog = registry.ask("GET", f"/v2/_catalog?last={quoted}", registry.admin)
    assert all(name > value for name in catalog.json()["repositories"])
    assert registry.ask("GET", "/v2/", (value, value)).status_code == 401
    assert registry.raw_get(f"/v2/{HOME}/blobs/uploads/{quoted}", registry.admin).status == 404


@pytest.mark.vulnerability("Path traversal")
@pytest.mark.parametrize(
    "target",
    [
        "/v2/../etc/passwd",
        "/v2/..%2f..%2fetc%2fpasswd/manifests/x",
        f"/v2/{HOME}/../../../etc/passwd/tags/list",
        "/v2/a/../b/tags/list",
        "/v2/a/%2e%2e/b/tags/list",
        "/v2/./b/tags/list",
        "/v2/a//b/tags/list",
        "/v2/.hidden/tags/list",
        f"/v2/{HOME}/blobs/sha256:../../../../etc/passwd",
        f"/v2/{HOME}/blobs/sha256:..%2f..%2fmaster.key",
        f"/v2/{HOME}/blobs/..%2f..%2fmaster.key",
        f"/v2/{HOME}/manifests/..%2f..%2fmaster.key",
        f"/v2/{HOME}/manifests/..",
        f"/v2/{HOME}/blobs/uploads/..%2f..%2f..%2fmaster.key",
        f"/v2/{HOME}/blobs/uploads/%2e%2e",
        f"/v2/{HOME}/referrers/sha256:%2e%2e",
        "/v2/a%00b/tags/list",
        "/v2/a%5c..%5cb/tags/list",
        "/v2/%2e%2e/%2e%2e/master.key",
        "//etc/passwd",
        "/..%2fmaster.key",
    ],
)
def test_no_path_leads_out(registry: Registry, target):
    secrets = [(registry.server.data / "master.key").read_bytes().strip(), b"root:", b"SQLite format"]
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        answer = registry.raw_get(target, registry.admin, method=method)
        assert answer.status in (400, 404, 405), (method, answer)
        assert not any(secret in answer.body for secret in secrets)


@pytest.mark.vulnerability("Path traversal")
@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "a/../../x",
        "..",
        ".",
        "a/.",
        "%2e%2e/x",
        "a\\..\\x",
        "/etc",
        "a/",
        "a//b",
        "A/b",
        "a b",
        "~root",
    ],
)
def test_no_name_that_is_a_path_makes_a_repository(registry: Registry, name):
    quoted = "".join(
        letter if letter in "/%" or letter.isalnum() else f"%{ord(letter):02x}" for letter in name
    )
    for target in (
        f"/v2/{quoted}/blobs/uploads/",
        f"/v2/{quoted}/blobs/uploads/?mount={digest_of(b'{}')}&from={HOME}",
    ):
        assert registry.raw_get(target, registry.admin, method="POST").status in (400, 404, 405)
    mount = f"/v2/{HOME}/blobs/uploads/?mount={digest_of(b'{}')}&from={quoted}"
    answer = registry.ask("POST", mount, registry.admin)
    assert (answer.status_code, code_of(answer)) == (400, "NAME_INVALID")
    outside = [
        path for path in registry.server.data.parent.iterdir() if path.name not in ("data", "data.log")
    ]
    assert outside == []


@pytest.mark.vulnerability("Header injection")
@pytest.mark.parametrize("crlf", ["%0d%0a", "%0a", "%0d", "%E5%98%8A%E5%98%8D", "\\r\\n"])
def test_nothing_sent_becomes_a_header(registry: Registry, crlf):
    injected = f"x{crlf}X-Injected:%20yes{crlf}{crlf}<p>"
    for target in (
        f"/v2/{injected}/tags/list",
        f"/v2/{HOME}/manifests/{injected}",
        f"/v2/{HOME}/tags/list?n=1&last={injected}",
        f"/v2/{HOME}/referrers/{digest_of(IMAGE)}?artifactType={injected}",
        f"/v2/_catalog?n=1&last=%20{injected}",
        f"/token?service={injected}&scope=repository:{injected}:pull",
        f"/v2/{HOME}/manifests/{digest_of(IMAGE)}?tag={injected}",
    ):
        for method in ("GET", "PUT", "POST"):
            answer = registry.raw_get(
                target.replace("<", "%3C").replace(">", "%3E"), registry.admin, method=method
            )
            assert "x-injected" not in answer.headers
            assert answer.headers["x-request-id"]


@pytest.mark.vulnerability("Header injection")
def test_a_request_id_is_taken_over_only_where_it_is_harmless(registry: Registry):
    for sent in ("a" * 65, "short", "<script>12345", "with space 1", '"quoted-one"', "a\tb-12345"):
        answer = registry.ask("GET", "/v2/", headers={"X-Request-ID": sent})
        assert answer.headers["x-request-id"] != sent
    answer = registry.ask("GET", "/v2/", headers={"X-Request-ID": "client-request-0001"})
    assert answer.headers["x-request-id"] == "client-request-0001"


@pytest.mark.vulnerability("Header injection")
def test_a_line_of_the_log_is_one_request(registry: Registry):
    marker = "forged-line-in-the-log"
    registry.raw_get(f"/v2/x%0a2026-01-01T00:00:00.000Z%20INFO%20{marker}", registry.admin)
    lines = [line for line in registry.server.process.log.read_text().splitlines() if marker in line]
    assert len(lines) == 1
    assert f"GET /v2/x\\n2026-01-01T00:00:00.000Z INFO {marker} 404" in lines[0]
