"""The decision on what a request asks for."""

from wherry.access.actions import Action, Need
from wherry.access.decisions import ANONYMOUS, Decision, Organization, authorize
from wherry.access.levels import Level
from wherry.identity.organizations import find_organization
from wherry.web.rights import image_for, organization_for
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
        image = await image_for(call.services, call.actor, call.image_name, action)
        return authorize(call.actor, action, image)
    if call.organization_name is not None:
        return authorize(call.actor, action, await organization_of(call))
    return authorize(call.actor, action)


async def image_level(call: Call) -> Level:
    """What the actor has on the image of the path, a key's ceiling applied."""
    ceiling = call.actor.ceiling
    image = await image_for(call.services, call.actor, call.image, Action.IMAGE_GRANT)
    if ceiling is None:
        return image.level
    return min(image.level, Level(max(ceiling.get(name, 0) for name in image.scopes)))


async def organization_of(call: Call) -> Organization:
    """The organization of the path as the actor stands to it, without a key's ceiling."""
    return await organization_for(call.services, call.actor, call.organization)
