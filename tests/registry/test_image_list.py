"""Lists of images cost what they show, whatever lies between and however many rights one has."""

import pytest

from tests.databases import Do, FixedClock
from tests.people import add_user
from tests.registry.test_repository_pages import Counting, statements
from wherry.access.decisions import Actor
from wherry.access.grants import grant
from wherry.access.levels import Level
from wherry.access.resources import Kind, Resource
from wherry.identity.organizations import ensure_organization
from wherry.oci.names import RepositoryName
from wherry.registry.image_list import BATCH, MAX_BATCHES, ImageFilter, list_images
from wherry.registry.repositories import ensure_repository

__all__ = ["statements"]


@pytest.fixture
def bob(do: Do, clock: FixedClock) -> Actor:
    return Actor(add_user(do, clock, "bob"), "bob")


def fill(do: Do, clock: FixedClock, count: int, owner: int, *granted_to: int) -> None:
    def work(tx: object) -> None:
        ensure_organization(tx, "acme", owner, clock.now())  # type: ignore[arg-type]
        for number in range(count):
            name = RepositoryName(f"acme/image-{number:05d}")
            ensure_repository(tx, name, owner, clock.now())  # type: ignore[arg-type]
            for user in granted_to:
                resource = Resource(Kind.IMAGE, name.text)
                grant(tx, user, resource, Level.READ, owner, clock.now())  # type: ignore[arg-type]

    do(work)


def test_a_page_takes_as_many_statements_for_ten_as_for_a_hundred(
    do: Do, ann: int, bob: Actor, clock: FixedClock, statements: Counting
) -> None:
    assert bob.user_id is not None
    fill(do, clock, 120, ann, bob.user_id)
    counts = []
    for size in (10, 100):
        with statements() as seen:
            found = do(list_images, bob, ImageFilter(), clock.now(), size=size)
        assert len(found.items) == size
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 10


def test_a_filter_that_nothing_fits_gives_up_after_a_while_and_says_where_to_go_on(
    do: Do, ann: int, bob: Actor, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bob.user_id is not None
    monkeypatch.setattr("wherry.registry.image_list.BATCH", 5)
    monkeypatch.setattr("wherry.registry.image_list.MAX_BATCHES", 2)
    fill(do, clock, 12, ann, bob.user_id)
    wanted = ImageFilter(contains="00011")
    first = do(list_images, bob, wanted, clock.now(), size=3)
    assert (first.items, first.next_after) == ((), "acme/image-00009")
    second = do(list_images, bob, wanted, clock.now(), after=first.next_after, size=3)
    assert [each.details.name.text for each in second.items] == ["acme/image-00011"]
    assert second.next_after is None
    assert BATCH * MAX_BATCHES >= 10_000
