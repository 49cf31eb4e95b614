"""What can be wrong with users and organizations.

IdentityError
├── InvalidUserName
├── InvalidPassword       too short or too long to be set
├── UserExists
├── UserUnknown
├── LastAdministrator     nobody would be left who can let others in
├── InvalidTeam
├── TeamExists
├── TeamUnknown
├── InvalidRobot
├── RobotUnknown
├── OrganizationReserved  a name that the service keeps for itself
├── InvalidOrganizationName
├── OrganizationExists
├── OrganizationUnknown
├── AccessKeyUnknown
├── TooManyAccessKeys
├── InvalidAccessKey      what a key is asked to be cannot be
├── InvalidLink           no such one-time link, or not any more; it does not tell which
├── LinkNotMade
├── SignInRefused         the provider knows the person, and we do not let them in
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


class LastAdministrator(IdentityError):
    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"{name!r} is the last administrator; make another one first")


class InvalidTeam(IdentityError):
    """What a team is asked to be cannot be; the text says why."""


class TeamExists(IdentityError):
    def __init__(self, organization: str, name: str) -> None:
        self.organization = organization
        self.name = name
        super().__init__(f"{organization} has a team {name!r} already")


class TeamUnknown(IdentityError):
    def __init__(self, organization: str, name: str) -> None:
        self.organization = organization
        self.name = name
        super().__init__(f"{organization} has no team {name[:80]!r}")


class InvalidRobot(IdentityError):
    """What a robot is asked to be cannot be; the text says why."""


class RobotUnknown(IdentityError):
    def __init__(self, organization: str, name: str) -> None:
        self.organization = organization
        self.name = name
        super().__init__(f"{organization} has no robot {name[:80]!r}")


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


class InvalidLink(IdentityError):
    """It was used, has expired, was replaced, or never was: all look alike."""

    def __init__(self) -> None:
        super().__init__("this link is not valid, or not any more")


class LinkNotMade(IdentityError):
    """Nobody can be given such a link; the text says why."""


class SignInRefused(IdentityError):
    """A person proved who they are to the provider; the text tells them why that is not enough here."""
