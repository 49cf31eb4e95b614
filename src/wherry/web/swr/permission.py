"""The decision on what a request asks for."""

from wherry.access.actions import Action, Need
from wherry.access.decisions import ANONYMOUS, Actor, Decision, Image, Organization, authorize
from wherry.access.grants import level_on_organization
from wherry.access.levels import NEEDED, Level
from wherry.identity.organizations import find_organization
from wherry.oci.names import RepositoryName
from wherry.web.swr.call import Call
from wherry.web.swr.errors import Code, Problem


async def admit(call: Call, action: Action) -> None:
    """Let the call pass, with its actor. Raises `Problem`."""
    if action.rule.need is Need.NOTHING:
        call.actor = ANONYMOUS
    else:
        call.actor, call.body = await call.services.signed_requests.read(call.scope, call.receive)
    decision = await decide(call, action)
    if decision.allowed:
        return
    name = call.organization_name
    if name is not None and await call.read(lambda tx: find_organization(tx, name)) is None:
        # That a name is taken anybody learns who tries to take it.
        raise Problem(Code.ORGANIZATION_UNKNOWN, f"there is no organization {name!r}")
    raise Problem(Code.NOT_ALLOWED, f"Insufficient permissions: {decision.reason}")


async def decide(call: Call, action: Action) -> Decision:
    """The decision on the image, the organization, or the service, whichever the path names."""
    if call.image_name is not None:
        return authorize(call.actor, action, await _image(call, call.image_name, action))
    if call.organization_name is not None:
        return authorize(
            call.actor, action, Organization(call.organization_name, await organization_level(call))
        )
    return authorize(call.actor, action)


async def image_level(call: Call) -> Level:
    """What the actor has on the image of the path, a key's ceiling applied."""
    return _under_ceiling(call.actor, await _image(call, call.image, Action.IMAGE_GRANT))


async def organization_level(call: Call) -> Level:
    """What the actor has on the organization of the path, without a key's ceiling."""
    actor, name = call.actor, call.organization
    if actor.is_admin:
        return Level.EDIT
    if actor.user_id is None:
        return Level.NONE
    user_id = actor.user_id
    given = await call.read(lambda tx: level_on_organization(tx, user_id, name))
    return max(given, _least(actor))


async def _image(call: Call, name: RepositoryName, action: Action) -> Image:
    actor, services = call.actor, call.services
    level = Level.EDIT if actor.is_admin else Level.NONE
    if actor.user_id is not None and not actor.is_admin and action.rule.need in NEEDED:
        level = max(await services.standing.level(actor.user_id, name), _least(actor))
    is_public = action.rule.need is Need.READ and bool(await services.pulls.is_public(name))
    return Image(name, is_public, level)


def _least(actor: Actor) -> Level:
    """What somebody has without a grant."""
    return Level.READ if actor.is_auditor else Level.NONE


def _under_ceiling(actor: Actor, image: Image) -> Level:
    if actor.ceiling is None:
        return image.level
    return min(image.level, Level(max(actor.ceiling.get(name, 0) for name in image.scopes)))
