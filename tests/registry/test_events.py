"""What happens to images is told in the transaction in which it happens."""

import asyncio
from collections.abc import Awaitable
from dataclasses import fields

import pytest
from sqlalchemy import Connection

from tests.databases import Do, FixedClock
from tests.registry.contents import WEB, add_image, image, index, pushed, tags
from wherry.db.database import Database
from wherry.events.dispatch import RecordedEvent, dispatch_new
from wherry.events.outbox import Event
from wherry.oci.digests import Digest
from wherry.oci.names import Tag
from wherry.registry.delete import delete_manifest, delete_tag
from wherry.registry.delete_repository import delete_repository
from wherry.registry.errors import ReferencesUnknown
from wherry.registry.events import (
    KINDS,
    ManifestDeleted,
    ManifestPushed,
    RepositoryCreated,
    RepositoryDeleted,
    TagDeleted,
    TagMoved,
)
from wherry.registry.push import put_manifest
from wherry.registry.retag import retag

ANOTHER = image(note="another")
IMAGE = Digest.of(image())
OTHER = Digest.of(ANOTHER)


def happened(do: Do, clock: FixedClock) -> list[RecordedEvent]:
    """What was told since this was asked last."""
    seen: list[RecordedEvent] = []
    do(dispatch_new, {"test": lambda _tx, event: seen.append(event)}, clock.now())
    return seen


def test_the_first_push_makes_the_repository_and_a_tag_that_pointed_nowhere(
    do: Do, ann: int, clock: FixedClock
) -> None:
    do(add_image, WEB, image(), ann, clock.now(), "1.0")
    created, moved = happened(do, clock)
    assert RepositoryCreated.from_event(created) == RepositoryCreated("acme/web", ann, "ann")
    assert TagMoved.from_event(moved) == TagMoved(
        "acme/web", "1.0", str(IMAGE), None, "application/vnd.oci.image.manifest.v1+json", False, ann, "ann"
    )
    assert (moved.subject, moved.at) == ("acme/web", clock.now())


def test_a_moved_tag_tells_where_it_pointed_before(do: Do, ann: int, clock: FixedClock) -> None:
    do(add_image, WEB, image(), ann, clock.now(), "1.0")
    do(add_image, WEB, ANOTHER, ann, clock.now(), "1.0")
    do(add_image, WEB, ANOTHER, ann, clock.now(), "1.0")
    do(retag, WEB, Tag("1.0"), Tag("latest"), ann, clock.now())
    moves = [TagMoved.from_event(event) for event in happened(do, clock) if event.kind == "tag.moved"]
    assert [(move.tag, move.digest, move.previous, move.is_retag) for move in moves] == [
        ("1.0", str(IMAGE), None, False),
        ("1.0", str(OTHER), str(IMAGE), False),
        ("1.0", str(OTHER), str(OTHER), False),
        ("latest", str(OTHER), None, True),
    ]


def test_several_tags_of_one_push_are_told_one_by_one(do: Do, ann: int, clock: FixedClock) -> None:
    do(add_image, WEB, image(), ann, clock.now(), "1.0", "1", "latest")
    assert [event.body["tag"] for event in happened(do, clock)[1:]] == ["1.0", "1", "latest"]


def test_a_manifest_without_a_tag_is_told_by_its_digest(do: Do, ann: int, clock: FixedClock) -> None:
    do(add_image, WEB, image(), ann, clock.now())
    told = ManifestPushed.from_event(happened(do, clock)[1])
    assert (told.digest, told.user) == (str(IMAGE), "ann")


def test_a_refused_push_tells_nothing(do: Do, ann: int, clock: FixedClock) -> None:
    with pytest.raises(ReferencesUnknown):
        do(put_manifest, WEB, pushed(index([image()])), tags("all"), ann, clock.now())
    assert happened(do, clock) == []


def test_deletes_are_told_tag_by_tag(do: Do, ann: int, clock: FixedClock) -> None:
    do(add_image, WEB, image(), ann, clock.now(), "1.0", "1", "latest")
    happened(do, clock)
    do(delete_tag, WEB, Tag("latest"), ann, clock.now())
    do(delete_manifest, WEB, IMAGE, None, clock.now())
    do(delete_repository, WEB, ann, clock.now())
    first, second, third, manifest, repository = happened(do, clock)
    assert TagDeleted.from_event(first) == TagDeleted("acme/web", "latest", str(IMAGE), ann, "ann")
    assert [TagDeleted.from_event(event).tag for event in (second, third)] == ["1", "1.0"]
    assert ManifestDeleted.from_event(manifest) == ManifestDeleted("acme/web", str(IMAGE), None, None)
    assert RepositoryDeleted.from_event(repository) == RepositoryDeleted("acme/web", ann, "ann")


def test_each_kind_declares_the_fields_that_it_has() -> None:
    for one in (TagMoved, ManifestPushed, TagDeleted, ManifestDeleted, RepositoryCreated, RepositoryDeleted):
        assert one.KIND in KINDS
        assert ["repository", *one.KIND.fields] == [field.name for field in fields(one)]


def test_an_event_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match=r"right\.granted is not tag\.moved"):
        TagMoved.from_event(Event("right.granted", "acme/web", {}))


async def test_events_of_one_tag_have_their_ids_in_the_order_of_its_moves(
    database: Database, do: Do, ann: int, clock: FixedClock
) -> None:
    """Pushes at once: each tells as `previous` what the one before it in the outbox has set."""
    contents = [image(number=number) for number in range(12)]
    for content in contents:
        do(add_image, WEB, content, ann, clock.now())

    def push(content: bytes) -> Awaitable[None]:
        def work(tx: Connection) -> None:
            put_manifest(tx, WEB, pushed(content), tags("latest"), ann, clock.now())

        return database.write(work)

    await asyncio.gather(*[push(content) for content in contents])
    moves = [event.body for event in happened(do, clock) if event.kind == "tag.moved"]
    assert [move["previous"] for move in moves] == [None, *[move["digest"] for move in moves[:-1]]]
    assert len(moves) == len(contents)
