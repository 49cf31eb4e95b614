"""Which tags a condition is for."""

from __future__ import annotations

import time

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from wherry.oci.names import TAG_PATTERN
from wherry.triggers.conditions import Condition, ConditionKind, InvalidCondition


@pytest.mark.parametrize(
    ("kind", "text", "holds", "fails"),
    [
        ("all", "", ["1.4", "latest"], []),
        ("tag", "prod", ["prod"], ["prod2", "Prod"]),
        ("tag", "prod; stage ;1.4", ["prod", "stage", "1.4"], ["1.40", "prod;stage"]),
        ("regex", r"1\.\d+", ["1.4", "1.40"], ["1.4-rc", "11.4", "v1.4"]),
        ("regex", ".*", ["anything", "1"], []),
        ("regex", "^latest$", ["latest"], ["latest-1"]),
        ("regex", "a|b", ["a", "b"], ["ab", "xa"]),
        ("glob", "1.*", ["1.4", "1."], ["1", "214", "11.4"]),
        ("glob", "{stage,prod}-?[0-9]", ["stage-a1", "prod-_9"], ["test-a1", "prod-9"]),
        ("glob", "v[!0]*", ["v1", "v12"], ["v0", "v"]),
        ("glob", "a**b", ["ab", "a.x-b"], ["abc"]),
        ("semver", "~1.4", ["1.4", "v1.4.9", "1.4.0"], ["1.5.0", "2.0", "1.4.1-rc.1", "latest"]),
    ],
)
def test_a_condition_is_about_the_whole_tag(kind: str, text: str, holds: list[str], fails: list[str]) -> None:
    condition = Condition(ConditionKind(kind), text)
    condition.check()
    assert [tag for tag in holds if not condition.holds(tag)] == []
    assert [tag for tag in fails if condition.holds(tag)] == []
    assert all(condition.why_not(tag) for tag in fails)


@pytest.mark.parametrize(
    ("kind", "text", "says"),
    [
        ("tag", "", "names 1 to"),
        ("tag", "a b", "a tag is"),
        ("tag", ";;", "names 1 to"),
        ("regex", "(", "missing"),
        ("regex", "(?=a)", "invalid perl operator"),
        ("regex", r"(a)\1", "invalid escape"),
        ("regex", "((a{1000}){1000}){1000}", "repetition"),
        ("regex", "", "says what tags"),
        ("regex", "a" * 1001, "at most 1000"),
        ("glob", "[a", "without its"),
        ("glob", "{a,b", "do not pair"),
        ("glob", "a}", "do not pair"),
        ("semver", "nonsense", "no version"),
        ("semver", "1 ||", "such as"),
    ],
)
def test_what_cannot_be_read_is_told(kind: str, text: str, says: str) -> None:
    condition = Condition(ConditionKind(kind), text)
    with pytest.raises(InvalidCondition, match=says):
        condition.check()
    assert not condition.holds("a")


@pytest.mark.parametrize("text", ["(a+)+$", "(a|a)*b", "(.*a){12}x", "([a-z]+)*=", "a?" * 60 + "a" * 60])
def test_no_expression_explodes(text: str) -> None:
    condition = Condition(ConditionKind.REGEX, text)
    condition.check()
    began = time.perf_counter()
    for _ in range(100):
        condition.holds("a" * 128)
    assert time.perf_counter() - began < 1  # with backtracking it would take longer than the universe has


@given(st.from_regex(TAG_PATTERN, fullmatch=True), st.text(max_size=60))
def test_any_text_is_a_condition_or_told(tag: str, text: str) -> None:
    for kind in ConditionKind:
        condition = Condition(kind, text)
        told = ""
        try:
            condition.check()
        except InvalidCondition as error:
            told = str(error) or "nothing"
        assert told != "nothing"
        assert not (told and condition.holds(tag))


PARTS = st.sampled_from(
    ["v", "1", "2", ".", "-", "rc", "K", "s", r"\d", "[a-z]", "[^0-9]", ".*", r"\.", "^", "$", "(?i)"]
)
REPEATS = st.sampled_from(["", "", "*", "+", "?", "{2}", "|"])


@given(
    st.lists(st.tuples(PARTS, REPEATS), min_size=1, max_size=6),
    st.lists(st.text("v12.-rckKsSx", min_size=1, max_size=5), min_size=1, max_size=30),
)
def test_what_is_told_without_asking_the_expression_is_what_it_says(
    parts: list[tuple[str, str]], tags: list[str]
) -> None:
    text = "".join(part + repeat for part, repeat in parts)
    try:
        expected = re2.compile(text)
    except re2.error:
        return
    condition = Condition(ConditionKind.REGEX, text)
    assert [condition.holds(tag) for tag in tags] == [expected.fullmatch(tag) is not None for tag in tags]


@given(st.from_regex(TAG_PATTERN, fullmatch=True))
def test_a_tag_is_its_own_pattern(tag: str) -> None:
    assert Condition(ConditionKind.TAG, tag).holds(tag)
    assert Condition(ConditionKind.GLOB, tag).holds(tag)
    assert Condition(ConditionKind.GLOB, "*").holds(tag)
