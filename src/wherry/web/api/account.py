"""Who one is, and one's own password."""

from pydantic import Field
from sqlalchemy import Connection
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.audit.entries import Means, Target
from wherry.identity.access_keys import get_access_key
from wherry.identity.sessions import Way, begin_session
from wherry.identity.teams import list_teams
from wherry.identity.users import Role, find_user_by_id, set_password
from wherry.web.api.call import Admitted, Call
from wherry.web.api.documents import Document, Wanted, answer, no_content
from wherry.web.api.operations import Operation
from wherry.web.api.problems import Problem
from wherry.web.api.scopes import ScopeDocument, scope_document
from wherry.web.audited import means_of
from wherry.web.authentication import BadCredentials


class MyTeam(Document):
    """A team that one is in."""

    organization: str
    name: str


class MyKey(Document):
    """The access key that logged in, or that got the token."""

    id: str
    name: str
    is_temporary: bool = Field(description="A temporary login, not a key of your list.")


class AccountDocument(Document):
    """The login that a request came with."""

    name: str
    role: Role = Field(description="On the whole site. An auditor sees all and changes nothing.")
    robot_of: str | None = Field(description="The organization that holds a robot; null for people.")
    logged_in_by: Means
    key: MyKey | None = Field(description="Null without one.")
    ceiling: list[ScopeDocument] | None = Field(
        description="What this login may at the most; null for all that the user may."
    )
    has_password: bool
    teams: list[MyTeam]


class NewPassword(Wanted):
    """Another password, and the proof that it is oneself."""

    old_password: str = Field(max_length=1024)
    new_password: str = Field(max_length=1024, description="8 to 1024 characters.")


async def show_me(call: Admitted) -> Response:
    """Who you are to this service, and what your login may at the most."""
    return answer(await call.read(lambda tx: _account(tx, call)))


async def change_my_password(call: Admitted, body: NewPassword) -> Response:
    """Set another password. All your sessions end; a browser that asks gets a new one with the answer."""
    services, session_id = call.services, call.actor.session_id
    call.target = Target.user(call.actor.name)
    try:
        await services.authentication.password_login(call.actor.name, body.old_password, call.client)
    except BadCredentials:
        raise Problem(403, "wrong_password", "the old password is wrong") from None
    password_hash = await services.passwords.hash(body.new_password)

    def work(tx: Connection) -> str | None:
        set_password(tx, call.actor.name, password_hash)
        if session_id is None:
            return None
        agent = call.request.headers.get("user-agent", "")
        rules = services.sessions.rules
        return begin_session(
            tx, call.user_id, Way.PASSWORD, call.now, rules, address=call.client, agent=agent
        )

    cookie = await call.write(work)
    response = no_content()
    if cookie is not None:
        response.headers["set-cookie"] = services.sessions.cookie(call.request.scope, cookie)
    return response


def _account(tx: Connection, call: Call) -> AccountDocument:
    actor = call.actor
    user = find_user_by_id(tx, call.user_id)
    if user is None:  # deleted between the login and now
        raise Problem(401, "not_logged_in", "log in first")
    key = None
    if actor.key_id is not None:
        found = get_access_key(tx, actor.key_id)
        key = MyKey(id=found.id, name=found.name, is_temporary=actor.is_temporary)
    return AccountDocument(
        name=user.name,
        role=user.role,
        robot_of=user.robot_of,
        logged_in_by=means_of(actor),
        key=key,
        ceiling=scope_document(actor.ceiling),
        has_password=user.has_password,
        teams=[
            MyTeam(organization=each.organization, name=each.name) for each in list_teams(tx, user_id=user.id)
        ],
    )


OPERATIONS = (
    Operation("GET", "/me", Action.ACCOUNT_SEE, show_me, AccountDocument),
    Operation("PUT", "/me/password", Action.ACCOUNT_CHANGE, change_my_password, status=204),
)
