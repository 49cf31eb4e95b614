"""What is said of one change or refused attempt: who, by what, from where, what, on what, how it ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from wherry.access.resources import Kind as ResourceKind
from wherry.access.resources import Resource
from wherry.oci.names import RepositoryName

ANONYMOUS_NAME = "anonymous"
COMMAND_LINE_NAME = "command line"

# What no route is bound to, and is recorded all the same.
LOGIN_FAILED = "login.failed"
LEFT_OUT = "audit.left_out"


class Result(StrEnum):
    """How it ended: done, refused for want of a right, or failed for another reason."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


class Means(StrEnum):
    """What the actor identified themselves by."""

    NOTHING = "nothing"
    PASSWORD = "password"  # noqa: S105 (a word, no secret)
    ACCESS_KEY = "access key"
    TOKEN = "token"  # noqa: S105
    SESSION = "session"
    COMMAND_LINE = "command line"


class Kind(StrEnum):
    """What can be changed. Tags, manifests and blobs are named in the detail of a record on their image."""

    SERVICE = "service"
    ORGANIZATION = "organization"
    IMAGE = "image"
    USER = "user"
    ACCESS_KEY = "access key"
    TEAM = "team"
    ROBOT = "robot"
    SESSION = "session"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class Source:
    """Who, by what, and from where. `key_id` is the access key that logged in, or that got the token."""

    actor: str
    actor_id: int | None = None
    means: Means = Means.NOTHING
    key_id: str | None = None
    client: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """On what; `organization` is the one that it belongs to, if it belongs to one."""

    kind: Kind
    name: str = ""
    organization: str | None = None

    @classmethod
    def image(cls, name: RepositoryName) -> "Target":
        return cls(Kind.IMAGE, name.text, name.organization)

    @classmethod
    def org(cls, name: str) -> "Target":
        return cls(Kind.ORGANIZATION, name, name)

    @classmethod
    def resource(cls, resource: Resource) -> "Target":
        """What a right was given on."""
        if resource.kind is ResourceKind.IMAGE:
            return cls.image(RepositoryName(resource.name))
        return cls.org(resource.name)

    @classmethod
    def user(cls, name: str) -> "Target":
        return cls(Kind.USER, name)

    @classmethod
    def access_key(cls, key_id: str) -> "Target":
        return cls(Kind.ACCESS_KEY, key_id)


SERVICE = Target(Kind.SERVICE)


@dataclass(frozen=True, slots=True)
class Entry:
    """One record as it is said. `action` is an `Action`, or a name of its own such as `login.failed`.

    `detail` has plain JSON values, and never a secret.
    """

    source: Source
    action: str
    target: Target
    result: Result
    reason: str = ""
    detail: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
