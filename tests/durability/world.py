"""What all clients of one data folder share: the model, blobs to push again, and what has been counted."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, field

from tests.durability.content import Blob, KiB, digest_of
from tests.durability.model import PRESENT, Model, Register
from tests.durability.wire import Answer

MAX_REMEMBERED = 400


@dataclass(slots=True)
class World:
    """What all clients of one data folder share, over any number of kills."""

    model: Model = field(default_factory=Model)
    blobs: dict[str, Blob] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    numbers: itertools.count[int] = field(default_factory=itertools.count)
    down: bool = False
    """The server has been killed, or its power cut: that requests get lost is no fault from here on."""
    may_be_full: bool = False
    """The disk runs out of room now and then: a clear 507 is no fault either."""

    @property
    def refused_for_want_of_room(self) -> int:
        return sum(count for what, count in self.refused.items() if what.endswith(": 507"))

    def remember(self, blob: Blob) -> None:
        if len(blob.content) <= 64 * KiB:
            self.blobs[blob.digest] = blob
        while len(self.blobs) > MAX_REMEMBERED:
            del self.blobs[next(iter(self.blobs))]


def value_seen(register: Register, answer: Answer) -> str | None:
    """What an answer to GET says of a register; a text that no register holds, where its bytes are wrong."""
    if answer.status == 404:
        return None
    if answer.status != 200:
        return f"status {answer.status}"
    stated = answer.headers.get("docker-content-digest", "")
    actual = digest_of(answer.body, stated.partition(":")[0] or "sha256")
    if stated != actual:
        return f"bytes of {actual} under {stated}"
    if register.kind == "tag":
        return actual
    return PRESENT if actual == register.name else f"bytes of {actual}"
