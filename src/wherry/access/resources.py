"""What a right can be given on: a whole organization, or one image of it."""

from dataclasses import dataclass
from enum import StrEnum

from wherry.oci.names import RepositoryName


class Kind(StrEnum):
    """An organization with all images in it, or one image."""

    ORGANIZATION = "organization"
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Resource:
    """`name` is the organization's, or the image's whole name."""

    kind: Kind
    name: str

    @classmethod
    def parse(cls, text: str) -> "Resource":
        """`acme` is an organization, `acme/web` an image. Raises `InvalidName`."""
        name = RepositoryName.parse(text).text
        return cls(Kind.IMAGE if "/" in name else Kind.ORGANIZATION, name)

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"
