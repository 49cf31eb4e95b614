"""The page of security tests says what the tests are."""

from __future__ import annotations

from tests.security.classes import CLASSES
from tests.security.page import PAGE, marked_tests, page


def test_the_page_is_what_the_marks_say():
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tests.security"


def test_every_class_has_a_test_or_says_what_brings_it():
    found = marked_tests()
    assert set(found) == {one.name for one in CLASSES}, "a mark names a class that there is not"
    assert [one.name for one in CLASSES if not found[one.name] and not one.later] == []
    assert [one.name for one in CLASSES if found[one.name] and one.later] == [], "it has come"
