"""Every action that a route can be bound to, and what it takes. The one place where this is declared."""

from dataclasses import dataclass
from enum import StrEnum


class Need(StrEnum):
    """What an actor must have."""

    NOTHING = "nothing"
    LOGIN = "login"
    READ = "read"
    WRITE = "write"
    EDIT = "edit"


class Verb(StrEnum):
    """How a registry token names the right to an action on a repository."""

    PULL = "pull"
    PUSH = "push"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Rule:
    """`need` is the level on the image; `verb` what a registry token has to grant; `says` is for people."""

    need: Need
    verb: Verb | None
    says: str


class Action(StrEnum):
    """What somebody wants to do."""

    SERVICE_WATCH = "service.watch"
    TOKEN_ASK = "token.ask"  # noqa: S105 (an action, no secret)
    REGISTRY_USE = "registry.use"
    CATALOG_LIST = "catalog.list"
    IMAGE_PULL = "image.pull"
    IMAGE_PUSH = "image.push"
    IMAGE_DELETE = "image.delete"

    @property
    def rule(self) -> Rule:
        return RULES[self]


RULES = {
    Action.SERVICE_WATCH: Rule(Need.NOTHING, None, "see whether the service is well"),
    Action.TOKEN_ASK: Rule(Need.NOTHING, None, "ask for a registry token"),
    Action.REGISTRY_USE: Rule(Need.LOGIN, None, "use the registry"),
    Action.CATALOG_LIST: Rule(Need.LOGIN, None, "list the repositories that one may see"),
    Action.IMAGE_PULL: Rule(Need.READ, Verb.PULL, "pull the image, list its tags and referrers"),
    Action.IMAGE_PUSH: Rule(Need.WRITE, Verb.PUSH, "push the image, move its tags"),
    Action.IMAGE_DELETE: Rule(Need.EDIT, Verb.DELETE, "delete tags, manifests and blobs of the image"),
}
