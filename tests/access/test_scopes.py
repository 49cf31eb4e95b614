"""Scopes as clients write them: what means nothing to us is dropped, never an error."""

import pytest

from wherry.access.actions import Verb
from wherry.access.scopes import MAX_SCOPES, Scope, parse_scopes
from wherry.oci.names import RepositoryName

WEB = RepositoryName("acme/web")
BOTH = frozenset({Verb.PULL, Verb.PUSH})


@pytest.mark.parametrize(
    ("text", "verbs"),
    [
        ("repository:acme/web:pull", {Verb.PULL}),
        ("repository:acme/web:push,pull", BOTH),
        ("repository:acme/web:*", set(Verb)),
        ("repository:acme/web:pull,unknown", {Verb.PULL}),
        ("repository:acme/web:", set()),
        ("repository(plugin):acme/web:pull", {Verb.PULL}),
    ],
)
def test_a_repository(text: str, verbs: set[Verb]) -> None:
    assert parse_scopes([text]).repositories == (Scope(WEB, frozenset(verbs)),)


def test_scopes_of_one_repository_add_up() -> None:
    for texts in (
        ["repository:acme/web:pull", "repository:acme/web:push"],
        ["repository:acme/web:pull repository:acme/web:push"],
    ):
        assert parse_scopes(texts).repositories == (Scope(WEB, BOTH),)


@pytest.mark.parametrize(
    "text", ["", "x", ":::", "repository:UPPER:pull", "repository::pull", "image:acme/web:pull"]
)
def test_what_means_nothing_is_dropped(text: str) -> None:
    assert parse_scopes([text]) == parse_scopes([])


def test_the_catalog() -> None:
    assert parse_scopes(["registry:catalog:*"]).catalog
    assert not parse_scopes(["registry:other:*"]).catalog


def test_a_stranger_cannot_ask_without_end() -> None:
    asked = parse_scopes([f"repository:acme/web{number}:pull" for number in range(1000)])
    assert len(asked.repositories) == MAX_SCOPES


def test_a_scope_is_written_as_the_protocol_does() -> None:
    assert str(Scope(WEB, frozenset({Verb.PUSH, Verb.PULL}))) == "repository:acme/web:pull,push"
