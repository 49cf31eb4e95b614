"""Sessions of browsers: begun by user name and password, listed, ended."""

from datetime import datetime

from pydantic import Field
from sqlalchemy import Connection
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.audit.entries import Kind, Target
from wherry.identity.sessions import Way, begin_session, end_session, end_sessions, list_sessions
from wherry.web.api.call import Admitted
from wherry.web.api.documents import Document, PageDocument, Wanted, answer, no_content
from wherry.web.api.operations import Operation
from wherry.web.api.problems import Problem
from wherry.web.authentication import BadCredentials
from wherry.web.exchange import Exchange
from wherry.web.routes import Audit
from wherry.web.sessions import header_of


class SignIn(Wanted):
    """User name and password."""

    user: str = Field(max_length=255)
    password: str = Field(max_length=1024)


class SignedInDocument(Document):
    """The session that was begun; its cookie is in `Set-Cookie`."""

    user: str
    ends_at: datetime = Field(description="It ends sooner where it is not used.")


class SessionDocument(Document):
    """A browser that is signed in."""

    id: str
    is_current: bool = Field(description="The one that this request came with.")
    signed_in_by: Way
    began_at: datetime
    seen_at: datetime = Field(description="To about a minute.")
    ends_at: datetime = Field(description="It ends sooner where it is not used.")
    address: str
    agent: str = Field(description="What the browser says of itself.")


async def begin_my_session(call: Admitted, body: SignIn) -> Response:
    """Sign a browser in: the answer brings a cookie that counts under `/api/` and `/console/`.

    It takes the place of the session that the browser had.
    """
    services, scope, before = call.services, call.request.scope, call.actor
    if header_of(scope, b"origin") is not None or header_of(scope, b"sec-fetch-site") is not None:
        # Or another site would sign its visitors in as somebody of its choice.
        services.sessions.refuse_cross_site(scope)
    try:
        actor = await services.authentication.password_login(body.user, body.password, call.client)
    except BadCredentials as error:
        raise Problem(403, "wrong_password", str(error)) from None
    if actor.user_id is None or actor.key_id is not None:
        raise Problem(403, "not_allowed", "access keys are for programs; a session takes a user's password")
    user_id, rules = actor.user_id, services.sessions.rules
    call.actor, call.target = actor, Target.user(actor.name)
    Exchange.of(scope).user = actor.name

    def work(tx: Connection) -> str:
        if before.user_id is not None and before.session_id is not None:
            end_session(tx, before.user_id, before.session_id)
        agent = call.request.headers.get("user-agent", "")
        return begin_session(tx, user_id, Way.PASSWORD, call.now, rules, address=call.client, agent=agent)

    cookie = await call.write(work, {"by": Way.PASSWORD.value})
    shown = SignedInDocument(user=actor.name, ends_at=call.now + rules.lifetime)
    return answer(shown, 201, {"set-cookie": services.sessions.cookie(scope, cookie)})


async def end_my_session(call: Admitted) -> Response:
    """Sign out: the session is over, also for whoever else has its cookie. Without one nothing happens."""
    user_id, session_id = call.actor.user_id, call.actor.session_id
    if user_id is not None and session_id is not None:
        call.target = Target.user(call.actor.name)
        await call.write(lambda tx: end_session(tx, user_id, session_id))
    response = no_content()
    response.headers["set-cookie"] = call.services.sessions.no_cookie(call.request.scope)
    return response


async def list_my_sessions(call: Admitted) -> Response:
    """The browsers that are signed in as you, the one seen last first; there are never many."""
    rules = call.services.sessions.rules
    found = await call.read(lambda tx: list_sessions(tx, call.user_id, call.now, rules))
    items = [
        SessionDocument(
            id=each.id,
            is_current=each.id == call.actor.session_id,
            signed_in_by=each.way,
            began_at=each.made_at,
            seen_at=each.seen_at,
            ends_at=each.ends_at,
            address=each.address,
            agent=each.agent,
        )
        for each in found
    ]
    return answer(PageDocument(items=items))


async def end_one_session(call: Admitted, session: str) -> Response:
    """Sign one browser out."""
    call.target = Target(Kind.SESSION, session[:12])

    def work(tx: Connection) -> None:
        if not end_session(tx, call.user_id, session):
            raise Problem(404, "session_unknown", "you have no such session")

    await call.write(work)
    return no_content()


async def end_other_sessions(call: Admitted) -> Response:
    """Sign all browsers out but the one that asks."""
    call.target = Target.user(call.actor.name)
    await call.write(
        lambda tx: end_sessions(tx, call.user_id, but=call.actor.session_id),
        lambda ended: {"ended": ended},
    )
    return no_content()


OPERATIONS = (
    Operation(
        "POST",
        "/session",
        Action.SESSION_MAKE,
        begin_my_session,
        SignedInDocument,
        status=201,
        tag="sessions",
    ),
    Operation(
        "DELETE",
        "/session",
        Action.SESSION_END,
        end_my_session,
        status=204,
        tag="sessions",
        audit=Audit.NOTHING,
    ),
    Operation(
        "GET",
        "/me/sessions",
        Action.ACCOUNT_SEE,
        list_my_sessions,
        PageDocument[SessionDocument],
        tag="sessions",
    ),
    Operation(
        "DELETE", "/me/sessions", Action.ACCOUNT_CHANGE, end_other_sessions, status=204, tag="sessions"
    ),
    Operation(
        "DELETE", "/me/sessions/{session}", Action.ACCOUNT_CHANGE, end_one_session, status=204, tag="sessions"
    ),
)
