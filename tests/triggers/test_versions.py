"""Versions and ranges, as semver.org and npm have them."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherry.triggers.versions import InvalidRange, Range, Version

ORDERED = [
    "0.9.9", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2",
    "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.2.0", "1.10.0", "2.0.0",
]  # fmt: skip


def test_versions_are_ordered_as_the_specification_says() -> None:
    parsed = [version for text in ORDERED if (version := Version.parse(text)) is not None]
    assert len(parsed) == len(ORDERED)
    assert all(one < other for one, other in itertools.pairwise(parsed))


@pytest.mark.parametrize(
    "text", ["latest", "1.2.3.4", "01.2.3", "1.2.3-01", "v", "", "1..2", "1.2.x", "2026-01"]
)
def test_other_tags_are_no_versions(text: str) -> None:
    found = Version.parse(text)
    # A date looks like a version with a pre-release.
    assert found is None or text == "2026-01"


def test_a_short_version_is_its_first() -> None:
    assert Version.parse("1.4") == Version.parse("v1.4.0") == Version(1, 4, 0)
    assert str(Version(1, 4, 0, ("rc", "1"))) == "1.4.0-rc.1"


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("~1.4", ["1.4.0", "1.4.99"], ["1.5.0", "1.3.9", "2.0.0", "1.5.0-rc.1", "1.4.1-rc.1"]),
        ("~>1.4.2", ["1.4.2", "1.4.3"], ["1.4.1", "1.5.0"]),
        ("~1", ["1.0.0", "1.99.0"], ["2.0.0", "0.9.0"]),
        ("^1", ["1.0.0", "1.9.9"], ["2.0.0", "0.9.9", "2.0.0-rc.1"]),
        ("^1.2.3", ["1.2.3", "1.9.0"], ["1.2.2", "2.0.0"]),
        ("^0.2.3", ["0.2.3", "0.2.9"], ["0.3.0", "0.2.2"]),
        ("^0.0.3", ["0.0.3"], ["0.0.4", "0.0.2"]),
        ("^0", ["0.0.1", "0.9.0"], ["1.0.0"]),
        (">=2 <3", ["2.0.0", "2.9.9"], ["3.0.0", "1.9.9", "3.0.0-rc.1"]),
        (">=2, <3", ["2.0.0", "2.9.9"], ["3.0.0"]),
        ("> 1.4", ["1.5.0", "2.0.0"], ["1.4.0", "1.4.9"]),
        (">1.4.2", ["1.4.3"], ["1.4.2"]),
        ("<=1.4", ["1.4.9", "0.1.0"], ["1.5.0"]),
        ("<2.0.0", ["1.9.9"], ["2.0.0"]),
        ("1.x", ["1.0.0", "1.7.2"], ["2.0.0", "0.9.0"]),
        ("1.2.*", ["1.2.0", "1.2.5"], ["1.3.0"]),
        ("1", ["1.0.0", "1.7.2"], ["2.0.0"]),
        ("=1.4.2", ["1.4.2"], ["1.4.3", "1.4.1"]),
        ("1.4.2", ["1.4.2"], ["1.4.3"]),
        ("1.2 - 1.4", ["1.2.0", "1.4.9"], ["1.5.0", "1.1.9"]),
        ("1.x || >=3.1", ["1.2.3", "3.1.0", "4.0.0"], ["2.0.0", "3.0.9"]),
        ("*", ["0.0.1", "99.0.0"], ["1.0.0-rc.1"]),
        ("x", ["0.0.1", "99.0.0"], []),
        (">=1.4.0-rc.1", ["1.4.0-rc.1", "1.4.0-rc.2", "1.4.0", "2.0.0"], ["1.4.0-beta", "1.5.0-rc.1"]),
    ],
)
def test_ranges(text: str, inside: list[str], outside: list[str]) -> None:
    found = Range.parse(text)
    assert [one for one in inside if not _contains(found, one)] == []
    assert [one for one in outside if _contains(found, one)] == []


@pytest.mark.parametrize("text", ["", "abc", ">=", "1.2.3.4", "||", "1 ||", "~a", ">*", "1" * 300])
def test_other_texts_are_no_ranges(text: str) -> None:
    with pytest.raises(InvalidRange):
        Range.parse(text)


VERSIONS = st.builds(Version, *[st.integers(0, 40)] * 3)


@given(VERSIONS, VERSIONS)
def test_bounds_agree_with_the_order(one: Version, other: Version) -> None:
    assert Range.parse(f">={one}").contains(other) is (other >= one)
    assert Range.parse(f"<{one}").contains(other) is (other < one)
    assert Range.parse(f"={one}").contains(other) is (other == one)
    assert Range.parse(f"^{one.major}").contains(other) is (other.major == one.major)


TERMS = st.lists(
    st.tuples(
        st.sampled_from([">=", ">", "<", "<=", "=", "~", "^", ""]),
        st.from_regex(r"[0-3](\.[0-3]){0,2}(-rc\.1)?", fullmatch=True),
    ),
    min_size=1,
    max_size=3,
)


@given(
    st.lists(TERMS, min_size=1, max_size=3),
    st.builds(Version, *[st.integers(0, 4)] * 3, st.sampled_from([(), ("rc", "1")])),
)
def test_what_a_range_contains_is_in_its_span(terms: list[list[tuple[str, str]]], version: Version) -> None:
    text = " || ".join(" ".join(f"{operator}{number}" for operator, number in part) for part in terms)
    try:
        found = Range.parse(text)
    except InvalidRange:
        return
    lowest, highest = found.span
    if found.contains(version):
        assert lowest <= version.numbers <= highest


@given(st.text(max_size=40))
def test_any_text_is_a_range_or_told(text: str) -> None:
    try:
        found = Range.parse(text)
    except InvalidRange:
        return
    assert found.contains(Version(1, 2, 3)) in (True, False)


def _contains(found: Range, text: str) -> bool:
    version = Version.parse(text)
    assert version is not None
    return found.contains(version)
