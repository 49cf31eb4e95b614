"""YAML is JSON in another spelling here: no aliases, no doubles, no dates, and it stays small."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherry.clusters.yaml_text import InvalidYaml, read_documents, read_yaml, write_yaml

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=30)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(TEXTS, JSON))
def test_what_is_written_is_read_again(value: dict[str, Any]) -> None:
    assert read_yaml(write_yaml(value)) == value


def test_several_documents_and_empty_ones() -> None:
    assert read_documents("---\na: 1\n---\n---\nb: 2\n") == ({"a": 1}, {"b": 2})
    assert read_yaml("") is None
    with pytest.raises(InvalidYaml, match="more than one document"):
        read_yaml("a: 1\n---\nb: 2\n")


def test_dates_stay_texts_and_keys_are_texts() -> None:
    assert read_yaml("when: 2024-01-01\n1: a\nyes: b\n") == {"when": "2024-01-01", "1": "a", "yes": "b"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &x [1]\nb: *x\n", "alias"),
        ("a: 1\na: 2\n", "'a' is there twice"),
        ("a: [1\n", "no YAML: .*at line"),
        ("\t- a", "no YAML"),
        ("a: !!python/object:os.system x", "no YAML"),
        ("a: !!binary aGk=", "no YAML"),
        ("a: !x y", "no YAML"),
        ("? [1, 2]\n: a", "a key is a text"),
        ("[" * 60 + "]" * 60, "nested deeper"),
        ("x" * 2_000_000, "more than 1024 KiB"),
        ("---\na: 1\n" * 200, "more than 100 documents"),
        ("a: \x00", "no YAML"),
        ("\ud800", "no YAML"),
    ],
)
def test_what_is_not_read_is_refused_in_words(text: str, said: str) -> None:
    with pytest.raises(InvalidYaml, match=said):
        read_documents(text)
