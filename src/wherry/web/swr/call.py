"""One request as a handler sees it: signed, read, allowed."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from types import MappingProxyType
from typing import TypeVar
from urllib.parse import unquote

from sqlalchemy import Connection
from starlette.types import Receive, Scope

from wherry.access.actions import Action
from wherry.access.decisions import ANONYMOUS, Actor
from wherry.access.grants import Standing
from wherry.audit.entries import SERVICE, Target
from wherry.blobs.intake import Intake
from wherry.db.database import Database
from wherry.db.errors import DatabaseError
from wherry.identity.organizations import LIBRARY
from wherry.kit.clock import Clock
from wherry.kit.secrets import Sealer
from wherry.oci.errors import InvalidName
from wherry.oci.names import RepositoryName, Tag
from wherry.registry.pull import Pulls
from wherry.registry.pull_counts import PullCounts
from wherry.web.audited import Attempt, Audited, Detail, source_of
from wherry.web.origin import Origin
from wherry.web.signed_requests import SignedRequests
from wherry.web.swr.documents import Fields, parsed, plain_text
from wherry.web.swr.errors import Code, Problem
from wherry.web.swr.listings import Asked

T = TypeVar("T")

MAX_IMAGE_NAME = 128


@dataclass(frozen=True, slots=True)
class SwrServices:
    """What this face works with. `temporary_login` is how long one is good for that asks for no time."""

    database: Database
    intake: Intake
    pulls: Pulls
    pull_counts: PullCounts
    standing: Standing
    signed_requests: SignedRequests
    sealer: Sealer
    audited: Audited
    origin: Origin
    clock: Clock
    temporary_login: timedelta


class Call:
    """What a handler gets. `actor` may do what the route's action says on what the path names.

    `organization` is there where the path has a namespace, `image` where it has a repository too. `target` is
    what the audit trail says that a change was made on; it has the change once `is_recorded`.
    """

    actor: Actor = ANONYMOUS
    is_recorded: bool = False

    def __init__(
        self,
        services: SwrServices,
        scope: Scope,
        receive: Receive,
        action: Action,
        parameters: Mapping[str, str],
    ) -> None:
        self.services = services
        self.scope = scope
        self.receive = receive
        self.parameters = {name: _decoded(text, name) for name, text in parameters.items()}
        self.action = action
        self.target = SERVICE
        self.body = b""
        self.organization_name: str | None = None
        self.image_name: RepositoryName | None = None
        if "namespace" in self.parameters:
            self.organization_name = organization_name(self.parameters["namespace"])
            self.target = Target.org(self.organization_name)
            if "repository" in self.parameters:
                self.image_name = image_name(self.organization_name, self.parameters["repository"])
                self.target = Target.image(self.image_name)

    @property
    def organization(self) -> str:
        assert self.organization_name is not None, "the route has a namespace"
        return self.organization_name

    @property
    def image(self) -> RepositoryName:
        assert self.image_name is not None, "the route has a repository"
        return self.image_name

    @property
    def tag(self) -> Tag:
        """The tag in the path. Raises `InvalidTag`."""
        return Tag.parse(self.parameters["tag"])

    @property
    def user_id(self) -> int:
        assert self.actor.user_id is not None, "the route's action needs a login"
        return self.actor.user_id

    @property
    def now(self) -> datetime:
        return self.services.clock.now()

    @property
    def registry_host(self) -> str:
        """The address that images are pulled from, without a scheme."""
        return self.services.origin.of(self.scope).partition("://")[2]

    @cached_property
    def query(self) -> dict[str, str]:
        """The query's parameters; a plus is a plus, as the SDK signs it. Raises `Problem`."""
        found: dict[str, str] = {}
        for pair in self.scope["query_string"].decode("latin-1").split("&"):
            if pair:
                name, _, value = pair.partition("=")
                found[_decoded(name, "the query")] = _decoded(value, "the query")
        return found

    def asked(self, *filters: str) -> Asked:
        """What a list is asked for; `filters` are the keys that `filter` may have."""
        return Asked(self.query, frozenset(filters))

    def fields(self) -> Fields:
        """The body, an object. Raises `Problem`."""
        return Fields(parsed(self.body))

    def array(self) -> list[object]:
        """The body, an array with something in it. Raises `Problem`."""
        document = parsed(self.body)
        if not isinstance(document, list) or not 1 <= len(document) <= 1000:
            raise Problem(Code.INVALID_PARAMETER, "the body is a JSON array of 1 to 1000 elements")
        return document

    async def counted(self, work: Callable[[Connection], T]) -> T:
        """`read` of what shows how often images were pulled: up to now, as far as this process knows."""
        with suppress(DatabaseError):  # then they are shown later
            await self.services.pull_counts.write()
        return await self.services.database.read(work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self.services.database.read(work)

    async def write(
        self,
        work: Callable[[Connection], T],
        detail: Detail[T] = MappingProxyType({}),
        made: Callable[[T], Target] | None = None,
    ) -> T:
        """Change something, on record, as `Audited.write` does."""
        result = await self.services.audited.write(self.attempt, work, detail, made)
        self.is_recorded = True
        return result

    @property
    def attempt(self) -> Attempt:
        """What the audit trail has to know of a change."""
        return Attempt(source_of(self.actor, self.scope), self.action, self.target)


def organization_name(text: str) -> str:
    """The name of an organization, as far as it can be one. Raises `Problem`."""
    try:
        if "/" not in text:
            return RepositoryName.parse(text).text
    except InvalidName:
        pass
    raise Problem(Code.INVALID_ORGANIZATION_NAME, f"{text[:80]!r} is not the name of an organization")


def image_name(organization: str, text: str) -> RepositoryName:
    """The image's whole name; `$` stands for `/` too. Raises `Problem`, `InvalidName`."""
    bare = text.replace("$", "/")
    if len(bare) > MAX_IMAGE_NAME:
        raise Problem(Code.INVALID_IMAGE_NAME, f"an image's name has at most {MAX_IMAGE_NAME} characters")
    if organization == LIBRARY:
        if "/" in bare:
            raise Problem(Code.INVALID_IMAGE_NAME, f"names in {LIBRARY} have no slash")
        return RepositoryName.parse(bare)
    return RepositoryName.parse(f"{organization}/{bare}")


def bare_name(image: RepositoryName) -> str:
    """The image's name without its organization."""
    return image.text.partition("/")[2] or image.text


def _decoded(text: str, name: str) -> str:
    try:
        return plain_text(unquote(text, errors="strict"), name)
    except UnicodeDecodeError:
        raise Problem(Code.INVALID_PARAMETER, f"{name} is UTF-8, percent-encoded") from None
