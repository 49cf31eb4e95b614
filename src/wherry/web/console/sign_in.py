"""Signing in by name and password, and signing out."""

from urllib.parse import urlencode

from starlette.responses import Response
from starlette.types import Scope

from wherry.access.actions import Action
from wherry.identity.sessions import Way
from wherry.web.authentication import BadCredentials
from wherry.web.console.call import HOME, Call, next_path
from wherry.web.console.problems import sentence

SIGN_IN = "/console/sign-in"


def sign_in_path(scope: Scope) -> str:
    """The sign-in page, which leads back to where the request went."""
    path = next_path(scope["path"])
    return SIGN_IN if path == HOME else f"{SIGN_IN}?{urlencode({'next': path})}"


async def show_sign_in(call: Call) -> Response:
    """The form, and the way to the sign-in service where there is one."""
    target = next_path(call.query.get("next"))
    return call.redirect(target) if not call.actor.is_anonymous else _form(call, target)


async def sign_in(call: Call) -> Response:
    """A right name and password begin a session; the page does not tell which of the two was wrong."""
    form = await call.form()
    name, target = form.get("name", ""), next_path(form.get("next"))
    try:
        actor = await call.services.authentication.password_login(
            name, form.get("password", ""), call.address
        )
    except BadCredentials as error:
        return _form(call, target, status=403, name=name, error=sentence(str(error)))
    if actor.user_id is None or actor.key_id is not None:
        return _form(call, target, status=403, error="Access keys are for programs; here people sign in.")
    who = (actor.user_id, actor.name)
    await call.begin_session(Action.SESSION_MAKE, Way.PASSWORD, lambda _tx: who)
    return call.redirect(target)


async def sign_out(call: Call) -> Response:
    """The session is over, also for whoever else has its cookie."""
    await call.end_session()
    return call.redirect(SIGN_IN)


def _form(call: Call, target: str, *, status: int = 200, name: str = "", error: str = "") -> Response:
    oidc = call.services.oidc
    return call.page(
        "sign_in.html",
        status,
        target=target,
        name=name[:64],
        error=error,
        oidc_label=None if oidc is None else oidc.label,
        oidc_path=f"/console/oidc/start?{urlencode({'next': target})}",
    )
