"""Tags, repositories and referrers: pages in ASCII order, each of a bounded number of statements."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from tests.databases import Do, FixedClock
from tests.registry.contents import API, WEB, add_image, descriptor, image, index, pushed, referrer, tags
from wherry.db.database import Database
from wherry.oci.digests import Algorithm, Digest
from wherry.oci.names import RepositoryName
from wherry.registry.errors import RepositoryUnknown
from wherry.registry.push import put_manifest
from wherry.registry.referrers import fallback_tag, list_referrers
from wherry.registry.repositories import find_repository, list_repositories, set_public
from wherry.registry.tags import list_tags

Counting = Callable[[], AbstractContextManager[list[str]]]


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


def walked(page_of: Callable[[str], Any], key: Callable[[Any], str]) -> list[str]:
    """All keys, page by page."""
    found: list[str] = []
    while True:
        page = page_of(found[-1] if found else "")
        found += [key(item) for item in page.items]
        if not page.more:
            return found


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8])
def test_tags_come_in_ascii_order_and_each_once(do: Do, ann: int, clock: FixedClock, size: int) -> None:
    names = ["10", "9", "A", "_", "a", "a-b", "a.b"]
    do(add_image, WEB, image(), ann, clock.now(), *reversed(names))
    assert walked(lambda after: do(list_tags, WEB, after=after, size=size), str) == names


def test_tags_behind_one_that_is_not_there(do: Do, ann: int, clock: FixedClock) -> None:
    do(add_image, WEB, image(), ann, clock.now(), "a", "c")
    assert do(list_tags, WEB, after="b").items == ("c",)


def test_tags_of_no_repository(do: Do) -> None:
    with pytest.raises(RepositoryUnknown):
        do(list_tags, WEB)


@pytest.fixture
def four(do: Do, ann: int, clock: FixedClock) -> None:
    """Four repositories, one of them public."""
    for name in ("acme/web", "acme-x/web", "acme/api", "busybox"):
        do(put_manifest, RepositoryName(name), pushed(index([])), [], ann, clock.now())
    do(set_public, API, True)


@pytest.mark.usefixtures("four")
def test_repositories_come_in_ascii_order(do: Do) -> None:
    def name(repository: Any) -> str:
        return str(repository.name)

    every = ["acme-x/web", "acme/api", "acme/web", "busybox"]
    assert walked(lambda after: do(list_repositories, after=after, size=2), name) == every
    assert walked(lambda after: do(list_repositories, after=after, only_public=True), name) == ["acme/api"]
    assert walked(lambda after: do(list_repositories, after=after, organization="acme"), name) == every[1:3]


@pytest.mark.usefixtures("four")
def test_public_can_be_taken_back(do: Do) -> None:
    assert do(find_repository, API).is_public
    do(set_public, API, False)
    assert not do(find_repository, API).is_public
    with pytest.raises(RepositoryUnknown):
        do(set_public, RepositoryName("acme/none"), True)


def test_a_page_takes_the_same_statements_whatever_it_holds(
    do: Do, ann: int, clock: FixedClock, statements: Counting
) -> None:
    do(add_image, WEB, image(), ann, clock.now(), *[f"t{number}" for number in range(30)])
    for number in range(30):
        do(add_image, WEB, referrer(image(), f"{number}"), ann, clock.now(), blobs=(b"{}",))
    for bound, listing in (
        (2, lambda: do(list_tags, WEB, size=25)),
        (1, lambda: do(list_repositories, size=25)),
        (5, lambda: do(list_referrers, WEB, Digest.of(image()), size=25)),
    ):
        with statements() as seen:
            listing()
        assert len(seen) <= bound, seen


@pytest.fixture
def signed(do: Do, ann: int, clock: FixedClock) -> list[str]:
    """An image with three signatures; their digests in order."""
    do(add_image, WEB, image(), ann, clock.now(), "1.0")
    notes = [referrer(image(), note) for note in "abc"]
    for note in notes:
        do(add_image, WEB, note, ann, clock.now(), blobs=(b"{}",))
    return sorted(str(Digest.of(note)) for note in notes)


def digests(page: Any) -> list[str]:
    return [referrer.digest for referrer in page.items]


def test_referrers_are_found_by_subject(do: Do, signed: list[str]) -> None:
    page = do(list_referrers, WEB, Digest.of(image()))
    assert digests(page) == signed
    assert page.items[0].artifact_type == "application/vnd.example.signature"
    assert {item.annotations["note"] for item in page.items} == {"a", "b", "c"}


def test_referrers_come_page_by_page(do: Do, signed: list[str]) -> None:
    def page(after: str) -> Any:
        return do(list_referrers, WEB, Digest.of(image()), after=after, size=2)

    assert walked(page, lambda item: str(item.digest)) == signed


def test_referrers_are_filtered_by_type(do: Do, signed: list[str], ann: int, clock: FixedClock) -> None:
    other = image(layers=(), artifactType="text/sbom", subject=descriptor(image(), "a/b"))
    do(add_image, WEB, other, ann, clock.now(), blobs=(b"{}",))
    found = do(list_referrers, WEB, Digest.of(image()), artifact_type="text/sbom")
    assert digests(found) == [str(Digest.of(other))]


def test_a_manifest_without_artifact_type_counts_by_its_config(do: Do, ann: int, clock: FixedClock) -> None:
    signature = image(layers=(), subject=descriptor(image(), "a/b"))
    do(add_image, WEB, signature, ann, clock.now(), blobs=(b"{}",))
    (found,) = do(list_referrers, WEB, Digest.of(image())).items
    assert found.artifact_type == "application/vnd.oci.image.config.v1+json"


def test_referrers_stay_in_their_repository(do: Do, signed: list[str], ann: int, clock: FixedClock) -> None:
    do(add_image, API, image(), ann, clock.now(), "1.0")
    assert digests(do(list_referrers, API, Digest.of(image()))) == []
    assert digests(do(list_referrers, RepositoryName("no/where"), Digest.of(image()))) == []


def test_what_a_fallback_index_names_is_included(
    do: Do, signed: list[str], ann: int, clock: FixedClock
) -> None:
    """An old client's signature has no subject; its index under the digest's tag tells of it."""
    old = image(layers=(), annotations={"by": "an old client"})
    do(add_image, WEB, old, ann, clock.now(), blobs=(b"{}",))
    fallback = index([old, referrer(image(), "a")])
    do(put_manifest, WEB, pushed(fallback), tags(fallback_tag(Digest.of(image()))), ann, clock.now())
    found = digests(do(list_referrers, WEB, Digest.of(image())))
    assert found == sorted({*signed, str(Digest.of(old))})


def test_a_fallback_tag_is_cut_to_what_a_tag_may_be() -> None:
    sha512 = Digest.of(b"", Algorithm.SHA512)
    assert fallback_tag(sha512) == f"sha512-{sha512.encoded[:64]}"
    assert fallback_tag(Digest.of(b"")) == f"sha256-{Digest.of(b'').encoded}"
