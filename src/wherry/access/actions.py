"""Every action that a route can be bound to, and what it takes. The one place where this is declared."""

from dataclasses import dataclass
from enum import StrEnum


class Need(StrEnum):
    """What an actor must have. `USER` is a login with all that the user may: no key of a narrower scope."""

    NOTHING = "nothing"
    LOGIN = "login"
    USER = "user"
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
    VERSIONS_SEE = "versions.see"
    ACCOUNT_SEE = "account.see"
    LOGIN_MAKE = "login.make"
    ENTERPRISE_USE = "enterprise.use"
    ORGANIZATION_LIST = "organization.list"
    ORGANIZATION_CREATE = "organization.create"
    ORGANIZATION_SEE = "organization.see"
    ORGANIZATION_DELETE = "organization.delete"
    ORGANIZATION_GRANT = "organization.grant"
    IMAGE_LIST = "image.list"
    IMAGE_SEE = "image.see"
    IMAGE_CREATE = "image.create"
    IMAGE_CHANGE = "image.change"
    IMAGE_PUBLISH = "image.publish"
    IMAGE_GRANT = "image.grant"
    IMAGE_SHARE = "image.share"
    IMAGE_TRIGGER = "image.trigger"
    IMAGE_RETAIN = "image.retain"
    IMAGE_SYNC = "image.sync"

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
    Action.VERSIONS_SEE: Rule(Need.NOTHING, None, "see which versions of the API there are"),
    Action.ACCOUNT_SEE: Rule(Need.LOGIN, None, "see quotas, switches and figures of the service"),
    Action.LOGIN_MAKE: Rule(Need.LOGIN, None, "make a temporary login for oneself"),
    Action.ENTERPRISE_USE: Rule(Need.LOGIN, None, "use what only SWR's enterprise edition has"),
    Action.ORGANIZATION_LIST: Rule(Need.LOGIN, None, "list the organizations that one has a right on"),
    Action.ORGANIZATION_CREATE: Rule(Need.USER, None, "create an organization"),
    Action.ORGANIZATION_SEE: Rule(Need.READ, None, "see the organization and one's own right on it"),
    Action.ORGANIZATION_DELETE: Rule(Need.EDIT, None, "delete the organization"),
    Action.ORGANIZATION_GRANT: Rule(Need.EDIT, None, "see and change who has rights on the organization"),
    Action.IMAGE_LIST: Rule(Need.LOGIN, None, "list the images that one may see"),
    Action.IMAGE_SEE: Rule(Need.READ, None, "see the image's attributes and tags"),
    Action.IMAGE_CREATE: Rule(Need.WRITE, None, "create the image before its first push"),
    Action.IMAGE_CHANGE: Rule(Need.WRITE, None, "change the image's description and category"),
    Action.IMAGE_PUBLISH: Rule(Need.EDIT, None, "make the image public or private"),
    Action.IMAGE_GRANT: Rule(Need.EDIT, None, "see and change who has rights on the image"),
    Action.IMAGE_SHARE: Rule(Need.EDIT, None, "see and change whom the image is shared with"),
    Action.IMAGE_TRIGGER: Rule(Need.WRITE, None, "change the image's triggers"),
    Action.IMAGE_RETAIN: Rule(Need.EDIT, None, "change which tags of the image are kept"),
    Action.IMAGE_SYNC: Rule(Need.EDIT, None, "copy the image to other registries"),
}
