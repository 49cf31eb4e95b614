"""What a right can be given on: a whole organization, or one image of it."""

from dataclasses import dataclass
from enum import StrEnum

from wherry.identity.organizations import LIBRARY
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
        """`acme` is an organization, `acme/web` an image, `library/web` the image `web`.

        Raises `InvalidName`.
        """
        name = RepositoryName.parse(text).text
        if "/" not in name:
            return cls(Kind.ORGANIZATION, name)
        # The library's images are known by their bare names: a right on the long one would never be found.
        return cls(Kind.IMAGE, name.removeprefix(f"{LIBRARY}/"))

    @property
    def organization(self) -> str:
        """The organization that it is, or belongs to."""
        first, slash, _ = self.name.partition("/")
        return first if slash or self.kind is Kind.ORGANIZATION else LIBRARY

    @property
    def scope(self) -> str:
        """How the scope of a key names it: with its organization, in the library too."""
        return f"{LIBRARY}/{self.name}" if self.organization == LIBRARY != self.name else self.name

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"
