"""What a registry refuses, and why. Each face maps these to its own error form; none knows a status code.

RegistryError
├── RepositoryUnknown
├── ManifestUnknown
├── BlobUnknown
├── UploadUnknown           no such session, or not one of this repository and user
├── UploadBusy              another request is writing to the session
├── ChunkOutOfOrder         the chunk does not start where the last one ended
├── ChunkLengthWrong        the body is not as long as its headers say
├── UploadTooLarge
├── ManifestTooLarge
├── ContentMismatch         the bytes are not those of the digest
├── ReferencesUnknown       a manifest names content that this repository does not have
├── ReferenceSizeWrong      a descriptor's size is not the size of the content
├── StillReferenced         deleting it would leave a manifest incomplete
├── TooManyTags
├── RepositoryExists
├── TagExists
├── InvalidAttribute        a description or category that cannot be
│   └── DescriptionTooLong
├── OrganizationNotEmpty
└── WrongResource           an action is asked about that is not one on this
"""

from wherry.oci.digests import Digest
from wherry.oci.names import Reference, RepositoryName, Tag


class RegistryError(Exception):
    """Base of this domain's errors; the text is fit for a person."""


class RepositoryUnknown(RegistryError):
    def __init__(self, name: RepositoryName) -> None:
        self.name = name
        super().__init__(f"there is no repository {name}")


class ManifestUnknown(RegistryError):
    def __init__(self, name: RepositoryName, reference: Reference) -> None:
        self.name = name
        self.reference = reference
        super().__init__(f"{name} has no manifest {reference}")


class BlobUnknown(RegistryError):
    def __init__(self, name: RepositoryName, digest: Digest) -> None:
        self.name = name
        self.digest = digest
        super().__init__(f"{name} has no blob {digest}")


class UploadUnknown(RegistryError):
    def __init__(self, upload: str) -> None:
        self.upload = upload
        super().__init__("there is no such upload here; it ended, expired, or was never begun")


class UploadBusy(RegistryError):
    def __init__(self, upload: str) -> None:
        self.upload = upload
        super().__init__("another request is writing to this upload")


class ChunkOutOfOrder(RegistryError):
    """`received` bytes are there; the next chunk has to start at that offset."""

    def __init__(self, upload: str, received: int, start: int) -> None:
        self.upload = upload
        self.received = received
        self.start = start
        super().__init__(f"the next chunk starts at {received}, not at {start}")


class ChunkLengthWrong(RegistryError):
    def __init__(self, expected: int, received: int) -> None:
        self.expected = expected
        self.received = received
        super().__init__(f"the headers announce {expected} bytes, the body has {received}")


class UploadTooLarge(RegistryError):
    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"a blob may have at most {limit} bytes here")


class ManifestTooLarge(RegistryError):
    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"a manifest may have at most {limit} bytes here")


class ContentMismatch(RegistryError):
    def __init__(self, expected: Digest, actual: Digest) -> None:
        self.expected = expected
        self.actual = actual
        super().__init__(f"the content's digest is {actual}, not {expected}")


class ReferencesUnknown(RegistryError):
    def __init__(self, missing: tuple[Digest, ...]) -> None:
        self.missing = missing
        shown = ", ".join(str(digest) for digest in missing[:10])
        more = f" and {len(missing) - 10} more" if len(missing) > 10 else ""
        super().__init__(f"the manifest names content that is not in this repository: {shown}{more}")


class ReferenceSizeWrong(RegistryError):
    def __init__(self, digest: Digest, stated: int, actual: int) -> None:
        self.digest = digest
        self.stated = stated
        self.actual = actual
        super().__init__(f"the manifest says that {digest} has {stated} bytes, it has {actual}")


class StillReferenced(RegistryError):
    def __init__(self, digest: Digest, by: tuple[str, ...]) -> None:
        self.digest = digest
        self.by = by
        super().__init__(f"{digest} is needed by {', '.join(by)}; delete that first")


class TooManyTags(RegistryError):
    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"a manifest can be pushed with at most {limit} tags at once")


class RepositoryExists(RegistryError):
    def __init__(self, name: RepositoryName) -> None:
        self.name = name
        super().__init__(f"there is a repository {name} already")


class TagExists(RegistryError):
    def __init__(self, name: RepositoryName, tag: Tag) -> None:
        self.name = name
        self.tag = tag
        super().__init__(f"{name} has a tag {tag} already")


class InvalidAttribute(RegistryError):
    """A description or category that cannot be; the text says why."""


class DescriptionTooLong(InvalidAttribute):
    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"a description has at most {limit} characters")


class OrganizationNotEmpty(RegistryError):
    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"the organization {name} still has images")


class WrongResource(RegistryError):
    """An action is asked about that is not one on this; the text says what it is about."""
