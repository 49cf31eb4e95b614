"""Who sends a request to this face, and the decision on what it asks for."""

from starlette.types import Receive, Scope

from wherry.access.actions import Action, Need
from wherry.access.decisions import ANONYMOUS, Actor, Decision, Image, Organization, authorize
from wherry.access.grants import level_on_organization
from wherry.access.levels import NEEDED, Level
from wherry.oci.names import RepositoryName
from wherry.web.api.call import ApiServices, Call
from wherry.web.api.problems import Problem, unauthenticated
from wherry.web.body import whole_body

MAX_BODY = 1024 * 1024
_SIGNED = b"sdk-hmac-sha256"


async def sender(services: ApiServices, scope: Scope, receive: Receive) -> tuple[Actor, bytes]:
    """Who sent the request, by signature, password, login key, token or session, and its whole body.

    Raises `BadCredentials`, `CrossSite`, `BodyError`, `TooManyLogins`, `DatabaseUnavailable`.
    """
    authorization = _header(scope, b"authorization")
    if authorization is not None and authorization.lower().startswith(_SIGNED):
        return await services.signed_requests.read(scope, receive)
    if authorization is not None:
        actor = await services.authentication.actor(scope)
    else:
        actor = await services.sessions.actor(scope) or ANONYMOUS
    if scope["method"] in ("GET", "HEAD"):
        return actor, b""
    return actor, await whole_body(receive, services.idle, MAX_BODY)


async def admit(call: Call, action: Action) -> None:
    """Let the call pass. Raises `Problem`."""
    decision = await decide(call, action)
    if decision.allowed:
        return
    if decision.needs_login:
        raise unauthenticated(decision.reason)
    if decision.needs_scope:
        raise Problem(403, "token_too_narrow", "a registry token is good for the registry only; log in")
    raise Problem(403, "not_allowed", decision.reason)


async def decide(call: Call, action: Action) -> Decision:
    """The decision on the image, the organization, or the service, whichever the path names."""
    if call.image_name is not None:
        return authorize(call.actor, action, await image_of(call, call.image_name, action))
    if call.organization_name is not None:
        return authorize(call.actor, action, await organization_of(call, call.organization_name))
    return authorize(call.actor, action)


async def organization_of(call: Call, name: str) -> Organization:
    """What a decision on the organization rests on."""
    user_id = call.actor.user_id
    if user_id is None:
        return Organization(name)
    return Organization(name, await call.read(lambda tx: level_on_organization(tx, user_id, name)))


async def image_of(call: Call, name: RepositoryName, action: Action) -> Image:
    """What a decision on the image rests on."""
    actor, services = call.actor, call.services
    level = Level.NONE
    if actor.user_id is not None and action.rule.need in NEEDED:
        level = await services.standing.level(actor.user_id, name)
    is_public = action.rule.need is Need.READ and bool(await services.pulls.is_public(name))
    return Image(name, is_public, level)


def _header(scope: Scope, name: bytes) -> bytes | None:
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return None
