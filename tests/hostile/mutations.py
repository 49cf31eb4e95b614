"""Changes a correct request into a wrong one that is still good HTTP: the registry itself has to refuse it.

What is changed into what is in the tables, all other modules of the fuzzer only carry it.
"""

from __future__ import annotations

import base64
import copy
import json
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from tests.hostile.requests import Request
from tests.hostile.seeds import BLOBS, IMAGE, REPOSITORIES, digest_of

# fmt: off
METHODS = (
    "GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get", "Put", "X",
    "a" * 60, "!#$%&'*+.^_`|~-", "QUERY",
)
SEGMENTS = (
    "..", ".", "...", "%2e%2e", "%2E%2e", "%252e%252e", "", "%2f", "%2F..%2f", "%5c..%5c", "%00", "a%00b",
    "%0a", "%0d%0aX-Injected:%20yes", "%ff%fe", "%c0%ae%c0%ae", "%ed%a0%80", "%f0%9f%92%a5", "%e2%80%ae",
    "UPPER", "a" * 256, "a" * 5000, "a.-b", "a__b", "a___b", "-a", "a-", "_catalog", "blobs", "uploads",
    "manifests", "tags", "list", "referrers", "v2", "v3", "library", "token", "manage", "%", "%zz", "%2",
    "a;b=c", "a:b", "a@sha256:b", "sha256:", "sha256:abc", "sha512:" + "0" * 128, "sha256:" + "0" * 64,
    "SHA256:" + "0" * 64, "sha256:" + "G" * 64, "md5:" + "0" * 32, "sha256:" + "0" * 63, "latest%20",
    "'%20OR%201=1--", "$(id)", "%3Cscript%3E", "0", "00000000000000000000000000000000", "*", "~", "con",
    "a" * 128, "a" * 129,
)
NUMBERS = (
    "0", "1", "-1", "1000000000", "9" * 19, "9" * 400, "1e9", "0x10", " 1", "1.5", "%D9%A3", "NaN", "", "+1",
    "null", "2147483648", "9223372036854775808", "%00", "1%00",
)
TEXTS = (
    "", "%00", "a%00", "%ff", "%f0%9f%92%a5", "%ed%a0%80", "'", "%22", "%27--", "%25s", "%7B%7B7*7%7D%7D",
    "..", "a" * 3000, "application/vnd.example.signature", "text/html", "%0d%0a", "zzzz", "_",
    "sha256:" + "0" * 64,
)
PARAMETERS = (
    "n", "last", "digest", "mount", "from", "tag", "artifactType", "digest-algorithm", "scope", "service",
    "account", "ns", "state", "", "_state", "offline_token",
)
SCOPES = (
    "repository:fuzz/one:*", "repository:vault/kept:pull", "registry:catalog:*", "repository:a/../b:pull",
    ":::", "repository::", "repository", "repository(plugin):fuzz/one:pull", "*", "a%20b%20c",
    "repository:fuzz/one:pull,,",
)
RANGES = (
    "bytes=0-", "bytes=-1", "bytes=-0", "bytes=5-3", "bytes=0-0", "bytes=999999-",
    "bytes=0-18446744073709551615", "bytes=0-0,2-3", "bytes=" + "0-1," * 500, "bytes=-" + "9" * 30,
    "bytes=a-b", "bytes", "=", "octets=0-1", "bytes=--1", "bytes=0-1-2", "bytes=\xb2-\xb3", "BYTES=0-1",
    "bytes=0 - 1", "", " ",
)
CHUNK_RANGES = (
    "0-0", "0-9", "1-5", "5-4", "0-", "-5", "a-b", "0-18446744073709551615", "9" * 30 + "-" + "9" * 31,
    "bytes 0-9/10", "bytes */10", "bytes=0-9", "0-9/5", "", "-", "0--1", "00000-00009", "1-1,2-2",
    "\xb2-\xb3", "12345678-12345679",
)
TYPES = (
    "application/json", "text/html", "text/plain", "image/svg+xml", "", "/", "a/b/c", "a" * 300 + "/json",
    "*/*", "application/vnd.oci.image.manifest.v1+json; charset=utf-8",
    "application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws", "multipart/form-data; boundary=x",
    "\xff/\xff", ";",
)
HOSTS = (
    "localhost", 'evil.test"', "a:99999", "[::1]:5", "x" * 300, "registry.test:5000", "127.0.0.1", "a b", "",
)
OTHERS = (
    *(("X-Request-ID", value) for value in ("short", "a" * 64, "a" * 65, "<script>x</script>", "\xff")),
    *(("X-Forwarded-For", value) for value in ("10.0.0.1", "unknown", "'", "::1, 10.0.0.1")),
    ("X-Forwarded-Proto", "javascript"), ("X-Forwarded-Host", "evil.test"),
    *(("If-None-Match", value) for value in ("*", '"sha256:0"', 'W/"x"', "," * 500)),
    *(("Accept", value) for value in ("*/*", "text/html", "a/b;q=x", "," * 800)),
    *(("Content-Encoding", value) for value in ("gzip", "br", "zstd, gzip")),
    *(("Expect", value) for value in ("100-continue",)), ("Cookie", "session=" + "a" * 4000),
    ("Accept-Encoding", "gzip"), ("If-Range", '"x"'), ("Origin", "https://evil.test"),
    ("X-HTTP-Method-Override", "DELETE"), ("X-Original-URL", "/v2/vault/kept/tags/list"),
    *((f"X-{number}", "v" * 50) for number in range(5)),
)
# fmt: on


class Mutator:
    """Makes one to four changes. All randomness is the caller's, so that a run can be repeated."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._changes: tuple[Callable[[Request], Request], ...] = (
            *(self._method, self._segment, self._segment, self._characters, self._query, self._query),
            *(self._header, self._header, self._range, self._authorization, self._authorization),
            *(self._body, self._json, self._json, self._framing, self._slashes),
        )

    def changed(self, request: Request) -> Request:
        """A wrong request that is good HTTP."""
        while True:
            changed = request
            for _ in range(self._rng.choice((1, 1, 1, 2, 2, 3, 4))):
                change = self._rng.choice(self._changes)
                changed = change(changed)
            if changed.is_well_formed:
                return changed

    def _method(self, request: Request) -> Request:
        return replace(request, method=self._rng.choice(METHODS))

    def _segment(self, request: Request) -> Request:
        path, query = _split(request.target)
        segments = path.split("/")
        place = self._rng.randrange(1, len(segments)) if len(segments) > 1 else 0
        other = self._rng.choice(SEGMENTS)
        match self._rng.randrange(4):
            case 0:
                segments[place] = other
            case 1:
                segments.insert(place, other)
            case 2:
                segments[place] += other
            case _:
                del segments[place]
        return replace(request, target="/" + "/".join(segments).lstrip("/") + query)

    def _characters(self, request: Request) -> Request:
        """Other spellings of the same path, which must not be another way in."""
        path, query = _split(request.target)
        letters = list(path or "/")
        for _ in range(self._rng.randrange(1, 6)):
            place = self._rng.randrange(1, len(letters)) if len(letters) > 1 else 0
            letter = letters[place]
            letters[place] = self._rng.choice(
                [
                    "".join(f"%{byte:02x}" for byte in letter.encode()),
                    letter.swapcase(),
                    letter * 2,
                    "",
                    quote(chr(self._rng.randrange(1, 0x2FF)), safe=""),
                ]
            )
        return replace(request, target="/" + "".join(letters).lstrip("/") + query)

    def _slashes(self, request: Request) -> Request:
        path, query = _split(request.target)
        changes = [
            path + "/",
            path.replace("/", "//", 2),
            path.replace("/", "/./", 2),
            path.rstrip("/"),
            "/" + path,
        ]
        changes += [
            path.replace("/", "%2F"),
            f"/x/..{path}",
            path.upper(),
            path + "?",
            path + "%20",
            path + ".",
        ]
        return replace(request, target=self._rng.choice(changes) + query)

    def _query(self, request: Request) -> Request:
        path, query = _split(request.target)
        pairs = query.removeprefix("?").split("&") if query else []
        name = self._rng.choice(PARAMETERS)
        values = NUMBERS if name == "n" else SCOPES if name == "scope" else TEXTS
        value = self._rng.choice(values)
        if name in ("digest", "mount") and self._rng.random() < 0.6:
            value = digest_of(self._rng.choice(BLOBS), self._rng.choice(("sha256", "sha512")))
        if name == "from" and self._rng.random() < 0.6:
            value = self._rng.choice(REPOSITORIES)
        match self._rng.randrange(6):
            case 0 if pairs:
                del pairs[self._rng.randrange(len(pairs))]
            case 1:
                pairs += [f"{name}={value[:20]}"] * self._rng.choice((2, 12, 150))
            case 2:
                pairs.append(self._rng.choice(("&", "=", "%", "%ff=%ff", "a", "?", "n", "+", ";", "%00=%00")))
            case 3 if pairs:
                place = self._rng.randrange(len(pairs))
                pairs[place] = pairs[place].partition("=")[0] + "=" + value
            case _:
                pairs.append(f"{name}={value}")
        return replace(request, target=path + ("?" + "&".join(pairs) if pairs else ""))

    def _header(self, request: Request) -> Request:
        rng = self._rng
        match rng.randrange(6):
            case 0:
                return request.with_header("Content-Type", rng.choice(TYPES))
            case 1:
                return request.with_header("Host", rng.choice(HOSTS))
            case 2 if request.headers:
                return request.with_header(rng.choice(request.headers)[0], None)
            case 3 if request.headers:  # twice, the second one different
                name, value = rng.choice(request.headers)
                return replace(request, headers=(*request.headers, (name, value[::-1].strip())))
            case _:
                return replace(request, headers=(*request.headers, rng.choice(OTHERS)))

    def _range(self, request: Request) -> Request:
        if request.method in ("PATCH", "PUT") or self._rng.random() < 0.2:
            return request.with_header("Content-Range", self._rng.choice(CHUNK_RANGES))
        return request.with_header("Range", self._rng.choice(RANGES))

    def _authorization(self, request: Request) -> Request:
        rng = self._rng
        good = request.header("Authorization") or "Basic YTpi"
        kind, _, rest = good.partition(" ")
        place = rng.randrange(len(rest)) if rest else 0
        tampered = rest[:place] + rng.choice("AZ09.-_= \xff") + rest[place + 1 :]
        header = rng.choice(
            [
                b'{"alg":"none"}',
                b'{"alg":"HS256","kid":"x"}',
                b'{"alg":"EdDSA","kid":{}}',
                b"[" * 3000,
                b"null",
                b"\xff",
            ]
        )
        forged = ".".join(
            base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (header, b"{}", b"x")
        )
        value = rng.choice(
            [
                *(
                    f"{kind} {tampered}",
                    f"{kind} {rest[: len(rest) // 2]}",
                    f"{kind}  {rest}",
                    kind,
                    "",
                    " ",
                    "Basic",
                ),
                *(
                    f"Bearer {forged}",
                    f"{kind.lower()} {rest}",
                    f"{kind.upper()} {rest}",
                    f"Digest {rest}",
                    rest,
                ),
                *(
                    "Bearer " + "a" * 8000,
                    "Basic " + base64.b64encode(b"a:" + b"b" * 2000).decode(),
                    "Basic Og==",
                ),
                *(
                    "Basic " + base64.b64encode(b"\xff\xfe:\x00").decode(),
                    "Basic " + base64.b64encode(b"nocolon").decode(),
                ),
                *("Basic " + base64.b64encode(b"ad\x00min:x").decode(), f"Basic {rest}", f"Bearer {rest}"),
            ]
        )
        return request.with_header("Authorization", value.strip(" ") if rng.random() < 0.5 else value)

    def _body(self, request: Request) -> Request:
        rng, body = self._rng, request.body
        place = rng.randrange(len(body)) if body else 0
        bodies = [
            *(
                b"",
                body[:place],
                body + b"\n",
                body[:place] + bytes([rng.randrange(256)]) + body[place + 1 :],
            ),
            *(
                body * 2,
                b"\x00" * 10,
                b"\x1f\x8b\x08\x00" + body,
                b"\xef\xbb\xbf" + body,
                IMAGE,
                rng.randbytes(100),
            ),
        ]
        return replace(request, body=rng.choice(bodies))

    def _framing(self, request: Request) -> Request:
        return replace(request, chunks=self._rng.choice((None, 1, 2, 7, 100)))

    def _json(self, request: Request) -> Request:
        try:
            document = json.loads(request.body)
        except (ValueError, RecursionError):
            return replace(request, body=self._rng.choice(BOMBS))
        if not isinstance(document, dict):
            return replace(request, body=self._rng.choice(BOMBS))
        for _ in range(self._rng.choice((1, 1, 2, 3))):
            _disturb(document, self._rng)
        text = json.dumps(document)
        if self._rng.random() < 0.1:
            key = self._rng.choice(list(document) or ["a"])
            text = text[:-1] + f",{json.dumps(key)}:null}}"
        return replace(request, body=text.encode())


# fmt: off
BOMBS = (
    b"[" * 20_000, b'{"a":' * 5_000 + b"1" + b"}" * 5_000, b'{"size":' + b"9" * 10_000 + b"}", b"null", b"[]",
    b'"a"', b'{"schemaVersion":2}', b'{"schemaVersion":1}', b'{"schemaVersion":2,"manifests":[]}', b"{}",
    b"1e999", b"NaN", b'{"manifests":' + b"[" + b"{}," * 3_000 + b"{}]}",
    b'{"annotations":{"a":"' + b"x" * 100_000 + b'"}}',
    b"{" + b",".join(b'"k%d":%d' % (number, number) for number in range(4_000)) + b"}",
)
STRANGE: tuple[Any, ...] = (
    None, True, False, 0, 1, 2, -1, 2**63, 2**64, 10**400, 1.5, 1e308, "", "a", "\x00", "\ud800",
    "\U0001f4a5", [], {}, [[]], [None], {"": ""}, "x" * 300, "sha256:" + "0" * 64, "text/html",
    "application/json", ["a"] * 50, "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json", "../../etc/passwd",
    [{"mediaType": "a/b", "digest": digest_of(BLOBS[0]), "size": 2}],
    {"mediaType": "a/b", "digest": digest_of(BLOBS[0]), "size": 2, "urls": ["http://127.0.0.1:1/"]},
)
KEYS = (
    "schemaVersion", "mediaType", "artifactType", "config", "layers", "manifests", "blobs", "subject",
    "annotations", "fsLayers", "digest", "size", "urls", "data", "Layers", "MediaType", "", "\x00", "\ud800",
    "__proto__", "x" * 500,
)
# fmt: on


def _disturb(document: dict[str, Any], rng: random.Random) -> None:
    """One change somewhere in the document, at any depth."""
    here: Any = document
    for _ in range(rng.randrange(4)):
        inner = [
            child
            for child in (here.values() if isinstance(here, dict) else here)
            if isinstance(child, (dict, list)) and child
        ]
        if not inner:
            break
        here = rng.choice(inner)
    if isinstance(here, list):
        here[rng.randrange(len(here))] = _strange(rng)
        return
    keys = list(here)
    match rng.randrange(4):
        case 0 if keys:
            del here[rng.choice(keys)]
        case 1 if keys:
            here[rng.choice(KEYS)] = here.pop(rng.choice(keys))
        case 2:
            here[rng.choice(KEYS)] = _strange(rng)
        case _:
            here[rng.choice(keys or KEYS)] = _strange(rng)


def _strange(rng: random.Random) -> Any:
    """A copy: what is put into one document may be disturbed there."""
    return copy.deepcopy(rng.choice(STRANGE))


def _split(target: str) -> tuple[str, str]:
    path, separator, query = target.partition("?")
    return path, separator + query
