"""What can be wrong with rights.

AccessError
├── InvalidShare
├── ShareExists
└── ShareUnknown
"""

from wherry.oci.names import RepositoryName


class AccessError(Exception):
    """Base of this domain's errors; the text is fit for a person."""


class InvalidShare(AccessError):
    """What is asked for cannot be; the text says why."""


class ShareExists(AccessError):
    def __init__(self, image: RepositoryName, organization: str) -> None:
        self.image = image
        self.organization = organization
        super().__init__(f"{image} is shared with {organization} already")


class ShareUnknown(AccessError):
    def __init__(self, image: RepositoryName, organization: str) -> None:
        self.image = image
        self.organization = organization
        super().__init__(f"{image} is not shared with {organization}")
