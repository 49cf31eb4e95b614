"""Every route of the console, each with its action."""

from starlette.responses import Response

from wherry.access.actions import Action
from wherry.web.console.call import Call
from wherry.web.console.home import home
from wherry.web.console.links import redeem, show_link
from wherry.web.console.oidc import finish_oidc, start_oidc
from wherry.web.console.sign_in import show_sign_in, sign_in, sign_out
from wherry.web.routes import Route

ROUTES: tuple[Route[Call, Response], ...] = (
    Route("GET", "/console/", Action.ACCOUNT_SEE, home),
    Route("GET", "/console/sign-in", Action.SESSION_MAKE, show_sign_in),
    Route("POST", "/console/sign-in", Action.SESSION_MAKE, sign_in),
    Route("POST", "/console/sign-out", Action.SESSION_END, sign_out),
    Route("GET", "/console/links/{token}", Action.LINK_USE, show_link),
    Route("POST", "/console/links/{token}", Action.LINK_USE, redeem),
    Route("GET", "/console/oidc/start", Action.SESSION_MAKE, start_oidc),
    Route("GET", "/console/oidc/callback", Action.SESSION_MAKE, finish_oidc),
)
