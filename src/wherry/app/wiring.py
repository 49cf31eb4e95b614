"""Opens what the settings describe and hands each part to those that work with it."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import wherry
from wherry.access.grants import Standing
from wherry.access.signing_keys import load_signing_keys
from wherry.access.tokens import RegistryTokens
from wherry.app.cluster_keeping import open_clusters
from wherry.app.noted_uses import NotedUses
from wherry.app.outcome_counting import count_outcome
from wherry.app.told_events import EVENT_KINDS, source_of
from wherry.audit.chain import SEALING
from wherry.blobs import BlobStore, Intake, StoreOptions, open_store
from wherry.clusters.drivers.tunnel_sockets import TunnelSockets
from wherry.clusters.tunnels import Tunnels
from wherry.db.database import Database
from wherry.db.fresh_rows import FreshRows
from wherry.db.pull_reader import open_pull_reader
from wherry.identity.failed_logins import FailedLogins
from wherry.identity.key_logins import KeyLogins
from wherry.identity.key_secrets import KeySecrets
from wherry.identity.logins import Logins
from wherry.identity.passwords import Passwords
from wherry.identity.sessions import SessionRules, Sessions
from wherry.kit.clock import Clock
from wherry.kit.secrets import Sealer, master_key_in
from wherry.observability import Metrics
from wherry.registry.begun_uploads import BegunUploads
from wherry.registry.pull import Pulls
from wherry.registry.pull_counts import PullCounts
from wherry.registry.uploads import UploadReader
from wherry.settings import Challenge, Settings, SparseManifests
from wherry.web.agents.face import AgentServices
from wherry.web.api.services import ApiServices
from wherry.web.audited import Audited
from wherry.web.authentication import Authentication
from wherry.web.console.call import ConsoleServices, OidcRules
from wherry.web.distribution.call import Limits, Services
from wherry.web.hooks.face import HooksServices
from wherry.web.oidc import Registration
from wherry.web.origin import Origin
from wherry.web.proxies import TrustedProxies
from wherry.web.sessions import BrowserSessions
from wherry.web.signed_requests import SignedRequests
from wherry.web.swr.call import SwrServices

# Named in challenges and in tokens: whom a token is for.
SERVICE = "wherry"


@dataclass(frozen=True, slots=True)
class Wired:
    """The opened parts; the stack that they were opened on closes them."""

    database: Database
    store: BlobStore
    distribution: Services
    swr: SwrServices
    api: ApiServices
    console: ConsoleServices
    agents: AgentServices
    hooks: HooksServices


def open_sealer(settings: Settings) -> Sealer:
    """The sealer under the master key that was handed in, or under the one in the data folder."""
    return Sealer(settings.master_key or master_key_in(settings.data / "master.key"))


def open_blob_store(settings: Settings) -> BlobStore:
    """Raises `StoreMisconfigured`."""
    store = settings.store
    return open_store(
        store.driver,
        StoreOptions(
            root=Path(settings.data),
            url=store.url,
            endpoint=store.endpoint,
            access_key_id=store.access_key_id,
            secret_access_key=store.secret_access_key,
            region=store.region,
        ),
    )


async def open_services(settings: Settings, metrics: Metrics, clock: Clock, stack: AsyncExitStack) -> Wired:
    """Open database, store and caches; `prepare` has run before."""
    database = Database(settings.effective_database_url, metrics.database_operation)
    stack.callback(database.close)
    database.on_outcome(partial(count_outcome, metrics))
    store = open_blob_store(settings)
    stack.push_async_callback(store.close)
    reader = await open_pull_reader(database)
    stack.push_async_callback(reader.close)
    passwords = Passwords()
    stack.callback(passwords.close)
    rows = FreshRows(reader)
    sealer = open_sealer(settings)
    keys = await database.read(lambda tx: load_signing_keys(tx, sealer))
    tokens = RegistryTokens(keys, SERVICE, settings.auth.token_lifetime, clock)
    audited = Audited(database, clock, sealer.key_for(SEALING))
    stack.push_async_callback(audited.close)
    failures = FailedLogins(clock, settings.auth.login_attempts, settings.auth.login_window)
    uses = NotedUses(database, clock)
    stack.push_async_callback(uses.close)
    key_logins = KeyLogins(rows, failures, clock, uses.key)
    distribution = Services(
        database=database,
        store=store,
        intake=Intake(store),
        pulls=Pulls(rows),
        pull_counts=PullCounts(database, clock),
        uploads=UploadReader(reader),
        authentication=Authentication(Logins(rows, passwords, failures), key_logins, tokens, audited),
        audited=audited,
        standing=Standing(rows, clock),
        tokens=tokens,
        origin=Origin(settings.public_url, TrustedProxies(settings.trusted_proxies)),
        clock=clock,
        metrics=metrics,
        limits=Limits(
            manifest_bytes=settings.limits.manifest_bytes,
            page_size=settings.limits.page_size,
            json_depth=settings.limits.json_depth,
            tags_per_put=settings.limits.tags_per_put,
            upload_bytes=settings.uploads.max_bytes,
            idle=settings.uploads.idle_timeout,
        ),
        bearer_challenge=settings.auth.challenge is Challenge.BEARER,
        sparse=settings.sparse_manifests is SparseManifests.ALLOW,
        redirect=settings.store.redirect_expires if settings.store.redirect else None,
        # Other processes would not know of them.
        begun=BegunUploads(rows, clock) if database.is_sqlite and settings.workers == 1 else None,
    )
    swr = SwrServices(
        database=database,
        intake=distribution.intake,
        pulls=distribution.pulls,
        pull_counts=distribution.pull_counts,
        standing=distribution.standing,
        signed_requests=SignedRequests(
            KeySecrets(rows, sealer), key_logins, clock, settings.uploads.idle_timeout, audited
        ),
        sealer=sealer,
        audited=audited,
        origin=distribution.origin,
        clock=clock,
        temporary_login=settings.auth.temporary_login,
    )
    rules = SessionRules(settings.auth.session_lifetime, settings.auth.session_idle)
    sockets = TunnelSockets(settings.data)
    sessions = BrowserSessions(Sessions(reader, clock, rules, uses.session), distribution.origin)
    api = ApiServices(
        database=database,
        pulls=distribution.pulls,
        standing=distribution.standing,
        authentication=distribution.authentication,
        audited=audited,
        signed_requests=swr.signed_requests,
        sessions=sessions,
        passwords=passwords,
        tokens=tokens,
        sealer=sealer,
        intake=distribution.intake,
        store=store,
        origin=distribution.origin,
        clock=clock,
        idle=settings.uploads.idle_timeout,
        temporary_login=settings.auth.temporary_login,
        clusters=open_clusters(settings, database, sealer, clock, sockets),
        event_kinds=frozenset(kind.name for kind in EVENT_KINDS),
        event_source=source_of(settings),
    )
    tunnels = Tunnels(database, clock, sockets, api.clusters.connect)
    stack.push_async_callback(tunnels.close)
    agents = AgentServices(
        tunnels,
        audited,
        distribution.origin,
        clock,
        settings.clusters.agent_image,
        None if settings.clusters.agent_ca is None else settings.clusters.agent_ca.read_text(),
    )
    console = ConsoleServices(
        database=database,
        sessions=sessions,
        authentication=distribution.authentication,
        audited=audited,
        passwords=passwords,
        sealer=sealer,
        origin=distribution.origin,
        clock=clock,
        idle=settings.uploads.idle_timeout,
        oidc=open_oidc(settings, clock, stack),
        version=wherry.__version__,
    )
    hooks = HooksServices(
        database,
        audited,
        sealer,
        clock,
        settings.uploads.idle_timeout,
        # Of its own: wrong addresses do not keep anybody from logging in.
        FailedLogins(clock, settings.auth.login_attempts, settings.auth.login_window),
        metrics,
    )
    return Wired(database, store, distribution, swr, api, console, agents, hooks)


def open_oidc(settings: Settings, clock: Clock, stack: AsyncExitStack) -> OidcRules | None:
    """What the settings say of a provider; nothing is asked of it before somebody signs in."""
    oidc = settings.oidc
    if oidc.issuer is None or oidc.client_id is None:
        return None
    from wherry.web.oidc_client import OidcClient

    registration = Registration(
        oidc.issuer, oidc.client_id, oidc.client_secret, oidc.scopes, oidc.name_claim, oidc.groups_claim
    )
    client = OidcClient(registration, clock)
    stack.push_async_callback(client.close)
    return OidcRules(client, oidc.label, oidc.create_users, oidc.admin_group, oidc.auditor_group)
