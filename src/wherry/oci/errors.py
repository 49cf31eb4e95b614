"""What is wrong with a value of the OCI vocabulary.

InvalidValue
├── InvalidName         not a repository name
├── InvalidTag          not a tag
├── InvalidDigest       not a digest, or of an algorithm that is not supported
├── InvalidMediaType    not a media type
└── InvalidManifest     not a manifest that clients could pull
"""


class InvalidValue(ValueError):
    """`text` is what was given (cut to 200 characters), `reason` says in words what is wrong with it."""

    def __init__(self, text: str, reason: str) -> None:
        self.text = text if len(text) <= 200 else text[:197] + "..."
        self.reason = reason
        super().__init__(f"{reason}: {self.text!r}" if text else reason)


class InvalidName(InvalidValue):
    """Not a repository name."""


class InvalidTag(InvalidValue):
    """Not a tag."""


class InvalidDigest(InvalidValue):
    """Not a digest of a supported algorithm."""


class InvalidMediaType(InvalidValue):
    """Not a media type of RFC 6838."""


class InvalidManifest(InvalidValue):
    """Not a manifest: no JSON object, two kinds at once, or descriptors that cannot be."""

    def __init__(self, reason: str) -> None:
        super().__init__("", reason)
