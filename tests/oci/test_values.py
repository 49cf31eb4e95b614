"""Names, tags, digests and media types: what is one, and what is not."""

import hashlib

import pytest

from wherry.oci.digests import Algorithm, Digest
from wherry.oci.errors import InvalidDigest, InvalidMediaType, InvalidName, InvalidTag, InvalidValue
from wherry.oci.media_types import parse_media_type
from wherry.oci.names import RepositoryName, Tag, parse_reference

HEX = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("name", "organization"),
    [
        ("busybox", "library"),
        ("acme/web", "acme"),
        ("acme/web/api", "acme"),
        ("a.b_c__d---e/0", "a.b_c__d---e"),
        ("a" * 255, "library"),
    ],
)
def test_a_repository_name(name: str, organization: str) -> None:
    parsed = RepositoryName.parse(name)
    assert (str(parsed), parsed.organization) == (name, organization)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/",
        "a/",
        "/a",
        "a//b",
        "A",
        "a..b",
        "a___b",
        "a-/b",
        ".a",
        "a b",
        "a\n",
        "ä",
        "a:b",
        "a@b",
        "a" * 256,
    ],
)
def test_no_repository_name(name: str) -> None:
    with pytest.raises(InvalidName):
        RepositoryName.parse(name)


@pytest.mark.parametrize("tag", ["a", "1.0", "_", "A-b.c_D", "a" * 128])
def test_a_tag(tag: str) -> None:
    assert str(Tag.parse(tag)) == tag
    assert parse_reference(tag) == Tag(tag)


@pytest.mark.parametrize("tag", ["", ".a", "-a", "a" * 129, "a/b", "a b", "a\n", "ä"])
def test_no_tag(tag: str) -> None:
    with pytest.raises(InvalidTag):
        Tag.parse(tag)


def test_digests_of_content() -> None:
    for algorithm in Algorithm:
        digest = Digest.of(b"content", algorithm)
        assert digest.encoded == hashlib.new(algorithm.value, b"content").hexdigest()
        assert Digest.parse(str(digest)) == digest == parse_reference(str(digest))


@pytest.mark.parametrize(
    "text",
    [
        "",
        HEX,
        f"sha256:{HEX[1:]}",
        f"sha256:{HEX}0",
        f"sha256:{HEX.upper()}",
        f"SHA256:{HEX}",
        f"sha512:{HEX}",
        f"md5:{HEX[:32]}",
        f"sha256:{HEX}\n",
        f"sha256:{HEX[:-1]}٣",
        f"sha256:sha256:{HEX}",
        f"sha256:../{HEX[:-3]}",
    ],
)
def test_no_digest(text: str) -> None:
    with pytest.raises(InvalidDigest):
        Digest.parse(text)


def test_a_colon_makes_a_reference_a_digest() -> None:
    with pytest.raises(InvalidDigest):
        parse_reference("latest:1")


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("a/b", "a/b"),
        ("text/plain; charset=utf-8", "text/plain"),
        (" application/x+json ;a=b", "application/x+json"),
    ],
)
def test_a_media_type_goes_without_parameters(text: str, bare: str) -> None:
    assert parse_media_type(text) == bare


@pytest.mark.parametrize(
    "text", ["", "a", "a/", "/b", "a/b/c", "a b/c", "a/b c", "*/*", "a/" + "b" * 128, "ä/b"]
)
def test_no_media_type(text: str) -> None:
    with pytest.raises(InvalidMediaType):
        parse_media_type(text)


def test_an_error_repeats_no_more_than_a_little_of_what_came() -> None:
    with pytest.raises(InvalidValue) as refused:
        RepositoryName.parse("A" * 100_000)
    assert len(str(refused.value)) < 500
