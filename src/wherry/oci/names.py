"""Repository names, tags, and the references that a manifest URL may carry."""

import re
from dataclasses import dataclass

from wherry.oci.digests import Digest
from wherry.oci.errors import InvalidName, InvalidTag

# distribution-spec, "Pulling manifests". Clients commonly cap host/name at 255 characters.
NAME_PATTERN = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*"
TAG_PATTERN = r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}"
MAX_NAME_LENGTH = 255

_NAME = re.compile(NAME_PATTERN)
_TAG = re.compile(TAG_PATTERN)


@dataclass(frozen=True, slots=True)
class RepositoryName:
    """A whole repository name such as `acme/web/api`; its first part is the organization.

    A name without `/` belongs to the organization `library`, which only administrators hold.
    """

    text: str

    @classmethod
    def parse(cls, text: str) -> "RepositoryName":
        """Raises `InvalidName`."""
        if len(text) > MAX_NAME_LENGTH:
            raise InvalidName(text, f"a repository name has at most {MAX_NAME_LENGTH} characters")
        if not _NAME.fullmatch(text):
            raise InvalidName(
                text,
                "a repository name is lowercase letters and digits,"
                " parted by single '.', '_', '__', '-' or '/'",
            )
        return cls(text)

    @property
    def organization(self) -> str:
        """The first part of the name, `library` where there is only one."""
        head, separator, _ = self.text.partition("/")
        return head if separator else "library"

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Tag:
    """A name that a repository gives to a manifest, and may give to another one later."""

    text: str

    @classmethod
    def parse(cls, text: str) -> "Tag":
        """Raises `InvalidTag`."""
        if not _TAG.fullmatch(text):
            raise InvalidTag(
                text, "a tag is 1 to 128 letters, digits, '_', '.' and '-', and starts with none of '.-'"
            )
        return cls(text)

    def __str__(self) -> str:
        return self.text


Reference = Tag | Digest


def parse_reference(text: str) -> Reference:
    """A tag or, where there is a colon (no tag has one), a digest. Raises `InvalidTag` or `InvalidDigest`."""
    return Digest.parse(text) if ":" in text else Tag.parse(text)
