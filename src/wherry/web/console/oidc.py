"""Signing in through the OIDC provider: to it, and back from it.

What ties both together (state, nonce, PKCE's verifier) lies sealed in a cookie of the browser that began: an
answer that is brought to another browser finds none.
"""

import hmac
import json
from datetime import datetime, timedelta

from sqlalchemy import Connection
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.identity.errors import LastAdministrator, SignInRefused
from wherry.identity.federated_users import Person, sign_in_person
from wherry.identity.sessions import Way
from wherry.identity.teams import sync_oidc_memberships
from wherry.identity.users import Role
from wherry.kit.secrets import UnreadableSecret
from wherry.web.console.call import Call, Identity, OidcRules, next_path
from wherry.web.console.problems import Problem
from wherry.web.oidc import Attempt, Claims, OidcFailed
from wherry.web.sessions import cookie_of, set_cookie

COOKIE = "wherry_oidc"
PATH = "/console/oidc/"
LASTS = timedelta(minutes=10)


async def start_oidc(call: Call) -> Response:
    """Send the browser to the provider."""
    rules, attempt = _rules(call), Attempt.new()
    url = await rules.client.authorization_url(attempt, _redirect_uri(call))
    _keep(call, _sealed(call, attempt, next_path(call.query.get("next"))), LASTS)
    return call.redirect(url)


async def finish_oidc(call: Call) -> Response:
    """The browser is back: who is it, which user is that, and a session begins."""
    rules = _rules(call)
    _keep(call, "", timedelta(0))  # one answer for each attempt
    attempt, target = _begun(call)
    tried = ""
    try:
        claims = await rules.client.identify(attempt, _redirect_uri(call), call.query)
        tried = claims.name
        await call.begin_session(Action.SESSION_MAKE, Way.OIDC, lambda tx: _user(tx, call, rules, claims))
    except (OidcFailed, SignInRefused, LastAdministrator) as error:
        await call.services.audited.login_failed(tried, None, call.address, str(error))
        raise
    return call.redirect(target)


def _user(tx: Connection, call: Call, rules: OidcRules, claims: Claims) -> Identity:
    """The user that the person is, with the teams of the person's groups."""
    person = Person(rules.client.issuer, claims.subject, claims.name)
    groups = claims.groups or frozenset()
    user = sign_in_person(tx, person, call.now, create=rules.create_users, role=_role(rules, groups))
    sync_oidc_memberships(tx, user.id, groups, call.now)
    return user.id, user.name


def _role(rules: OidcRules, groups: frozenset[str]) -> Role | None:
    """None where groups say nothing about roles."""
    if rules.admin_group is None and rules.auditor_group is None:
        return None
    if rules.admin_group in groups:
        return Role.ADMIN
    return Role.AUDITOR if rules.auditor_group in groups else Role.USER


def _begun(call: Call) -> tuple[Attempt, str]:
    """The attempt that this browser began, if the answer is to that one. Raises `Problem`."""
    sealed = cookie_of(call.scope, COOKIE)
    try:
        kept = json.loads(call.services.sealer.open(sealed or ""))
        attempt = Attempt(kept["state"], kept["nonce"], kept["verifier"])
        begun = datetime.fromisoformat(kept["at"])
    except (UnreadableSecret, ValueError, KeyError, TypeError):
        raise _stale() from None
    right = hmac.compare_digest(call.query.get("state", "").encode(), attempt.state.encode())
    if not right or not timedelta(0) <= call.now - begun <= LASTS:
        raise _stale()
    return attempt, next_path(kept.get("next"))


def _sealed(call: Call, attempt: Attempt, target: str) -> str:
    kept = {
        "state": attempt.state,
        "nonce": attempt.nonce,
        "verifier": attempt.verifier,
        "next": target,
        "at": call.now.isoformat(),
    }
    return call.services.sealer.seal(json.dumps(kept).encode())


def _keep(call: Call, sealed: str, lasts: timedelta) -> None:
    secure = call.services.sessions.is_secure(call.scope)
    call.set_cookie(set_cookie(COOKIE, sealed, PATH, lasts, secure=secure))


def _redirect_uri(call: Call) -> str:
    return f"{call.services.origin.of(call.scope)}{PATH}callback"


def _rules(call: Call) -> OidcRules:
    if call.services.oidc is None:
        raise Problem(404, "There is no sign-in service here.", "Sign in with your name and password.")
    return call.services.oidc


def _stale() -> Problem:
    return Problem(
        400,
        "This sign-in was not begun here, or too long ago.",
        "Go to the sign-in page and begin again, in one browser and within ten minutes.",
    )
