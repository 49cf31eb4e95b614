"""Decisions as this face asks for them, and refusals: with the challenge that would help, or flatly."""

from wherry.access.actions import Action, Need, Verb
from wherry.access.decisions import Decision, Image, authorize
from wherry.access.levels import NEEDED, Level
from wherry.access.scopes import Scope
from wherry.oci.names import RepositoryName
from wherry.web.distribution.call import Call
from wherry.web.distribution.errors import Code, Problem


async def decide(call: Call, action: Action, name: RepositoryName | None) -> Decision:
    """`authorize`, looking up level and visibility only where they could change the answer."""
    actor, services = call.actor, call.services
    if name is None:
        return authorize(actor, action)
    level = Level.NONE
    if actor.user_id is not None and not actor.is_admin and action.rule.need in NEEDED:
        level = await services.standing.level(actor.user_id, name)
    decision = authorize(actor, action, Image(name, level=level))
    if decision.allowed or action.rule.need is not Need.READ:
        return decision
    if await services.pulls.is_public(name):
        return authorize(actor, action, Image(name, is_public=True, level=level))
    return decision


def refusal(call: Call, action: Action, name: RepositoryName | None, decision: Decision) -> Problem:
    """What a refused decision is answered with."""
    if decision.needs_login or decision.needs_scope:
        error = "insufficient_scope" if decision.needs_scope else None
        return challenge(call, decision.reason, error, scope_for(action, name))
    return Problem(403, Code.DENIED, decision.reason)


def challenge(call: Call, message: str, error: str | None, scope: str | None) -> Problem:
    """401, asking for a token or a password by the setting, with the scope that would do."""
    services = call.services
    if not services.bearer_challenge:
        value = 'Basic realm="wherry", charset="UTF-8"'
    else:
        value = f'Bearer realm="{services.origin.of(call.scope)}/token",service="{services.tokens.service}"'
        value += f',scope="{scope}"' if scope else ""
        value += f',error="{error}"' if error else ""
    return Problem(401, Code.UNAUTHORIZED, message, headers={"www-authenticate": value})


def scope_for(action: Action, name: RepositoryName | None) -> str | None:
    """The scope that a client should ask for; a pusher also pulls, to see what is there already."""
    if action is Action.CATALOG_LIST:
        return "registry:catalog:*"
    verb = action.rule.verb
    if name is None or verb is None:
        return None
    return str(Scope(name, frozenset({Verb.PULL, verb} if verb is Verb.PUSH else {verb})))
