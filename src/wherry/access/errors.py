"""What can be wrong with rights.

AccessError
├── InvalidGrant
├── InvalidShare
│   └── ShareDescriptionTooLong
├── ShareExists
└── ShareUnknown
"""

from wherry.oci.names import RepositoryName


class AccessError(Exception):
    """Base of this domain's errors; the text is fit for a person."""


class InvalidGrant(AccessError):
    """What is asked for cannot be; the text says why."""


class InvalidShare(AccessError):
    """What is asked for cannot be; the text says why."""


class ShareDescriptionTooLong(InvalidShare):
    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"the description of a share has at most {limit} characters")


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
