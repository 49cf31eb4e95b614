"""`authorize`: may this actor do this, and why. Deny by default; nothing here reads a database."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from wherry.access.actions import Action, Need, Verb
from wherry.access.levels import NEEDED, Level
from wherry.oci.names import RepositoryName


@dataclass(frozen=True, slots=True)
class TokenGrant:
    """What a registry token allows at the most."""

    repositories: Mapping[RepositoryName, frozenset[Verb]] = field(default_factory=dict)
    catalog: bool = False


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks. `user_id` is None without a login; `grant` is there if a registry token spoke.

    With `key_id` an access key of the user's logged in; `ceiling` is what that key may at the most: levels by
    names of organizations and images. `robot_of` is the organization that holds a robot; with `session_id` a
    browser speaks. `by_token` marks a bearer token of the native API, `is_temporary` a temporary login.
    """

    user_id: int | None
    name: str
    is_admin: bool = False
    grant: TokenGrant | None = None
    key_id: str | None = None
    ceiling: Mapping[str, int] | None = None
    is_auditor: bool = False
    robot_of: str | None = None
    session_id: str | None = None
    by_token: bool = False
    is_temporary: bool = False

    @property
    def is_anonymous(self) -> bool:
        return self.user_id is None

    @property
    def sees_everything(self) -> bool:
        """Lists hide nothing from them but what their key's ceiling cuts off."""
        return self.is_admin or self.is_auditor


ANONYMOUS = Actor(None, "anonymous")


@dataclass(frozen=True, slots=True)
class Image:
    """What a decision on an image rests on; `level` is the actor's own, without what is public."""

    name: RepositoryName
    is_public: bool = False
    level: Level = Level.NONE

    @property
    def scopes(self) -> tuple[str, ...]:
        """The names under which a key's ceiling may speak of it."""
        organization = self.name.organization
        # By its bare name alone, an image of the library would be taken for the organization of that name.
        image = self.name.text if "/" in self.name.text else f"{organization}/{self.name}"
        return (image, organization)


@dataclass(frozen=True, slots=True)
class Organization:
    """What a decision on a whole organization rests on; `level` is the actor's own on all of it."""

    name: str
    level: Level = Level.NONE

    @property
    def is_public(self) -> bool:
        return False

    @property
    def scopes(self) -> tuple[str, ...]:
        return (self.name,)


@dataclass(frozen=True, slots=True)
class Cluster:
    """What a decision on a cluster or a fleet rests on; roles and a key's ceiling are in `level` already."""

    name: str
    level: Level = Level.NONE
    word: str = "the cluster"

    @property
    def is_public(self) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class Decision:
    """`reason` is in words, for people. `needs_login` or `needs_scope` say what would change a refusal."""

    allowed: bool
    reason: str
    needs_login: bool = False
    needs_scope: bool = False


def authorize(actor: Actor, action: Action, image: Image | Organization | Cluster | None = None) -> Decision:
    """Decide on `action`, on `image` where it is one on an image, an organization or a cluster."""
    if action.rule.lasts and (actor.by_token or actor.is_temporary):
        message = "a token or a temporary login makes nothing that outlives it; log in with another"
        return Decision(False, message)
    decision = _by_rights(actor, action, image)
    if decision.allowed and not _in_grant(actor, action, image):
        # What anybody may, a token need not grant.
        if _by_rights(ANONYMOUS, action, image).allowed:
            return decision
        return Decision(False, "the token does not grant this", needs_scope=True)
    return decision


def _by_rights(actor: Actor, action: Action, image: Image | Organization | Cluster | None) -> Decision:
    need = action.rule.need
    if need is Need.NOTHING:
        return Decision(True, "open to everybody")
    if need is Need.READ and image is not None and image.is_public:
        return Decision(True, "the image is public")
    if actor.is_anonymous:
        return Decision(False, "log in first", needs_login=True)
    if need is Need.LOGIN:
        return Decision(True, "logged in")
    if need in (Need.USER, Need.ADMIN):
        return _by_role(actor, action)
    if isinstance(image, Cluster):
        return _by_level(actor, image.level, NEEDED[need], f"{image.word} {image.name}")
    wanted, where = NEEDED[need], "this" if image is None else str(image.name)
    if image is not None and actor.ceiling is not None:
        ceiling = max(actor.ceiling.get(name, 0) for name in image.scopes)
        if ceiling < wanted:
            return Decision(False, f"the access key {actor.key_id} is not for {wanted.word} on {where}")
    if actor.is_admin:
        return Decision(True, f"{actor.name} is an administrator")
    if actor.is_auditor and action.rule.looks:
        return Decision(True, f"{actor.name} is an auditor")
    return _by_level(actor, Level.NONE if image is None else image.level, wanted, where)


def _by_level(actor: Actor, level: Level, wanted: Level, where: str) -> Decision:
    if level >= wanted:
        return Decision(True, f"{actor.name} has {level.word} on {where}")
    if level is Level.NONE:
        return Decision(False, f"{actor.name} has no right on {where}")
    return Decision(False, f"{actor.name} has {level.word} on {where}, and this takes {wanted.word}")


def _by_role(actor: Actor, action: Action) -> Decision:
    """For what is on no image: a whole login, of an administrator where it takes one."""
    if actor.robot_of is not None:
        return Decision(False, f"{actor.name} is a robot of {actor.robot_of}; this takes a person")
    if actor.ceiling is not None:
        return Decision(False, f"the access key {actor.key_id} is for some images only")
    if action.rule.need is Need.USER:
        return Decision(True, "logged in")
    if actor.is_admin:
        return Decision(True, f"{actor.name} is an administrator")
    if actor.is_auditor and action.rule.looks:
        return Decision(True, f"{actor.name} is an auditor")
    return Decision(False, f"{actor.name} is no administrator")


def _in_grant(actor: Actor, action: Action, image: Image | Organization | Cluster | None) -> bool:
    if actor.grant is None:
        return True
    if action is Action.CATALOG_LIST:
        return actor.grant.catalog
    verb = action.rule.verb
    if verb is None:
        # Else a token for one pull would make logins, or give rights away.
        return action is Action.REGISTRY_USE
    return isinstance(image, Image) and verb in actor.grant.repositories.get(image.name, frozenset())
