"""What can be wrong with users and organizations.

IdentityError
├── InvalidUserName
├── InvalidPassword       too short or too long to be set
├── UserExists
├── UserUnknown
├── OrganizationReserved  a name that the service keeps for itself
├── InvalidOrganizationName
├── OrganizationExists
├── OrganizationUnknown
├── AccessKeyUnknown
├── TooManyAccessKeys
├── InvalidAccessKey      what a key is asked to be cannot be
├── AccessKeyRefused      the login key was right, but the key may not be used
└── TooManyLogins         more passwords to check than this server takes on at once
"""


class IdentityError(Exception):
    """Base of this domain's errors; the text is fit for a person."""


class InvalidUserName(IdentityError):
    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"user name {name[:80]!r}: 1 to 64 letters, digits, '.', '_' and '-',"
            " starting with a letter or digit"
        )


class InvalidPassword(IdentityError):
    """Too short or too long to be set."""


class UserExists(IdentityError):
    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"there is a user {name!r} already")


class UserUnknown(IdentityError):
    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"there is no user {name!r}")


class OrganizationReserved(IdentityError):
    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"the organization name {name!r} is reserved")


class TooManyLogins(IdentityError):
    """Try again in `retry_after` seconds."""

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(f"too many logins at once; try again in {retry_after} s")


class InvalidOrganizationName(IdentityError):
    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"organization name {name[:80]!r}: 1 to 64 lowercase letters and digits, parted by single"
            " '.', '_', '__' or '-', starting with a letter"
        )


class OrganizationExists(IdentityError):
    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"there is an organization {name!r} already")


class OrganizationUnknown(IdentityError):
    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"there is no organization {name!r}")


class AccessKeyUnknown(IdentityError):
    def __init__(self, key_id: str) -> None:
        self.key_id = key_id
        super().__init__(f"there is no access key {key_id[:40]}")


class TooManyAccessKeys(IdentityError):
    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"a user has at most {limit} access keys; delete one first")


class InvalidAccessKey(IdentityError):
    """What a key is asked to be cannot be; the text says why."""


class AccessKeyRefused(IdentityError):
    """The login key was right, so its holder may know why it does not let them in."""
