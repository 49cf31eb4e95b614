"""What one client can make the server hold, compute or wait for."""

from __future__ import annotations

import json
import re
import socket
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import psutil  # type: ignore[import-untyped]
import pytest

from tests.hostile.answers import split_answers
from tests.hostile.seeds import (
    BLOBS,
    EMPTY_TYPE,
    IMAGE,
    OCI_INDEX,
    OCI_MANIFEST,
    basic,
    descriptor,
    digest_of,
)
from tests.security.registry import PUBLIC, Registry, code_of
from wherry.access.scopes import MAX_SCOPES
from wherry.observability.redaction import redact
from wherry.oci.digests import Digest
from wherry.oci.errors import InvalidValue
from wherry.oci.media_types import parse_media_type
from wherry.oci.names import RepositoryName, Tag
from wherry.web.distribution.errors import Problem
from wherry.web.distribution.ranges import asked_piece, chunk_piece

MiB = 1024 * 1024
HOME = "exhaustion/home"
MANIFEST_LIMIT = 4160 * 1024
# The server's clocks here are 2 s; the rest is for a busy machine.
CLOSED_WITHIN = 30.0


@pytest.fixture(scope="module", autouse=True)
def home(registry: Registry) -> None:
    registry.push_image(HOME)


def resident(registry: Registry) -> int:
    """Bytes that the server's processes hold."""
    parent = psutil.Process(registry.server.process.pid)
    return sum(process.memory_info().rss for process in (parent, *parent.children(recursive=True)))


@pytest.mark.vulnerability("Memory exhaustion")
@pytest.mark.parametrize(
    "number", ["1000000000", "9" * 100, "2147483648", "-1", "0x10", "1e9", "%D9%A3", "", "NaN"]
)
def test_a_page_has_a_size_that_the_server_chooses(registry: Registry, number):
    """CVE-2023-2253: `n` was taken for the length of a list to make."""
    before = resident(registry)
    for target in (f"/v2/{HOME}/tags/list", "/v2/_catalog", f"/v2/{HOME}/referrers/{digest_of(IMAGE)}"):
        answer = registry.ask("GET", f"{target}?n={number}", registry.admin)
        assert answer.status_code == (200 if number.isascii() and number.isdigit() else 400), target
    assert resident(registry) - before < 64 * MiB


@pytest.mark.vulnerability("Memory exhaustion")
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_body_past_the_limit_is_refused_before_it_has_come(registry: Registry, framing):
    """CVE-2017-11468: a manifest of any size was read into memory."""
    head = (
        f"PUT /v2/{HOME}/manifests/endless HTTP/1.1\r\nHost: x\r\nAuthorization: {basic(*registry.admin)}\r\n"
    )
    before = resident(registry)
    with socket.create_connection(("127.0.0.1", registry.port), timeout=CLOSED_WITHIN) as connection:
        if framing == "length":
            connection.sendall(f"{head}Content-Length: {10**12}\r\n\r\n".encode())
        else:
            connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
            piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
            for _ in range(MANIFEST_LIMIT // 0x10000 + 2):
                connection.sendall(piece)
        received = connection.recv(65536)
    assert received.startswith(b"HTTP/1.1 413")
    assert b"SIZE_INVALID" in received
    assert resident(registry) - before < 64 * MiB


@pytest.mark.vulnerability("Memory exhaustion")
def test_a_stranger_is_answered_before_the_body_has_come(registry: Registry):
    for method, target in (
        ("PUT", f"/v2/{HOME}/manifests/x"),
        ("POST", f"/v2/{HOME}/blobs/uploads/"),
        ("POST", "/token"),
    ):
        head = f"{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {10**15}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", registry.port), timeout=CLOSED_WITHIN) as connection:
            connection.sendall(head.encode() + b"x" * 70_000)
            status = connection.recv(65536)[9:12]
        assert status == (b"413" if target == "/token" else b"401")


@pytest.mark.vulnerability("Memory exhaustion")
@pytest.mark.parametrize(
    "head",
    [
        "X: " + "a" * (8 * MiB),
        "\r\n".join(f"X-{number}: a" for number in range(800_000)),
        "Authorization: Bearer " + "a" * (8 * MiB),
        "Cookie: " + "a=b; " * 1_700_000,
    ],
    ids=["one field", "many fields", "a token", "a cookie"],
)
def test_a_head_has_a_limit(registry: Registry, head):
    before = resident(registry)
    try:
        received = registry.raw(f"GET /v2/ HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode())
    except (ConnectionResetError, BrokenPipeError):
        received = b""  # closed while the rest of the head was on its way
    assert received[9:12] in (b"431", b"400", b"")
    assert resident(registry) - before < 64 * MiB
    assert registry.ask("GET", "/healthz").status_code == 200


def bombs() -> Iterator[tuple[str, bytes]]:
    """Documents within the size limit that cost far more than their size, or are no document."""
    room = MANIFEST_LIMIT - 1000
    yield "deep lists", b"[" * room
    yield "deep objects", b'{"a":' * (room // 5)
    yield "deep and closed", b'{"a":' * 60_000 + b"1" + b"}" * 60_000
    yield "one level too deep", b'{"a":' * 65 + b"1" + b"}" * 65
    yield "wide", b'{"schemaVersion":2,"a":[' + b"[]," * (room // 3 - 20) + b"[]]}"
    yield "wide objects", b'{"schemaVersion":2,"a":[' + b"{}," * (room // 3 - 20) + b"{}]}"
    yield "many keys", b"{" + b",".join(b'"%d":0' % number for number in range(340_000)) + b"}"
    yield "huge number", b'{"schemaVersion":2,"a":' + b"9" * (room - 50) + b"}"
    yield "huge size", b'{"schemaVersion":2,"config":{"size":1' + b"0" * 300 + b"}}"
    yield (
        "huge exponent",
        b'{"schemaVersion":2,"config":{"digest":"sha256:' + b"0" * 64 + b'","size":1e999999}}',
    )
    yield "one key many times", b'{"a":0,' * 1 + b'"a":0,' * (room // 6 - 10) + b'"a":0}'
    yield "layers of nothing", b'{"schemaVersion":2,"config":{},"layers":[' + b"{}," * 300_000 + b"{}]}"
    layer = json.dumps(descriptor(b"absent", "a/b")).encode()
    yield (
        "layers that are absent",
        b'{"schemaVersion":2,"manifests":[' + (layer + b",") * 30_000 + layer + b"]}",
    )
    yield "NaN", b'{"schemaVersion":2,"a":NaN}'
    yield "blanks", b" " * room


@pytest.mark.vulnerability("Memory exhaustion")
@pytest.mark.parametrize(("name", "bomb"), [pytest.param(name, bomb, id=name) for name, bomb in bombs()])
def test_a_json_bomb_is_refused_and_costs_little(registry: Registry, name, bomb):
    assert len(bomb) <= MANIFEST_LIMIT
    before = resident(registry)
    answer = registry.push_manifest(HOME, "bomb", bomb, OCI_INDEX if "absent" in name else OCI_MANIFEST)
    assert answer.status_code == 400, answer.text[:200]
    assert code_of(answer) in ("MANIFEST_INVALID", "MANIFEST_BLOB_UNKNOWN")
    assert len(answer.content) < 20_000
    assert resident(registry) - before < 300 * MiB
    assert registry.ask("GET", f"/v2/{HOME}/manifests/bomb", registry.admin).status_code == 404


@pytest.mark.vulnerability("Memory exhaustion")
def test_a_page_of_referrers_is_bounded_in_bytes(registry: Registry):
    """CVE-2024-29902 and -29903: lists of attachments without end, each of megabytes."""
    pushed = set()
    for number in range(8):
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor(BLOBS[0], EMPTY_TYPE),
            "layers": [],
            "subject": descriptor(IMAGE, OCI_MANIFEST),
            "annotations": {"number": str(number), "large": "x" * (2 * MiB)},
        }
        content = json.dumps(document).encode()
        assert registry.push_manifest(HOME, digest_of(content), content, OCI_MANIFEST).status_code == 201
        pushed.add(digest_of(content))
    target, pages = f"/v2/{HOME}/referrers/{digest_of(IMAGE)}", 0
    seen: set[str] = set()
    while target:
        answer = registry.ask("GET", target, registry.admin)
        assert answer.status_code == 200
        assert len(answer.content) < 8 * MiB
        found = {entry["digest"] for entry in answer.json()["manifests"]}
        assert not found & seen
        seen |= found
        pages += 1
        link = re.match(r'<([^>]+)>; rel="next"', answer.headers.get("link", ""))
        target = link[1] if link else ""
    assert pushed <= seen
    assert pages >= 8


@pytest.mark.vulnerability("Memory exhaustion")
def test_a_question_has_a_bound_on_what_it_asks_for(registry: Registry):
    tags = "&".join(f"tag=t{number}" for number in range(200))
    many_tags = registry.push_manifest(HOME, f"{digest_of(IMAGE)}?{tags}", IMAGE, OCI_MANIFEST)
    assert many_tags.status_code == 414
    scopes = "&".join(f"scope=repository:exhaustion/r{number}:pull" for number in range(900))
    token = registry.ask("GET", f"/token?service=wherry&{scopes}", registry.admin)
    assert token.status_code == 200
    assert len(token.json()["scope"].split()) <= MAX_SCOPES
    fields = "&".join("a=b" for _ in range(5000))
    assert registry.ask("GET", f"/v2/{HOME}/tags/list?{fields}", registry.admin).status_code == 400


@pytest.mark.vulnerability("Memory exhaustion")
def test_a_client_cannot_make_metrics_grow(registry: Registry):
    def series() -> int:
        return registry.ask("GET", "/metrics").text.count("\n")

    def knock(turn: int) -> None:
        registry.raw_get(f"/v2/metrics{turn}/x/tags/list", registry.admin, method="GET")
        registry.raw_get(f"/nothing{turn}", method=f"METHOD{turn}")
        registry.raw_get(f"/v2/{HOME}/manifests/t{turn}", method=f"METHOD{turn}")

    knock(0)
    series()  # which counts itself
    before = series()
    for turn in range(1, 30):
        knock(turn)
    assert series() <= before + 2


@contextmanager
def connections(registry: Registry, starts: list[bytes], count: int) -> Iterator[list[socket.socket]]:
    """Clients that say so much and then no more."""
    with ExitStack() as stack:
        opened = []
        for number in range(count):
            connection = stack.enter_context(
                socket.create_connection(("127.0.0.1", registry.port), timeout=10)
            )
            connection.sendall(starts[number % len(starts)])
            opened.append(connection)
        yield opened


@pytest.mark.vulnerability("Slow clients")
def test_clients_that_stand_still_are_cut_off_and_the_others_do_not_notice(registry: Registry):
    """Heads that never end (slowloris), bodies that stand still, silent connections; 300 at once."""
    login = f"Host: x\r\nAuthorization: {basic(*registry.admin)}"
    begun = registry.ask("POST", f"/v2/{HOME}/blobs/uploads/", registry.admin).headers["location"]
    whole = f"/v2/{HOME}/blobs/uploads/?digest={digest_of(b'')}"
    starts = [
        b"GET /v2/ HTTP/1.1\r\nHost: x\r\nX-Never: en",
        b"GET /v2",
        b"",
        b"PRI * HT",
        f"PUT /v2/{HOME}/manifests/slow HTTP/1.1\r\n{login}\r\nContent-Length: 500\r\n\r\n{{".encode(),
        f"POST {whole} HTTP/1.1\r\n{login}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab".encode(),
        f"PATCH {begun} HTTP/1.1\r\n{login}\r\nContent-Length: 9\r\n\r\nx".encode(),
    ]
    target = f"/v2/{PUBLIC}/manifests/image"
    quiet = [timed(registry, target) for _ in range(30)]
    with connections(registry, starts, 300) as opened:
        began = time.monotonic()
        crowded = [timed(registry, target) for _ in range(60)]
        statuses: dict[bytes, int] = {}
        for connection in opened:
            connection.settimeout(max(0.1, began + CLOSED_WITHIN - time.monotonic()))
            received = b""
            with suppress(ConnectionResetError):
                while piece := connection.recv(65536):
                    received += piece
            statuses[received[9:12]] = statuses.get(received[9:12], 0) + 1
    # Heads are closed or answered 408; bodies get an answer before the end.
    assert set(statuses) <= {b"", b"408", b"409", b"404"}, statuses
    assert statuses.get(b"408", 0) >= 80
    assert statistics.median(crowded) < max(0.25, 10 * statistics.median(quiet))
    assert max(crowded) < 10


def timed(registry: Registry, target: str) -> float:
    began = time.monotonic()
    assert registry.ask("GET", target).status_code == 200
    return time.monotonic() - began


@pytest.mark.vulnerability("Slow clients")
def test_an_upload_that_stood_still_can_be_resumed(registry: Registry):
    place = registry.ask("POST", f"/v2/{HOME}/blobs/uploads/", registry.admin).headers["location"]
    head = f"PATCH {place} HTTP/1.1\r\nHost: x\r\nAuthorization: {basic(*registry.admin)}\r\n"
    received = registry.raw(f"{head}Content-Length: 10\r\n\r\n01234".encode())
    assert [answer.status for answer in split_answers(received, "PATCH")] == [408]
    assert registry.ask("GET", place, registry.admin).headers["range"] == "0-4"
    rest = {"Content-Range": "5-9"}
    assert registry.ask("PATCH", place, registry.admin, headers=rest, content=b"56789").status_code == 202


@pytest.mark.vulnerability("Expression denial of service")
@pytest.mark.parametrize("length", [100_000])
def test_patterns_take_linear_time(length):
    """Texts that make a pattern with two ways through try them all."""
    texts = [
        *("a" * length, "a-" * length, "a" * length + "!", "a/" * length, "__" * length, "a." * length + "/"),
        *("0-" * length, "bytes=" + "0" * length, "a/b" * length, "sha256:" + "a" * length, " " * length),
        *(
            "token=" * length,
            '"' * length,
            "\\" * length,
            "basic " * length,
            "eyJ" * length,
            "://:@" * length,
        ),
        *("-----BEGIN PRIVATE KEY-----" * (length // 20), "password" * length),
    ]
    parsers = [RepositoryName.parse, Tag.parse, Digest.parse, parse_media_type, chunk_piece, redact]
    began = time.process_time()
    for text in texts:
        for parse in (*parsers, lambda text: asked_piece(text, 10)):
            try:
                parse(text)
            except (InvalidValue, Problem):
                continue
    assert time.process_time() - began < 20
