"""What the face is given to work with; apart from what reads requests, which the first of them loads."""

from dataclasses import dataclass
from datetime import timedelta

from wherry.access.grants import Standing
from wherry.access.tokens import RegistryTokens
from wherry.blobs import Intake
from wherry.blobs.store import BlobStore
from wherry.db.database import Database
from wherry.identity.passwords import Passwords
from wherry.kit.clock import Clock
from wherry.kit.secrets import Sealer
from wherry.registry.pull import Pulls
from wherry.web.audited import Audited
from wherry.web.authentication import Authentication
from wherry.web.clusters import Clusters
from wherry.web.origin import Origin
from wherry.web.sessions import BrowserSessions
from wherry.web.signed_requests import SignedRequests


@dataclass(frozen=True, slots=True)
class ApiServices:
    """What this face works with. `idle` is how long a body may stay silent,
    `temporary_login` how long one is good for that asks for no time. Webhooks may be told of `event_kinds`,
    which come from `event_source`."""

    database: Database
    pulls: Pulls
    standing: Standing
    authentication: Authentication
    audited: Audited
    signed_requests: SignedRequests
    sessions: BrowserSessions
    passwords: Passwords
    tokens: RegistryTokens
    sealer: Sealer
    intake: Intake
    store: BlobStore
    origin: Origin
    clock: Clock
    idle: timedelta
    temporary_login: timedelta
    clusters: Clusters
    event_kinds: frozenset[str]
    event_source: str
