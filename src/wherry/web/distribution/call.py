"""One request as a handler sees it: parsed, authenticated, allowed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import TypeVar
from urllib.parse import parse_qsl

from sqlalchemy import Connection
from starlette.types import Receive, Scope

from wherry.access.actions import Action
from wherry.access.decisions import ANONYMOUS, Actor
from wherry.access.grants import Standing
from wherry.access.tokens import RegistryTokens
from wherry.audit.entries import Target
from wherry.blobs.intake import Intake
from wherry.blobs.store import BlobStore
from wherry.db.database import Database
from wherry.kit.clock import Clock
from wherry.observability import Metrics
from wherry.oci.names import RepositoryName
from wherry.registry.begun_uploads import BegunUploads
from wherry.registry.pull import Pulls
from wherry.registry.pull_counts import PullCounts
from wherry.registry.uploads import UploadReader
from wherry.web.audited import Attempt, Audited, source_of
from wherry.web.authentication import Authentication
from wherry.web.distribution.errors import Code, Problem
from wherry.web.origin import Origin

T = TypeVar("T")

MAX_PARAMETERS = 1000


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may ask for, and how long it may take."""

    manifest_bytes: int
    page_size: int
    json_depth: int
    tags_per_put: int
    upload_bytes: int | None
    idle: timedelta


@dataclass(frozen=True, slots=True)
class Services:
    """What this face works with.

    `redirect` is how long a presigned URL lives; None streams instead. `written` are the uploads that a
    request of this process writes to now, `begun` those that nothing was sent to; None has rows for them too.
    """

    database: Database
    store: BlobStore
    intake: Intake
    pulls: Pulls
    pull_counts: PullCounts
    uploads: UploadReader
    authentication: Authentication
    audited: Audited
    standing: Standing
    tokens: RegistryTokens
    origin: Origin
    clock: Clock
    metrics: Metrics
    limits: Limits
    bearer_challenge: bool
    sparse: bool
    redirect: timedelta | None
    written: set[str] = field(default_factory=set)
    begun: BegunUploads | None = None


class Call:
    """What a handler gets. `actor` may do what the route's action says, on the repository of the path.

    `is_recorded` tells whether the audit trail has what the request did.
    """

    actor: Actor = ANONYMOUS
    is_recorded: bool = False

    def __init__(
        self, services: Services, scope: Scope, receive: Receive, parameters: dict[str, str]
    ) -> None:
        self.services = services
        self.scope = scope
        self.receive = receive
        self.parameters = parameters
        self.repository: RepositoryName

    @property
    def is_head(self) -> bool:
        return bool(self.scope["method"] == "HEAD")

    @property
    def user_id(self) -> int:
        """The id of the user that the action made sure of."""
        assert self.actor.user_id is not None, "the route's action needs a login"
        return self.actor.user_id

    def attempt(self, action: Action) -> Attempt:
        """What the audit trail has to know of a change of the repository."""
        return Attempt(source_of(self.actor, self.scope), action, Target.image(self.repository))

    async def write(self, action: Action, work: Callable[[Connection], T], detail: Mapping[str, object]) -> T:
        """Change the repository, on record. Raises what `work` raises, or a `DatabaseError`."""
        result = await self.services.audited.write(self.attempt(action), work, detail)
        self.is_recorded = True
        return result

    def header(self, name: bytes) -> str | None:
        """A header by its lowercase name."""
        for key, value in self.scope["headers"]:
            if key == name:
                return str(value, "latin-1")
        return None

    @cached_property
    def query(self) -> Sequence[tuple[str, str]]:
        """The query's parameters in order. Raises `Problem` for a query that cannot be read."""
        raw = self.scope["query_string"]
        if not raw:
            return ()
        try:
            parameters = parse_qsl(
                raw.decode("latin-1"), keep_blank_values=True, max_num_fields=MAX_PARAMETERS, errors="strict"
            )
        except ValueError:
            raise Problem(400, Code.UNSUPPORTED, "the query of the URL cannot be read") from None
        if any("\0" in value for _, value in parameters):
            raise Problem(400, Code.UNSUPPORTED, "a value in the query of the URL has a zero byte")
        return parameters

    def asked(self, name: str) -> str | None:
        """The last value of a query parameter."""
        found = None
        for key, value in self.query:
            if key == name:
                found = value
        return found

    def content_length(self) -> int | None:
        """The body's length where the client says it."""
        value = self.header(b"content-length")
        return int(value) if value is not None and value.isdecimal() and len(value) < 20 else None
