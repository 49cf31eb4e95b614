"""Property tests of the values that are parsed at the edge, against grammars written a second time."""

from __future__ import annotations

import string

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.hostile import grammars
from wherry.access.actions import Verb
from wherry.access.scopes import MAX_SCOPES, Scope, parse_scopes
from wherry.oci.digests import Algorithm, Digest
from wherry.oci.errors import InvalidDigest, InvalidMediaType, InvalidName, InvalidTag
from wherry.oci.media_types import parse_media_type
from wherry.oci.names import RepositoryName, Tag, parse_reference
from wherry.web.distribution.errors import Problem
from wherry.web.distribution.ranges import asked_piece, chunk_piece

checked = settings(max_examples=200, deadline=None)

# Few characters, so that almost every text is nearly right; and what looks like a digit or a letter only.
NAME_LIKE = st.text("az09._-/AZ\n %é٣ſ", max_size=24)
TAG_LIKE = st.text("aZ09._-:/\n é٣K", max_size=12) | st.text("a.", min_size=126, max_size=130)
NUMBER_LIKE = st.integers(0, 10**21).map(str) | st.sampled_from(
    ["", "٣", "²", "+1", "-1", " 1", "1_0", "1e3", "0x1"]
)
HEX_LIKE = st.text("09afAFg\n٣", min_size=60, max_size=66) | st.text("0f", min_size=64, max_size=64)

component = st.lists(
    st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=8), min_size=1, max_size=4
).flatmap(
    lambda words: st.lists(
        st.sampled_from([".", "_", "__", "-", "--", "-----"]),
        min_size=len(words) - 1,
        max_size=len(words) - 1,
    ).map(
        lambda between: words[0] + "".join(sep + word for sep, word in zip(between, words[1:], strict=True))
    )
)
names = st.lists(component, min_size=1, max_size=6).map("/".join).filter(lambda name: len(name) <= 255)
tags = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", fullmatch=True)
digests = st.builds(
    lambda algorithm, content: Digest.of(content, algorithm), st.sampled_from(Algorithm), st.binary()
)


@checked
@given(names)
def test_every_name_of_the_grammar_is_accepted_and_kept_as_it_is(name):
    assert grammars.is_name(name)
    assert str(RepositoryName.parse(name)) == name
    assert RepositoryName.parse(name).organization == (name.split("/")[0] if "/" in name else "library")


@checked
@given(NAME_LIKE | st.text(max_size=300))
@example("a" * 255)
@example("a" * 256)
@example("a/../b")
@example("a\n")
@example("")
def test_a_name_is_accepted_just_where_the_grammar_says(text):
    _same(grammars.is_name(text), RepositoryName.parse, InvalidName, text)


@checked
@given(tags)
def test_every_tag_of_the_grammar_is_accepted_and_kept_as_it_is(tag):
    assert grammars.is_tag(tag)
    assert str(Tag.parse(tag)) == tag
    assert parse_reference(tag) == Tag.parse(tag)


@checked
@given(TAG_LIKE | st.text(max_size=140))
def test_a_tag_is_accepted_just_where_the_grammar_says(text):
    _same(grammars.is_tag(text), Tag.parse, InvalidTag, text)


@checked
@given(digests)
def test_a_digest_comes_back_from_its_text(digest):
    assert grammars.is_digest(str(digest))
    assert Digest.parse(str(digest)) == digest
    assert parse_reference(str(digest)) == digest


@checked
@given(
    st.text(max_size=200)
    | st.builds("{}:{}".format, st.sampled_from(["sha256", "sha512", "SHA256", "md5", ""]), HEX_LIKE)
)
@example("sha256:" + "a" * 64 + "\n")
@example("sha512:" + "a" * 64)
def test_a_digest_is_accepted_just_where_the_grammar_says(text):
    _same(grammars.is_digest(text), Digest.parse, InvalidDigest, text)


@checked
@given(st.text(max_size=140))
def test_a_reference_is_a_tag_a_digest_or_refused(text):
    if grammars.is_tag(text) or grammars.is_digest(text):
        assert str(parse_reference(text)) == text
    else:
        with pytest.raises((InvalidTag, InvalidDigest)):
            parse_reference(text)


@checked
@given(st.text("aZ0!#$&^_.+-/; \n\té٣", max_size=20) | st.text(max_size=300))
@example("a" * 127 + "/" + "b" * 127)
@example("a" * 128 + "/b")
@example("application/json; charset=utf-8")
def test_a_media_type_is_accepted_just_where_the_grammar_says_and_loses_its_parameters(text):
    bare = text.partition(";")[0].strip()
    if grammars.is_media_type(bare):
        assert parse_media_type(text) == bare
        assert parse_media_type(bare) == bare
    else:
        with pytest.raises(InvalidMediaType):
            parse_media_type(text)


range_like = st.builds(
    "{}{}{}-{}".format,
    st.sampled_from(["bytes", "bytes", "octets", ""]),
    st.sampled_from(["=", "=", " "]),
    NUMBER_LIKE,
    NUMBER_LIKE,
)


@checked
@given(range_like | st.text("bytes=-,0123456789 ٣", max_size=20), st.integers(0, 10**12))
@example("bytes=-0", 10)
@example("bytes=5-3", 10)
@example("bytes=0-0", 0)
@example("bytes=0-1,3-4", 10)
def test_a_range_asks_for_what_rfc_9110_says(header, size):
    expected = grammars.byte_range(header, size)
    if expected is None or len(header) > len("bytes=-") + 19:
        # Not one range in bytes: the whole is sent. Numbers past any file may be read either way.
        try:
            piece = asked_piece(header, size)
        except Problem:
            assert expected is not None
        else:
            assert piece is None or (expected is not None and 0 <= piece.start < piece.stop <= size)
        return
    first, last = expected
    if first > last:
        with pytest.raises(Problem) as refused:
            asked_piece(header, size)
        assert refused.value.status == 416
        assert refused.value.headers["content-range"] == f"bytes */{size}"
    else:
        piece = asked_piece(header, size)
        assert piece is not None
        assert (piece.start, piece.stop, piece.length) == (first, last + 1, last + 1 - first)


@checked
@given(
    st.builds("{}-{}".format, NUMBER_LIKE, NUMBER_LIKE)
    | st.text("0123456789-/* bytes=٣\n", max_size=20)
    | st.text(max_size=20)
)
@example("0-0")
@example("5-4")
@example("bytes 0-5/6")
@example("bytes 0-5/*")
@example("bytes=0-5")
@example("0-5/anything")
def test_a_chunk_is_where_its_content_range_says(header):
    # The form of RFC 9110 §14.4 is understood as well: some clients send `bytes 0-5/6`.
    bare, slash, total = header.strip(" \t").removeprefix("bytes ").partition("/")
    if slash and total != "*" and (len(total) > 19 or grammars.chunk_range(f"{total}-0") is None):
        bare = "no chunk"
    expected = grammars.chunk_range(bare)
    if expected is None or max(expected) >= 10**19 or max(map(len, bare.split("-"))) > 19:
        with pytest.raises(Problem) as refused:
            chunk_piece(header)
        assert refused.value.status == 400
    elif expected[1] < expected[0]:
        with pytest.raises(Problem) as refused:
            chunk_piece(header)
        assert refused.value.status == 416
    else:
        piece = chunk_piece(header)
        assert piece is not None
        assert (piece.start, piece.stop) == (expected[0], expected[1] + 1)


def test_a_request_without_ranges_asks_for_the_whole():
    assert asked_piece(None, 5) is None
    assert asked_piece("", 5) is None
    assert chunk_piece(None) is None


scopes = st.builds(
    lambda name, verbs: Scope(RepositoryName.parse(name), frozenset(verbs)),
    names,
    st.lists(st.sampled_from(Verb), min_size=1, unique=True),
)


@checked
@given(st.lists(scopes, max_size=5), st.booleans())
def test_scopes_come_back_from_their_texts(asked, catalog):
    texts = [str(scope) for scope in asked] + (["registry:catalog:*"] if catalog else [])
    merged: dict[RepositoryName, frozenset[Verb]] = {}
    for scope in asked:
        merged[scope.repository] = merged.get(scope.repository, frozenset()) | scope.verbs
    for written in (texts, [" ".join(texts)]):
        read = parse_scopes(written)
        assert {scope.repository: scope.verbs for scope in read.repositories} == merged
        assert read.catalog is catalog


@checked
@given(st.lists(st.text(max_size=60) | st.text("repositygcal:*,/(). pudeh", max_size=40), max_size=8))
@example(["repository:a/b:*"])
@example(["repository(plugin):a/b:pull"])
@example(["repository:a:b:pull"])
@example(["repository:a/../b:pull,push", "registry:catalog:*"])
@example(["repository::pull", ":::", "repository", "repository:"])
def test_a_scope_that_means_nothing_grants_nothing_and_never_fails(texts):
    read = parse_scopes(texts)
    for scope in read.repositories:
        assert grammars.is_name(str(scope.repository))
        assert any(f":{scope.repository}:" in text for text in texts)
        for verb in scope.verbs:
            assert any(verb in text or "*" in text for text in texts)


def test_a_stranger_cannot_ask_for_more_scopes_than_anybody_needs():
    read = parse_scopes([f"repository:a/{number}:pull" for number in range(100_000)])
    assert len(read.repositories) == MAX_SCOPES


def _same(allowed, parse, refusal, text):
    """`parse` accepts just what is allowed, keeps it, and refuses the rest with its own error alone."""
    if allowed:
        assert str(parse(text)) == text
    else:
        with pytest.raises(refusal) as refused:
            parse(text)
        assert len(str(refused.value)) < 2000
