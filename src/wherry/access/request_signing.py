"""SDK-HMAC-SHA256: whether a request was signed by the holder of an access key's secret. Pure; no database.

The signer names the headers that it covers. Host and X-Sdk-Date have to be among them, the date is near our
own, and the body is always hashed: one that came in another way than it was signed is refused. There is no
memory of signatures: two equal calls within a second are byte for byte the same.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote_from_bytes, unquote_to_bytes

ALGORITHM = b"SDK-HMAC-SHA256"
MAX_SKEW = timedelta(minutes=15)

_AUTHORIZATION = re.compile(
    rb"SDK-HMAC-SHA256 +Access=([A-Za-z0-9]{1,128}), *SignedHeaders=([a-z0-9;!#$%&'*+.^`|~-]{1,4096}),"
    rb" *Signature=([0-9a-f]{64})"
)
_DATE_FORMAT = "%Y%m%dT%H%M%SZ"
_REQUIRED = (b"host", b"x-sdk-date")
_CONTENT_HASH = b"x-sdk-content-sha256"


class InvalidSignature(Exception):
    """The text says what is wrong, and never whether an access key is there."""


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request as it came over the wire; header names in lowercase."""

    method: str
    raw_path: bytes
    query: bytes
    headers: Sequence[tuple[bytes, bytes]]

    def value(self, name: bytes) -> bytes | None:
        """The header's value. Raises `InvalidSignature` where it came twice: two readers would see two."""
        found = [value for key, value in self.headers if key == name]
        if len(found) > 1:
            raise InvalidSignature(f"the header {name.decode('latin-1')} came more than once")
        return found[0].strip() if found else None


@dataclass(frozen=True, slots=True)
class Signature:
    """What the Authorization header says; nothing of it is proven yet."""

    access_key_id: str
    signed_headers: tuple[bytes, ...]
    date: bytes
    value: bytes


def is_signed(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether the request means to be one of this algorithm."""
    return any(name == b"authorization" and value.startswith(ALGORITHM) for name, value in headers)


def read_signature(request: SignedRequest, now: datetime) -> Signature:
    """The signature of the request. Raises `InvalidSignature`: not one of ours, incomplete, or too old."""
    authorization = request.value(b"authorization")
    if authorization is None:
        raise InvalidSignature("sign the request with an access key: SDK-HMAC-SHA256")
    found = _AUTHORIZATION.fullmatch(authorization)
    if found is None:
        raise InvalidSignature(
            "Authorization is 'SDK-HMAC-SHA256 Access=…, SignedHeaders=…, Signature=…' in this order"
        )
    names = tuple(found[2].split(b";"))
    for name in _REQUIRED:
        if name not in names:
            raise InvalidSignature(f"the signature covers the header {name.decode()}")
    date = request.value(b"x-sdk-date") or b""
    _check_date(date, now)
    return Signature(found[1].decode(), names, date, found[3])


def is_right(signature: Signature, request: SignedRequest, body: bytes, secret: str) -> bool:
    """Whether the holder of `secret` signed exactly this. Raises `InvalidSignature` for a header twice."""
    body_hash = hashlib.sha256(body).hexdigest().encode()
    stated = request.value(_CONTENT_HASH)
    if stated is not None and stated != body_hash:
        return False
    canonical = _canonical_request(signature, request, body_hash)
    if canonical is None:
        return False
    to_sign = b"\n".join((ALGORITHM, signature.date, hashlib.sha256(canonical).hexdigest().encode()))
    expected = hmac.digest(secret.encode(), to_sign, hashlib.sha256).hex().encode()
    return hmac.compare_digest(expected, signature.value)


def _check_date(date: bytes, now: datetime) -> None:
    try:
        signed_at = datetime.strptime(date.decode("ascii"), _DATE_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        raise InvalidSignature("X-Sdk-Date is a moment in UTC such as 20260102T030405Z") from None
    if abs(now - signed_at) > MAX_SKEW:
        raise InvalidSignature(
            f"signature expired: X-Sdk-Date is {date.decode()}, and the server's clock says"
            f" {now.astimezone(UTC).strftime(_DATE_FORMAT)}; they may be 15 minutes apart"
        )


def _canonical_request(signature: Signature, request: SignedRequest, body_hash: bytes) -> bytes | None:
    lines = [request.method.encode(), _canonical_path(request.raw_path), _canonical_query(request.query)]
    for name in signature.signed_headers:
        value = request.value(name)
        if value is None:
            return None
        lines.append(name + b":" + value)
    lines += [b"", b";".join(signature.signed_headers), body_hash]
    return b"\n".join(lines)


def _canonical_path(raw_path: bytes) -> bytes:
    path = b"/".join(_quoted(part) for part in unquote_to_bytes(raw_path).split(b"/"))
    return path if path.endswith(b"/") else path + b"/"


def _canonical_query(query: bytes) -> bytes:
    pairs = []
    for pair in query.split(b"&"):
        if pair:
            key, _, value = pair.partition(b"=")
            pairs.append((unquote_to_bytes(key), unquote_to_bytes(value)))
    return b"&".join(_quoted(key) + b"=" + _quoted(value) for key, value in sorted(pairs))


def _quoted(part: bytes) -> bytes:
    return quote_from_bytes(part, safe="~").encode()
