"""Invitations and reset links: their holder sets a password, and is signed in."""

from sqlalchemy import Connection
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.identity.errors import InvalidPassword
from wherry.identity.one_time_links import OpenLink, find_link, redeem_link
from wherry.identity.passwords import MIN_LENGTH
from wherry.identity.sessions import Way
from wherry.web.console.call import HOME, Call, Identity
from wherry.web.console.problems import sentence


async def show_link(call: Call) -> Response:
    """The form. To look at it does not use the link up: programs that check mail look at links too."""
    return _form(call, await _open(call))


async def redeem(call: Call) -> Response:
    """The password is set, the link used up, and a session begun."""
    link, form = await _open(call), await call.form()
    password, token = form.get("password", ""), call.parameters["token"]
    if password != form.get("again", ""):
        return _form(call, link, "The two passwords are not the same.")
    try:
        password_hash = await call.services.passwords.hash(password)
    except InvalidPassword as error:
        return _form(call, link, sentence(str(error)))

    def who(tx: Connection) -> Identity:
        user = redeem_link(tx, token, password_hash, call.now)
        return user.id, user.name

    await call.begin_session(Action.LINK_USE, Way.LINK, who)
    return call.redirect(HOME)


async def _open(call: Call) -> OpenLink:
    return await call.read(lambda tx: find_link(tx, call.parameters["token"], call.now))


def _form(call: Call, link: OpenLink, error: str = "") -> Response:
    return call.page("link.html", 422 if error else 200, link=link, error=error, shortest=MIN_LENGTH)
