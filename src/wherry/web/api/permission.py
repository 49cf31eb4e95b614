"""Who sends a request to this face, and the decision on what it asks for."""

from starlette.types import Receive, Scope

from wherry.access.actions import Action
from wherry.access.decisions import ANONYMOUS, Actor, Cluster, Decision, authorize
from wherry.access.levels import Level
from wherry.audit.entries import Kind, Target
from wherry.clusters.errors import ClusterUnknown, FleetUnknown
from wherry.web.api.call import Call
from wherry.web.api.problems import Problem, unauthenticated
from wherry.web.api.services import ApiServices
from wherry.web.body import whole_body
from wherry.web.rights import cluster_for, fleet_for, image_for, organization_for

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
    """The decision on the cluster, the image, the organization, or the service, whichever the path names.

    Raises `ClusterUnknown`, `FleetUnknown` for one that they may not see: it is not there for them.
    """
    if "cluster" in call.parameters:
        return await _decide_on_cluster(call, action)
    if "fleet" in call.parameters:
        return await _decide_on_fleet(call, action)
    if call.image_name is not None:
        image = await image_for(call.services, call.actor, call.image_name, action)
        return authorize(call.actor, action, image)
    if call.organization_name is not None:
        organization = await organization_for(call.services, call.actor, call.organization_name)
        return authorize(call.actor, action, organization)
    return authorize(call.actor, action)


async def _decide_on_cluster(call: Call, action: Action) -> Decision:
    name = call.parameters["cluster"]
    if call.actor.is_anonymous:
        return authorize(call.actor, action, Cluster(name))
    cluster, known = await cluster_for(call.services, call.actor, name)
    decision = authorize(call.actor, action, cluster)
    if cluster.level is Level.NONE and not decision.needs_scope:
        raise ClusterUnknown(name)
    call.found(known, cluster.level)
    return decision


async def _decide_on_fleet(call: Call, action: Action) -> Decision:
    name = call.parameters["fleet"]
    if call.actor.is_anonymous:
        return authorize(call.actor, action, Cluster(name))
    fleet, known = await fleet_for(call.services, call.actor, name)
    decision = authorize(call.actor, action, fleet)
    if fleet.level is Level.NONE and not decision.needs_scope:
        raise FleetUnknown(name)
    call.target = Target(Kind.CLUSTER, f"fleet {name}", known.organization)
    return decision


def _header(scope: Scope, name: bytes) -> bytes | None:
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return None
