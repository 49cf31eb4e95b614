"""What may be seen of the registry, given what was sent and what was acknowledged. No I/O.

Every tag, manifest and blob of a repository is a register: it holds a value or None. A request that was sent
but never answered may have happened at any moment after it was sent, or not at all; one that was answered
happened between the two. What a read may see is then a set; a value outside of it is a fault of the registry.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.durability.content import Manifest

PRESENT = "present"
FOREVER = 1 << 62


@dataclass(slots=True, eq=False)
class Change:
    """One request's effect on one register: it now holds `value`; with `only_if`, if it held that before."""

    value: str | None
    begun: int
    ended: int = FOREVER  # stays so where no answer came
    only_if: str | None = None

    def surely_undoes(self, earlier: Change) -> bool:
        """It was answered, it began after `earlier` had ended, and it overwrites what that one left."""
        return (
            self.ended < FOREVER
            and self.begun > earlier.ended
            and (self.only_if is None or self.only_if == earlier.value)
        )


@dataclass(slots=True, eq=False)
class Register:
    """A tag (its value is a digest), a manifest or a blob (`PRESENT`) of one repository."""

    repository: Repository
    kind: str
    name: str
    changes: list[Change] = field(default_factory=lambda: [Change(None, -1, -1)])

    def possible(self, begun: int, ended: int = FOREVER) -> set[str | None]:
        """What a read that began and ended then may have seen."""
        changes = self.changes
        if self.kind == "tag":
            values = {change.value for change in changes}
            changes = changes + [gone for gone in self.repository.removals if gone.only_if in values]
        seen = [
            change
            for change in changes
            if change.begun < ended
            and not any(other.ended < begun and other.surely_undoes(change) for other in changes)
        ]
        return {change.value for change in seen if change.only_if is None or self._had_target(change)}

    def _had_target(self, removal: Change) -> bool:
        """Whether the tag may have pointed at what the removal took away, when it did."""
        plain = [change for change in self.changes if change.begun < removal.ended]
        return any(
            change.value == removal.only_if
            and not any(other.ended < removal.begun and other.surely_undoes(change) for other in plain)
            for change in plain
        )

    @property
    def settled(self) -> str | None:
        """The value, where only one is possible; else None."""
        values = self.possible(FOREVER - 1)
        return next(iter(values)) if len(values) == 1 else None

    @property
    def touched(self) -> bool:
        """Whether a request since the last look may have changed it."""
        values = {change.value for change in self.changes}
        taken = self.kind == "tag" and any(gone.only_if in values for gone in self.repository.removals)
        return len(self.changes) > 1 or taken

    def observed(self, value: str | None) -> None:
        """No request is under way any more and this is what there is: history begins anew."""
        self.changes = [Change(value, -1, -1)]


@dataclass(slots=True, eq=False)
class Repository:
    name: str
    tags: dict[str, Register] = field(default_factory=dict)
    manifests: dict[str, Register] = field(default_factory=dict)
    blobs: dict[str, Register] = field(default_factory=dict)
    removals: list[Change] = field(default_factory=list)
    """Deletes of manifests: each takes the tags along that point at it."""

    def tag(self, name: str) -> Register:
        return self.tags.setdefault(name, Register(self, "tag", name))

    def manifest(self, digest: str) -> Register:
        return self.manifests.setdefault(digest, Register(self, "manifest", digest))

    def blob(self, digest: str) -> Register:
        return self.blobs.setdefault(digest, Register(self, "blob", digest))

    def registers(self) -> Iterator[Register]:
        return itertools.chain(self.tags.values(), self.manifests.values(), self.blobs.values())


@dataclass(slots=True, eq=False)
class Session:
    """An upload that somebody left open. `offsets` are the lengths at which it may stand."""

    repository: Repository
    location: str
    content: bytes
    digest: str
    offsets: set[int]
    earlier: set[int] = field(default_factory=set)
    """Lengths that were acknowledged before: progress is not synced, power loss may go back to one."""
    may_be_gone: bool = False
    """A request was under way that ends the session."""


@dataclass(slots=True, eq=False)
class Request:
    """A change of several registers at once: all of it happens or nothing."""

    what: str
    changes: list[tuple[Register | Repository, Change]]
    acknowledged: bool = False

    @property
    def registers(self) -> list[tuple[Register, Change]]:
        return [(where, change) for where, change in self.changes if isinstance(where, Register)]


class Model:
    """All repositories, and a clock that only counts: of two moments it tells which was first."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.known: dict[str, Manifest] = {}
        self.sessions: list[Session] = []
        self.unanswered: list[Request] = []
        self._ticks = itertools.count()

    def now(self) -> int:
        return next(self._ticks)

    def repository(self, name: str) -> Repository:
        return self.repositories.setdefault(name, Repository(name))

    def sent(self, what: str, *effects: tuple[Register, str | None]) -> Request:
        """A request is about to be sent that sets these registers."""
        begun = self.now()
        request = Request(what, [(register, Change(value, begun)) for register, value in effects])
        for register, change in request.registers:
            register.changes.append(change)
        self.unanswered.append(request)
        return request

    def sent_removal(self, repository: Repository, digest: str) -> Request:
        """A request is about to be sent that deletes a manifest and with it the tags that point at it."""
        request = self.sent(f"delete manifest {digest}", (repository.manifest(digest), None))
        removal = Change(None, request.changes[0][1].begun, only_if=digest)
        repository.removals.append(removal)
        request.changes.append((repository, removal))
        return request

    def acknowledged(self, request: Request) -> None:
        ended = self.now()
        request.acknowledged = True
        self.unanswered.remove(request)
        for _, change in request.changes:
            change.ended = ended

    def refused(self, request: Request) -> None:
        """A clear answer said that nothing was done."""
        self.unanswered.remove(request)
        for where, change in request.changes:
            (where.removals if isinstance(where, Repository) else where.changes).remove(change)

    def settle(self) -> None:
        """The server was down in between, and all registers were told what there is now."""
        self.unanswered.clear()
        self.sessions.clear()
        for repository in self.repositories.values():
            repository.removals.clear()
