"""`authorize`: may this actor do this, and why. Deny by default; nothing here reads a database."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from wherry.access.actions import Action, Need, Verb
from wherry.oci.names import RepositoryName


@dataclass(frozen=True, slots=True)
class TokenGrant:
    """What a registry token allows at the most."""

    repositories: Mapping[RepositoryName, frozenset[Verb]] = field(default_factory=dict)
    catalog: bool = False


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks. `user_id` is None without a login; `grant` is there if a registry token spoke."""

    user_id: int | None
    name: str
    is_admin: bool = False
    grant: TokenGrant | None = None

    @property
    def is_anonymous(self) -> bool:
        return self.user_id is None


ANONYMOUS = Actor(None, "anonymous")


@dataclass(frozen=True, slots=True)
class Image:
    """What a decision on an image rests on."""

    name: RepositoryName
    is_public: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """`reason` is in words, for people. `needs_login` or `needs_scope` say what would change a refusal."""

    allowed: bool
    reason: str
    needs_login: bool = False
    needs_scope: bool = False


def authorize(actor: Actor, action: Action, image: Image | None = None) -> Decision:
    """Decide on `action`, on `image` where the action is one on an image."""
    decision = _by_rights(actor, action, image)
    if decision.allowed and not _in_grant(actor, action, image):
        # What anybody may, a token need not grant.
        if _by_rights(ANONYMOUS, action, image).allowed:
            return decision
        return Decision(False, "the token does not grant this", needs_scope=True)
    return decision


def _by_rights(actor: Actor, action: Action, image: Image | None) -> Decision:
    need = action.rule.need
    if need is Need.NOTHING:
        return Decision(True, "open to everybody")
    if need is Need.READ and image is not None and image.is_public:
        return Decision(True, "the image is public")
    if actor.is_anonymous:
        return Decision(False, "log in first", needs_login=True)
    if need is Need.LOGIN:
        return Decision(True, "logged in")
    if actor.is_admin:
        return Decision(True, f"{actor.name} is an administrator")
    return Decision(False, f"{actor.name} has no right to {need.value} this image")


def _in_grant(actor: Actor, action: Action, image: Image | None) -> bool:
    if actor.grant is None:
        return True
    if action is Action.CATALOG_LIST:
        return actor.grant.catalog
    verb = action.rule.verb
    return verb is None or (
        image is not None and verb in actor.grant.repositories.get(image.name, frozenset())
    )
