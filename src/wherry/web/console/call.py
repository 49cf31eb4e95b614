"""One request as a page's handler sees it, and the answers it can give."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import parse_qsl

from jinja2 import Environment
from sqlalchemy import Connection
from starlette.responses import Response
from starlette.types import Receive, Scope

from wherry.access.actions import Action
from wherry.access.decisions import Actor
from wherry.audit.entries import Entry, Means, Result, Source, Target
from wherry.audit.journal import record
from wherry.db.database import Database
from wherry.identity.passwords import Passwords
from wherry.identity.sessions import Way, begin_session, end_session
from wherry.kit.clock import Clock
from wherry.kit.secrets import Sealer
from wherry.web.audited import Attempt, Audited, source_of
from wherry.web.authentication import Authentication
from wherry.web.body import whole_body
from wherry.web.console.problems import Problem
from wherry.web.exchange import Exchange
from wherry.web.origin import Origin
from wherry.web.sessions import BrowserSessions, header_of

if TYPE_CHECKING:
    from wherry.web.oidc_client import OidcClient

T = TypeVar("T")
# Id and name of a user.
Identity = tuple[int, str]

HOME = "/console/"
MAX_FORM = 16 * 1024
MAX_NEXT = 2000


@dataclass(frozen=True, slots=True)
class OidcRules:
    """What a sign-in through the provider means here. `label` is on the button."""

    client: "OidcClient"
    label: str
    create_users: bool
    admin_group: str | None
    auditor_group: str | None


@dataclass(frozen=True, slots=True)
class ConsoleServices:
    """What this face works with. `idle` is how long a body may stay silent."""

    database: Database
    sessions: BrowserSessions
    authentication: Authentication
    audited: Audited
    passwords: Passwords
    sealer: Sealer
    origin: Origin
    clock: Clock
    idle: timedelta
    oidc: OidcRules | None
    version: str


class Call:
    """What a handler gets; `actor` may do what the route's action says."""

    def __init__(
        self,
        services: ConsoleServices,
        templates: Environment,
        scope: Scope,
        receive: Receive,
        parameters: Mapping[str, str],
    ) -> None:
        self.services = services
        self.scope = scope
        self.receive = receive
        self.parameters = parameters
        self.actor: Actor
        self._templates = templates

    @property
    def now(self) -> datetime:
        return self.services.clock.now()

    @property
    def address(self) -> str:
        """Where the request comes from."""
        return Exchange.of(self.scope).client

    @property
    def registry_host(self) -> str:
        """The address that images are pulled from, without a scheme."""
        return self.services.origin.of(self.scope).partition("://")[2]

    @cached_property
    def query(self) -> dict[str, str]:
        """The query's parameters; the first of a name counts."""
        pairs = parse_qsl(self.scope["query_string"].decode("latin-1"), keep_blank_values=True)
        return dict(reversed(pairs))

    async def form(self) -> dict[str, str]:
        """The fields of the form that was sent. Raises `Problem` and as `whole_body` does."""
        body = await whole_body(self.receive, self.services.idle, MAX_FORM)
        try:
            return dict(parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=20))
        except ValueError:
            raise Problem(400, "This is no form.", "Fill in the form on the page, and send that.") from None

    def page(self, template: str, status: int = 200, **values: object) -> Response:
        """An HTML page."""
        text = self._templates.get_template(template).render(
            version=self.services.version, host=self.registry_host, **values
        )
        return Response(text, status, media_type="text/html")

    def redirect(self, path: str) -> Response:
        """To be followed by GET, whatever was sent."""
        return Response(status_code=303, headers={"location": path})

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self.services.database.read(work)

    async def begin_session(self, action: Action, way: Way, who: Callable[[Connection], Identity]) -> None:
        """Give this browser a session of the user that `who` finds, in one transaction with its record.

        Always a new one, in place of the one that was there: whoever planted a cookie here does not know what
        it becomes. Raises what `who` raises.
        """
        agent, exchange = header_of(self.scope, b"user-agent") or "", Exchange.of(self.scope)
        rules, now = self.services.sessions.rules, self.now

        def work(tx: Connection) -> tuple[Identity, str]:
            user_id, name = who(tx)
            if self.actor.user_id is not None and self.actor.session_id is not None:
                end_session(tx, self.actor.user_id, self.actor.session_id)
            token = begin_session(tx, user_id, way, now, rules, address=self.address, agent=agent)
            means = Means.PASSWORD if way is Way.PASSWORD else Means.SESSION
            source = Source(name, user_id, means, None, self.address, exchange.request_id)
            record(tx, Entry(source, action, Target.user(name), Result.DONE, "", {"by": way.value}), now)
            return (user_id, name), token

        (_, exchange.user), token = await self.services.database.write(work)
        self.services.audited.written.set()
        self.set_cookie(self.services.sessions.cookie(self.scope, token))

    async def end_session(self) -> None:
        """The session is over, also for whoever else has its cookie."""
        user_id, session_id = self.actor.user_id, self.actor.session_id
        if user_id is not None and session_id is not None:
            attempt = Attempt(
                source_of(self.actor, self.scope), Action.SESSION_END, Target.user(self.actor.name)
            )
            await self.services.audited.write(attempt, lambda tx: end_session(tx, user_id, session_id))
        self.set_cookie(self.services.sessions.no_cookie(self.scope))

    def set_cookie(self, text: str) -> None:
        """With whatever answer this request gets."""
        Exchange.of(self.scope).headers.append((b"set-cookie", text.encode("latin-1")))


def next_path(text: str | None) -> str:
    """Where to go after signing in: a page of the console, never another site."""
    if text is None or len(text) > MAX_NEXT or not text.startswith(HOME):
        return HOME
    # Browsers read a backslash as a slash, and drop what cannot be printed.
    return text if text.isascii() and text.isprintable() and "\\" not in text and "//" not in text else HOME
