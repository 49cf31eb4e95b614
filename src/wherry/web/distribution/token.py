"""The Docker token endpoint: GET with Basic or nothing, and the OAuth2 POST.

https://distribution.github.io/distribution/spec/auth/token/ and …/oauth/. What is asked for is cut to what
the user may; asking for too much is never an error.
"""

import json
from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.responses import Response

from wherry.access.actions import RULES, Action, Verb
from wherry.access.decisions import Actor
from wherry.access.scopes import AskedScopes, Scope, parse_scopes
from wherry.oci.names import RepositoryName
from wherry.web.authentication import BadCredentials
from wherry.web.body import BodyTooLong, whole_body
from wherry.web.distribution.call import Call
from wherry.web.distribution.errors import Code, Problem
from wherry.web.distribution.permission import decide
from wherry.web.exchange import Exchange

MAX_FORM = 64 * 1024


async def give_token(call: Call) -> Response:
    """GET: who comes with Basic gets a token for themselves, who comes with nothing one for public images."""
    if call.actor.grant is not None or call.actor.by_token:
        # Else a token for one pull would buy one for everything that its user may, for ever.
        raise Problem(401, Code.UNAUTHORIZED, "a token does not buy another one; come with the password")
    scopes = parse_scopes(value for key, value in call.query if key == "scope")
    return await _token(call, call.actor, scopes)


async def give_token_oauth2(call: Call) -> Response:
    """POST: `grant_type=password` with the user's name and password in the form (RFC 6749 §4.3)."""
    form = await _form(call)
    if form.get("grant_type") != "password":
        raise Problem(400, Code.UNSUPPORTED, "the grant_type that is supported is password")
    try:
        actor = await call.services.authentication.password_login(
            form.get("username", ""), form.get("password", ""), Exchange.of(call.scope).client
        )
    except BadCredentials as error:
        raise Problem(401, Code.UNAUTHORIZED, str(error)) from None
    Exchange.of(call.scope).user = actor.name
    return await _token(call, actor, parse_scopes([form.get("scope", "")]))


async def _token(call: Call, actor: Actor, asked: AskedScopes) -> Response:
    services = call.services
    call.actor = actor
    granted = AskedScopes(
        tuple([Scope(scope.repository, await _allowed(call, scope)) for scope in asked.repositories]),
        asked.catalog and (await decide(call, Action.CATALOG_LIST, None)).allowed,
    )
    now = services.clock.now()
    token = services.tokens.issue(actor.user_id, granted, now, actor.key_id)
    document = {
        "token": token,
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": int(services.tokens.lifetime.total_seconds()),
        "issued_at": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "scope": " ".join(str(scope) for scope in granted.repositories if scope.verbs),
    }
    return Response(
        json.dumps(document), headers={"cache-control": "no-store"}, media_type="application/json"
    )


async def _allowed(call: Call, scope: Scope) -> frozenset[Verb]:
    return frozenset([verb for verb in scope.verbs if await _may(call, verb, scope.repository)])


async def _may(call: Call, verb: Verb, name: RepositoryName) -> bool:
    """Whether all actions that the verb stands for are allowed."""
    actions = [action for action, rule in RULES.items() if rule.verb is verb]
    return all([(await decide(call, action, name)).allowed for action in actions])


async def _form(call: Call) -> Mapping[str, str]:
    try:
        body = await whole_body(call.receive, call.services.limits.idle, MAX_FORM)
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=100))
    except BodyTooLong:
        raise Problem(413, Code.SIZE_INVALID, f"a form has at most {MAX_FORM} bytes") from None
    except ValueError:
        raise Problem(400, Code.UNSUPPORTED, "the body is a form in UTF-8") from None
