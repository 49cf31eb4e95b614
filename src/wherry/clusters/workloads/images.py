"""What a container's `image` says: which registry, which repository, by which tag, pinned to which digest."""

from dataclasses import dataclass

from wherry.oci.digests import Digest
from wherry.oci.errors import InvalidValue
from wherry.oci.names import RepositoryName, Tag


@dataclass(frozen=True, slots=True)
class ImageName:
    """`host` None is what the nodes take for their own registry, mostly Docker Hub."""

    host: str | None
    repository: RepositoryName
    tag: Tag | None
    digest: Digest | None

    @classmethod
    def parse(cls, text: str) -> "ImageName":
        """As nodes read it. Raises `InvalidValue`."""
        rest, at, digest = text.partition("@")
        head, slash, tail = rest.partition("/")
        # A first part is a host where it could not be a folder's name.
        host = head if slash and ("." in head or ":" in head or head == "localhost") else None
        path = tail if host is not None else rest
        path, colon, tag = path.partition(":")
        return cls(
            host,
            RepositoryName.parse(path),
            Tag.parse(tag) if colon else None,
            Digest.parse(digest) if at else None,
        )

    def pinned(self, digest: Digest) -> "ImageName":
        """The same image, whatever becomes of its tag."""
        return ImageName(self.host, self.repository, self.tag, digest)

    def __str__(self) -> str:
        host = f"{self.host}/" if self.host else ""
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{host}{self.repository}{tag}{digest}"


def wrong_image(text: str) -> str | None:
    """What is wrong with it, None if nothing is."""
    try:
        ImageName.parse(text)
    except InvalidValue as error:
        return f"image {text[:200]!r}: {error}"
    return None
