"""SDK-HMAC-SHA256 against answers that SWR's official signer gave, and against what a forger may try."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from wherry.access.request_signing import InvalidSignature, SignedRequest, is_right, is_signed, read_signature

SECRET = "SKtest-secret-0123456789abcdefghijklmnop"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HEADERS = [
    (b"content-type", b"application/json"),
    (b"host", b"127.0.0.1:18571"),
    (b"user-agent", b"ua"),
    (b"x-project-id", b"p1"),
    (b"x-sdk-date", b"20260102T030405Z"),
]
SIGNED = "content-type;host;user-agent;x-project-id;x-sdk-date"
FIRST = "e1bbeb63a1bdf92850dd1ecc4a8c8253f3240ef8c357fda50fff3bb1014a98d2"
SECOND = "abe3be8ade7083e29e33b2d8dadcbca7a37e596cd6479784c8049d8bb35d6b27"
PATH = b"/v2/manage/namespaces/group/repos/app%2Fweb"
QUERY = b"a=1&b=x%20y&filter=namespace%3A%3Agroup%7Cmode%3A%3Avisible"
BODY = b'{"is_public": true}'


def _authorization(signature: str, signed: str = SIGNED) -> tuple[bytes, bytes]:
    text = f"SDK-HMAC-SHA256 Access=AKTEST0123456789AB, SignedHeaders={signed}, Signature={signature}"
    return (b"authorization", text.encode())


def _first(headers=HEADERS, authorization=None) -> SignedRequest:
    headers = [*headers, authorization or _authorization(FIRST)]
    return SignedRequest("GET", b"/v2/manage/namespaces", b"", headers)


def _second(path: bytes = PATH, query: bytes = QUERY) -> SignedRequest:
    return SignedRequest("PATCH", path, query, [*HEADERS, _authorization(SECOND)])


def _right(request: SignedRequest, body: bytes = b"", secret: str = SECRET) -> bool:
    return is_right(read_signature(request, NOW), request, body, secret)


def test_a_request_without_query_and_body():
    assert _right(_first())
    assert read_signature(_first(), NOW).access_key_id == "AKTEST0123456789AB"


def test_a_request_with_query_and_body():
    assert _right(_second(), BODY)


def test_a_slash_at_the_end_and_how_bytes_are_encoded_make_no_difference():
    assert _right(_second(path=b"/v2/manage/namespaces/group/repos/app%2fweb/"), BODY)
    assert _right(_second(path=b"/v2/manage/namespaces/%67roup/repos/app/web"), BODY)
    assert _right(_second(query=b"b=x%20y&filter=namespace::group%7cmode::visible&a=1"), BODY)


@pytest.mark.parametrize(
    ("request_", "body", "secret"),
    [
        (_second(), BODY + b" ", SECRET),
        (_second(), b"", SECRET),
        (_second(), BODY, SECRET + "x"),
        (_second(), BODY, ""),
        (_second(query=QUERY + b"&c=1"), BODY, SECRET),
        (_second(query=QUERY.replace(b"a=1", b"a=2")), BODY, SECRET),
        (_second(query=QUERY.replace(b"x%20y", b"x+y")), BODY, SECRET),
        (_second(path=b"/v2/manage/namespaces/group/repos/app%252Fweb"), BODY, SECRET),
        (_second(path=b"/v2/manage/namespaces/group/repos/app"), BODY, SECRET),
    ],
)
def test_anything_else_is_not_right(request_: SignedRequest, body: bytes, secret: str):
    assert not _right(request_, body, secret)


@pytest.mark.parametrize("place", range(5))
def test_each_signed_header_counts(place: int):
    headers = list(HEADERS)
    name, value = headers[place]
    # The date stays a date, so that it is the signature that refuses.
    headers[place] = (name, value.replace(b"05Z", b"06Z") if name == b"x-sdk-date" else value + b"x")
    assert not _right(_first(headers))


def test_what_was_added_after_signing_does_not_count():
    assert _right(_first([*HEADERS, (b"accept", b"*/*"), (b"content-length", b"0")]))


def test_spaces_around_a_value_do_not_count():
    assert _right(_first([(name, b" " + value + b"  ") for name, value in HEADERS]))


def test_a_signed_header_that_is_not_there():
    assert not _right(_first(HEADERS[:3] + HEADERS[4:]))


def test_a_stated_hash_has_to_be_the_bodys():
    assert not _right(_first([*HEADERS, (b"x-sdk-content-sha256", b"UNSIGNED-PAYLOAD")]))
    assert not _right(_first([*HEADERS, (b"x-sdk-content-sha256", b"0" * 64)]))


@pytest.mark.parametrize("name", [b"host", b"x-sdk-date", b"user-agent"])
def test_a_header_twice_is_refused(name: bytes):
    with pytest.raises(InvalidSignature, match="more than once"):
        _right(_first([*HEADERS, (name, b"other")]))


@pytest.mark.parametrize("name", ["host", "x-sdk-date"])
def test_host_and_date_have_to_be_covered(name: str):
    signed = ";".join(part for part in SIGNED.split(";") if part != name)
    with pytest.raises(InvalidSignature, match=name):
        read_signature(_first(authorization=_authorization(FIRST, signed)), NOW)


@pytest.mark.parametrize(("seconds", "fresh"), [(900, True), (-900, True), (901, False), (-901, False)])
def test_a_quarter_of_an_hour_is_the_limit(seconds: int, fresh: bool):
    now = NOW + timedelta(seconds=seconds)
    if fresh:
        assert read_signature(_first(), now).date == b"20260102T030405Z"
    else:
        with pytest.raises(InvalidSignature, match="expired"):
            read_signature(_first(), now)


@pytest.mark.parametrize("date", [b"", b"today", b"2026-01-02T03:04:05Z", b"20261302T030405Z", b"\xff"])
def test_a_date_that_is_none(date: bytes):
    with pytest.raises(InvalidSignature, match="X-Sdk-Date"):
        read_signature(_first([*HEADERS[:4], (b"x-sdk-date", date)]), NOW)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"SDK-HMAC-SHA256",
        b"SDK-HMAC-SHA256 Access=A, SignedHeaders=host;x-sdk-date, Signature=" + b"Z" * 64,
        b"SDK-HMAC-SHA256 Access=A, SignedHeaders=host;x-sdk-date, Signature=" + b"0" * 63,
        b"SDK-HMAC-SHA256 Access=, SignedHeaders=host;x-sdk-date, Signature=" + b"0" * 64,
        b"SDK-HMAC-SHA256 Access=A, SignedHeaders=Host;x-sdk-date, Signature=" + b"0" * 64,
        b"SDK-HMAC-SM3 Access=A, SignedHeaders=host;x-sdk-date, Signature=" + b"0" * 64,
        b"SDK-HMAC-SHA256 Access=A, SignedHeaders=host;x-sdk-date, Signature=" + b"0" * 64 + b", x",
        b"Basic YTpi",
    ],
)
def test_an_authorization_that_is_none(value: bytes):
    with pytest.raises(InvalidSignature):
        read_signature(_first(authorization=(b"authorization", value)), NOW)


def test_nothing_at_all():
    with pytest.raises(InvalidSignature, match="sign the request"):
        read_signature(SignedRequest("GET", b"/", b"", HEADERS), NOW)


def test_what_means_to_be_signed():
    assert is_signed([_authorization("broken")])
    assert not is_signed([(b"authorization", b"Basic YTpi")])
    assert not is_signed(HEADERS)
