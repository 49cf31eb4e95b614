"""Repositories, tags and counts as people see them: filtered, sorted, paged, in few queries."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event

from tests.databases import Do, FixedClock
from tests.people import add_user, give
from tests.registry.contents import API, WEB, add_blob, add_image, image, index, pushed, tags
from tests.registry.test_push import tagged
from wherry.access.grants import grant
from wherry.access.levels import Level
from wherry.access.resources import Resource
from wherry.access.shares import share_image
from wherry.db.database import Database
from wherry.identity.errors import OrganizationReserved, OrganizationUnknown
from wherry.identity.organizations import create_organization
from wherry.oci.digests import Digest
from wherry.oci.names import RepositoryName, Tag
from wherry.registry.attributes import MAX_DESCRIPTION, change_repository, create_repository
from wherry.registry.errors import (
    InvalidAttribute,
    ManifestUnknown,
    RepositoryExists,
    RepositoryUnknown,
    TagExists,
)
from wherry.registry.overview import Overview, overview
from wherry.registry.push import put_manifest
from wherry.registry.repositories import ensure_repository, list_repositories, set_public
from wherry.registry.repository_details import (
    RepositoryFilter,
    RepositoryOrder,
    get_repository_details,
    list_repository_details,
)
from wherry.registry.retag import retag
from wherry.registry.tag_details import TagOrder, get_tag_details, list_tag_details

Counting = Callable[[], AbstractContextManager[list[str]]]
NOWHERE = RepositoryName("acme/nowhere")


@pytest.fixture
def statements(database: Database) -> Counting:
    """`with statements() as seen:` collects what is sent to the database."""

    @contextmanager
    def counting() -> Iterator[list[str]]:
        seen: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if not statement.startswith(("BEGIN", "NOTIFY")):
                seen.append(statement)

        event.listen(database._write_engine, "before_cursor_execute", note)
        yield seen
        event.remove(database._write_engine, "before_cursor_execute", note)

    return counting


def names(do: Do, narrowed: RepositoryFilter | None = None, **how: Any) -> list[str]:
    found = do(list_repository_details, narrowed or RepositoryFilter(), **how)
    return [item.name.text for item in found.items]


def test_a_repository_counts_each_blob_once(do: Do, ann: int, clock: FixedClock) -> None:
    made = clock.now()
    do(add_image, WEB, image(), ann, made, "1.0")
    clock.move(hours=1)
    second = image(layers=[b"layer", b"another layer"])
    do(add_image, WEB, second, ann, clock.now(), "1.1", blobs=[b"another layer"])
    found = do(get_repository_details, WEB)
    assert found.size == len(b"{}") + len(b"layer") + len(b"another layer")
    assert (found.tag_count, found.creator, found.creator_id) == (2, "ann", ann)
    assert (found.created_at, found.updated_at) == (made, clock.now())
    assert (found.is_public, found.category, found.description) == (False, "other", "")


def test_an_empty_repository_was_updated_when_it_was_made(do: Do, ann: int, clock: FixedClock) -> None:
    do(create_organization, "acme", ann, clock.now())
    do(create_repository, WEB, ann, clock.now(), is_public=True, category="linux", description="the site")
    found = do(get_repository_details, WEB)
    assert (found.size, found.tag_count, found.updated_at) == (0, 0, clock.now())
    assert (found.is_public, found.category, found.description) == (True, "linux", "the site")


def test_what_cannot_be_made_is_not(do: Do, ann: int, clock: FixedClock) -> None:
    with pytest.raises(OrganizationUnknown):
        do(create_repository, WEB, ann, clock.now())
    do(create_organization, "acme", ann, clock.now())
    with pytest.raises(InvalidAttribute, match="valid are app_server, arm"):
        do(create_repository, WEB, ann, clock.now(), category="cats")
    with pytest.raises(RepositoryUnknown):
        do(get_repository_details, WEB)
    do(create_repository, WEB, ann, clock.now())
    with pytest.raises(RepositoryExists):
        do(create_repository, WEB, ann, clock.now())
    do(add_image, RepositoryName("busybox"), image(), ann, clock.now())
    with pytest.raises(OrganizationReserved):
        do(create_repository, RepositoryName("library/busybox"), ann, clock.now())


def test_what_is_given_is_changed_and_the_rest_stays(do: Do, ann: int, clock: FixedClock) -> None:
    do(add_image, WEB, image(), ann, clock.now(), "1.0")
    do(change_repository, WEB, description="the site")
    do(change_repository, WEB, is_public=True)
    do(change_repository, WEB, category="lang")
    do(change_repository, WEB)
    found = do(get_repository_details, WEB)
    assert (found.is_public, found.category, found.description) == (True, "lang", "the site")
    do(change_repository, WEB, description="", is_public=False)
    assert do(get_repository_details, WEB).description == ""
    with pytest.raises(InvalidAttribute):
        do(change_repository, WEB, description="x" * (MAX_DESCRIPTION + 1))
    with pytest.raises(RepositoryUnknown):
        do(change_repository, NOWHERE, is_public=True)


def test_the_list_is_filtered(do: Do, ann: int, clock: FixedClock) -> None:
    for text in ("acme/web", "acme/web_2", "other/web", "other/api"):
        do(add_image, RepositoryName(text), image(), ann, clock.now(), "1")
    do(change_repository, RepositoryName("other/web"), is_public=True, category="database")
    by_name = {"order": RepositoryOrder.NAME, "descending": False}
    assert names(do, RepositoryFilter(organization="acme"), **by_name) == ["acme/web", "acme/web_2"]
    assert names(do, RepositoryFilter(contains="web"), **by_name) == ["acme/web", "acme/web_2", "other/web"]
    for wanted in (RepositoryFilter(contains="ACME/W"), RepositoryFilter(part="WEB", organization="acme")):
        assert names(do, wanted, **by_name) == ["acme/web", "acme/web_2"], "case does not count"
    assert names(do, RepositoryFilter(contains="b_"), **by_name) == ["acme/web_2"], "no wildcard"
    assert names(do, RepositoryFilter(contains="%")) == []
    assert names(do, RepositoryFilter(is_public=True)) == ["other/web"]
    assert names(do, RepositoryFilter(category="database")) == ["other/web"]
    assert names(do, RepositoryFilter(names=("acme/web", "gone/web"))) == ["acme/web"]
    assert names(do, RepositoryFilter(names=())) == []
    assert names(do, RepositoryFilter(organization="acme", is_public=True)) == []


def test_the_list_shows_what_the_user_may_pull(do: Do, ann: int, clock: FixedClock) -> None:
    bob = add_user(do, clock, "bob")
    for text in ("acme/web", "acme/api", "other/web", "open/web", "busybox"):
        do(add_image, RepositoryName(text), image(), ann, clock.now(), "1")
    do(set_public, RepositoryName("open/web"), True)
    by_name = {"order": RepositoryOrder.NAME, "descending": False}
    assert names(do, RepositoryFilter(visible_to=bob), **by_name) == ["open/web"]
    give(do, clock, bob, "read", "acme")
    give(do, clock, bob, "edit", "other/web")
    seen = ["acme/api", "acme/web", "open/web", "other/web"]
    assert names(do, RepositoryFilter(visible_to=bob), **by_name) == seen
    assert do(list_repository_details, RepositoryFilter(visible_to=bob), limit=1).total == 4
    paged = do(list_repositories, visible_to=bob, size=10).items
    assert [repository.name.text for repository in paged] == seen
    # What is within a key's limits, on top of that.
    paged = do(list_repositories, visible_to=bob, within={"other": 1, "acme/api": 3, "busybox": 1}).items
    assert [repository.name.text for repository in paged] == ["acme/api", "open/web", "other/web"]


def test_what_is_shared_is_listed_where_that_is_asked_for_and_while_it_is(
    do: Do, ann: int, clock: FixedClock
) -> None:
    bob = add_user(do, clock, "bob")
    do(add_image, WEB, image(), ann, clock.now(), "1")
    do(create_organization, "partner", ann, clock.now())
    give(do, clock, bob, "read", "partner")
    do(share_image, WEB, "partner", clock.now() + timedelta(hours=1), "", ann, clock.now())

    def seen(**how: Any) -> list[str]:
        return [repository.name.text for repository in do(list_repositories, visible_to=bob, **how).items]

    assert seen() == []
    assert seen(shared_at=clock.now()) == ["acme/web"]
    assert seen(shared_at=clock.now(), within={"partner": 7}) == []
    assert seen(shared_at=clock.now(), within={"acme": 1}) == ["acme/web"]
    assert seen(shared_at=clock.move(hours=1)) == []


def test_the_list_is_sorted_and_paged(do: Do, ann: int, clock: FixedClock) -> None:
    for place, text in enumerate(("b/old", "c/middle", "a/young")):
        do(add_image, RepositoryName(text), image(), ann, clock.now(), *"xyz"[: 3 - place])
        clock.move(hours=1)
    assert names(do) == ["a/young", "c/middle", "b/old"]
    assert names(do, order=RepositoryOrder.UPDATED, descending=False) == ["b/old", "c/middle", "a/young"]
    assert names(do, order=RepositoryOrder.TAGS) == ["b/old", "c/middle", "a/young"]
    assert names(do, order=RepositoryOrder.NAME) == ["c/middle", "b/old", "a/young"]
    assert names(do, offset=1, limit=1) == ["c/middle"]
    assert do(list_repository_details, RepositoryFilter(), offset=1, limit=1).total == 3
    assert names(do, offset=3) == []


def test_any_page_takes_three_queries_of_repositories_and_four_of_tags(
    do: Do, ann: int, clock: FixedClock, statements: Counting
) -> None:
    def fill(tx: Connection) -> None:
        for number in range(60):
            name = RepositoryName(f"acme/web{number}")
            ensure_repository(tx, name, ann, clock.now())
            grant(tx, ann, Resource.parse(name.text), Level.READ, None, clock.now())
        add_image(tx, WEB, image(), ann, clock.now(), *(f"tag{number}" for number in range(60)))

    do(fill)
    for limit in (1, 60):
        with statements() as seen:
            found = do(list_repository_details, RepositoryFilter(visible_to=ann), limit=limit)
        assert len(found.items) == limit
        assert len(seen) <= 3
        with statements() as seen:
            assert len(do(list_repositories, visible_to=ann, size=limit).items) == limit
        assert len(seen) <= 3
        with statements() as seen:
            listed = do(list_tag_details, WEB, limit=limit)
        assert len(listed.items) == limit
        assert len(seen) <= 4


def test_a_tag_weighs_what_a_pull_transfers(do: Do, ann: int, clock: FixedClock) -> None:
    shared, own = b"shared layer", b"a layer of its own"
    one, two = image(b"{}", [shared]), image(b'{"a":1}', [shared, own])
    for blob in (b"{}", b'{"a":1}', shared, own, b"not of this image"):
        do(add_blob, WEB, blob, ann, clock.now())
    for content, tag in ((one, "one"), (two, "two"), (index([one, two]), "both")):
        do(put_manifest, WEB, pushed(content), tags(tag), ann, clock.now())
    sizes = {item.name: item.size for item in do(list_tag_details, WEB).items}
    configs = len(b"{}") + len(b'{"a":1}')
    assert sizes == {
        "one": len(b"{}") + len(shared),
        "two": len(b'{"a":1}') + len(shared) + len(own),
        "both": configs + len(shared) + len(own),
    }
    found = do(get_tag_details, WEB, Tag("one"))
    assert (found.digest, found.content) == (str(Digest.of(one)), one)
    assert found.config_digest == str(Digest.of(b"{}"))
    assert not found.is_index
    both = do(get_tag_details, WEB, Tag("both"))
    assert both.is_index
    assert both.config_digest is None


def test_a_tag_knows_when_it_was_moved_and_its_manifest_pushed(do: Do, ann: int, clock: FixedClock) -> None:
    do(add_image, WEB, image(), ann, clock.now(), "1.0")
    pushed_at = clock.now()
    clock.move(hours=1)
    do(retag, WEB, Tag("1.0"), Tag("latest"), ann, clock.now())
    found = do(get_tag_details, WEB, Tag("latest"))
    assert (found.pushed_at, found.moved_at) == (pushed_at, clock.now())


def test_tags_are_filtered_sorted_and_paged(do: Do, ann: int, clock: FixedClock) -> None:
    for name in ("b", "c", "a"):
        do(add_image, WEB, image(), ann, clock.now(), name)
        clock.move(minutes=1)

    def listed(**how: Any) -> list[str]:
        return [item.name for item in do(list_tag_details, WEB, **how).items]

    assert listed() == ["a", "c", "b"]
    assert listed(descending=False) == ["b", "c", "a"]
    assert listed(order=TagOrder.NAME, descending=False) == ["a", "b", "c"]
    assert listed(order=TagOrder.NAME, descending=False, offset=1, limit=1) == ["b"]
    assert listed(contains="c") == ["c"]
    assert listed(contains="_") == []
    assert do(list_tag_details, WEB, limit=1).total == 3
    do(add_image, WEB, image(), ann, clock.now(), "RC1")
    for spelling in ("rc", "RC", "Rc1"):
        assert listed(contains=spelling) == ["RC1"], "case does not count"
    with pytest.raises(RepositoryUnknown):
        do(list_tag_details, NOWHERE)
    with pytest.raises(ManifestUnknown):
        do(get_tag_details, WEB, Tag("nowhere"))


def test_a_tag_is_given_to_what_another_one_names(do: Do, ann: int, clock: FixedClock) -> None:
    other = image(layers=[])
    do(add_image, WEB, image(), ann, clock.now(), "1.0")
    do(put_manifest, WEB, pushed(other), tags("2.0"), ann, clock.now())
    do(retag, WEB, Tag("1.0"), Tag("stable"), ann, clock.now())
    assert do(tagged, WEB, "stable") == str(Digest.of(image()))
    with pytest.raises(TagExists):
        do(retag, WEB, Tag("2.0"), Tag("stable"), ann, clock.now())
    assert do(tagged, WEB, "stable") == str(Digest.of(image()))
    do(retag, WEB, Tag("2.0"), Tag("stable"), ann, clock.now(), override=True)
    assert do(tagged, WEB, "stable") == str(Digest.of(other))
    assert do(tagged, WEB, "1.0") == str(Digest.of(image()))
    with pytest.raises(ManifestUnknown):
        do(retag, WEB, Tag("nowhere"), Tag("x"), ann, clock.now())
    with pytest.raises(RepositoryUnknown):
        do(retag, NOWHERE, Tag("1.0"), Tag("x"), ann, clock.now())


def test_the_overview_counts_and_leaves_the_library_out_of_the_organizations(
    do: Do, ann: int, clock: FixedClock
) -> None:
    assert do(overview) == Overview(0, 0, 0, 0)
    do(add_image, WEB, image(), ann, clock.now(), "1", "2")
    do(add_image, API, image(), ann, clock.now(), "1")
    do(add_image, RepositoryName("busybox"), image(), ann, clock.now(), "1")
    assert do(overview) == Overview(1, 3, 4, len(b"{}") + len(b"layer"))
