"""Levels and what they are given on."""

from itertools import pairwise

import pytest

from wherry.access.actions import RULES, Need, Verb
from wherry.access.levels import NEEDED, Level
from wherry.access.resources import Kind, Resource
from wherry.oci.errors import InvalidName

ASCENDING = (Level.NONE, Level.READ, Level.WRITE, Level.EDIT)


def test_each_level_contains_the_ones_below_it() -> None:
    assert sorted(Level) == list(ASCENDING)
    for lower, higher in pairwise(ASCENDING):
        assert higher > lower
        # As bits too: clients of SWR test them.
        assert higher & lower == lower


def test_levels_have_the_numbers_that_clients_of_swr_send() -> None:
    assert [int(level) for level in ASCENDING] == [0, 1, 3, 7]


@pytest.mark.parametrize("level", [Level.READ, Level.WRITE, Level.EDIT])
def test_a_level_is_read_as_it_is_said(level: Level) -> None:
    assert Level.parse(level.word) is level


@pytest.mark.parametrize("word", ["none", "", "admin", "7", "read "])
def test_what_is_no_level_is_refused_with_those_that_are(word: str) -> None:
    with pytest.raises(ValueError, match="valid are read, write and edit"):
        Level.parse(word)


def test_pull_takes_read_push_takes_write_delete_takes_edit() -> None:
    wanted = {Verb.PULL: Need.READ, Verb.PUSH: Need.WRITE, Verb.DELETE: Need.EDIT}
    for rule in RULES.values():
        if rule.verb is not None:
            assert rule.need is wanted[rule.verb]
    assert NEEDED == {Need.READ: Level.READ, Need.WRITE: Level.WRITE, Need.EDIT: Level.EDIT}


def test_one_word_is_an_organization_and_more_is_an_image() -> None:
    assert Resource.parse("acme") == Resource(Kind.ORGANIZATION, "acme")
    assert Resource.parse("acme/web/api") == Resource(Kind.IMAGE, "acme/web/api")
    assert str(Resource.parse("acme/web")) == "image acme/web"


def test_an_image_of_the_library_is_the_one_that_is_pulled_by_its_bare_name() -> None:
    assert Resource.parse("library/busybox") == Resource(Kind.IMAGE, "busybox")
    assert Resource.parse("library") == Resource(Kind.ORGANIZATION, "library")


@pytest.mark.parametrize("text", ["", "Acme", "acme/", "/web", "acme//web", "acme web"])
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(InvalidName):
        Resource.parse(text)
