"""Digests: the name of content by its hash (OCI image-spec, descriptor.md)."""

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from wherry.oci.errors import InvalidDigest


class Hash(Protocol):
    """A running hash, as `hashlib` makes them."""

    def update(self, data: bytes | memoryview, /) -> None: ...

    def hexdigest(self) -> str: ...


class Algorithm(StrEnum):
    """The registered algorithms of the image-spec."""

    SHA256 = "sha256"
    SHA512 = "sha512"

    def new(self) -> Hash:
        """A fresh running hash."""
        return hashlib.sha256() if self is Algorithm.SHA256 else hashlib.sha512()


_ENCODED = {Algorithm.SHA256: re.compile(r"[0-9a-f]{64}"), Algorithm.SHA512: re.compile(r"[0-9a-f]{128}")}


@dataclass(frozen=True, slots=True)
class Digest:
    """`algorithm:encoded`; made by `parse` or `of`, so a `Digest` is always well formed."""

    algorithm: Algorithm
    encoded: str

    @classmethod
    def parse(cls, text: str) -> "Digest":
        """Raises `InvalidDigest` on anything but lowercase hex of a supported algorithm."""
        name, separator, encoded = text.partition(":")
        if not separator:
            raise InvalidDigest(text, "a digest is written algorithm:hex")
        try:
            algorithm = Algorithm(name)
        except ValueError:
            known = ", ".join(Algorithm)
            raise InvalidDigest(text, f"unsupported digest algorithm; supported are {known}") from None
        if not _ENCODED[algorithm].fullmatch(encoded):
            length = 64 if algorithm is Algorithm.SHA256 else 128
            raise InvalidDigest(text, f"a {algorithm} digest has {length} lowercase hexadecimal digits")
        return cls(algorithm, encoded)

    @classmethod
    def of(cls, content: bytes, algorithm: Algorithm = Algorithm.SHA256) -> "Digest":
        """The digest of `content`."""
        running = algorithm.new()
        running.update(content)
        return cls(algorithm, running.hexdigest())

    def __str__(self) -> str:
        return f"{self.algorithm.value}:{self.encoded}"
