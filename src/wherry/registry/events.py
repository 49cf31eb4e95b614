"""What happens to images, as events: typed, and declared for those who list kinds."""

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar

from wherry.events.kinds import EventKind
from wherry.events.outbox import Event


class RecordedBody(Protocol):
    """What the typed events are read from: an `Event`, or one that was recorded."""

    @property
    def kind(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def body(self) -> Any: ...


T = TypeVar("T", bound="_ImageEvent")


@dataclass(frozen=True, slots=True)
class _ImageEvent:
    KIND: ClassVar[EventKind]

    # Such as `acme/web`.
    repository: str

    def to_event(self) -> Event:
        body = {name: getattr(self, name) for name in self.KIND.fields}
        return Event(self.KIND.name, self.repository, body)

    @classmethod
    def from_event(cls: type[T], event: RecordedBody) -> T:
        """Raises `ValueError` for an event of another kind."""
        if event.kind != cls.KIND.name:
            raise ValueError(f"{event.kind} is not {cls.KIND.name}")
        return cls(event.subject, **{name: event.body[name] for name in cls.KIND.fields})


_BY = {
    "user_id": "The user's id; null for the command line.",
    "user": "The user's name at that time; null for the command line.",
}


@dataclass(frozen=True, slots=True)
class TagMoved(_ImageEvent):
    """A tag points at a manifest, by a push or a retag. `previous` equals `digest` for a repeated push."""

    KIND = EventKind(
        "tag.moved",
        "A tag was pushed or set. Pushed again with the same content, `previous` equals `digest`.",
        {
            "tag": "The tag.",
            "digest": "Digest of the manifest that it points at.",
            "previous": "Digest that it pointed at before; null for a new tag.",
            "media_type": "Media type of the manifest.",
            "is_retag": "Whether the tag was set without a push.",
            **_BY,
        },
    )

    tag: str
    digest: str
    previous: str | None
    media_type: str
    is_retag: bool
    user_id: int | None
    user: str | None


@dataclass(frozen=True, slots=True)
class ManifestPushed(_ImageEvent):
    """A manifest came without a tag, such as a platform's of an index, or a signature."""

    KIND = EventKind(
        "manifest.pushed",
        "A manifest was pushed by its digest, without a tag.",
        {"digest": "Digest of the manifest.", "media_type": "Media type of the manifest.", **_BY},
    )

    digest: str
    media_type: str
    user_id: int | None
    user: str | None


@dataclass(frozen=True, slots=True)
class TagDeleted(_ImageEvent):
    """A tag is gone, by itself or with its manifest."""

    KIND = EventKind(
        "tag.deleted",
        "A tag was deleted, by itself or with its manifest.",
        {"tag": "The tag.", "digest": "Digest of the manifest that it pointed at.", **_BY},
    )

    tag: str
    digest: str
    user_id: int | None
    user: str | None


@dataclass(frozen=True, slots=True)
class ManifestDeleted(_ImageEvent):
    """A manifest is gone; its tags are told of one by one."""

    KIND = EventKind(
        "manifest.deleted",
        "A manifest was deleted; `tag.deleted` tells of each of its tags.",
        {"digest": "Digest of the manifest.", **_BY},
    )

    digest: str
    user_id: int | None
    user: str | None


@dataclass(frozen=True, slots=True)
class RepositoryCreated(_ImageEvent):
    """By its first push, or by hand."""

    KIND = EventKind("repository.created", "A repository was made, by its first push or by hand.", _BY)

    user_id: int | None
    user: str | None


@dataclass(frozen=True, slots=True)
class RepositoryDeleted(_ImageEvent):
    """With all that was in it; nothing else tells of its tags and manifests."""

    KIND = EventKind("repository.deleted", "A repository was deleted with all that was in it.", _BY)

    user_id: int | None
    user: str | None


KINDS: tuple[EventKind, ...] = tuple(
    one.KIND
    for one in (TagMoved, ManifestPushed, TagDeleted, ManifestDeleted, RepositoryCreated, RepositoryDeleted)
)
