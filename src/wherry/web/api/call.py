"""One request as a handler sees it: authenticated, allowed, its names parsed."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from pydantic import BaseModel
from sqlalchemy import Connection
from starlette.responses import Response
from starlette.types import Scope

from wherry.access.actions import Action
from wherry.access.decisions import Actor
from wherry.access.levels import Level
from wherry.audit.entries import SERVICE, Kind, Target
from wherry.clusters.cluster import Cluster
from wherry.clusters.connection import ClusterConnection
from wherry.db.idempotent_requests import MAX_KEY, Claim, KeptAnswer, claim, keep_answer, release
from wherry.identity.organizations import LIBRARY
from wherry.oci.errors import InvalidName
from wherry.oci.names import RepositoryName
from wherry.web.api.documents import PageDocument, answer, etag_of, page_answer
from wherry.web.api.problems import Problem
from wherry.web.api.services import ApiServices
from wherry.web.audited import Attempt, Detail, source_of
from wherry.web.exchange import Exchange

T = TypeVar("T")


class Call:
    """What a handler gets. `actor` may do what the route's action says on what the path names.

    `is_recorded` tells whether the audit trail has what the request did; `target` is what it is about, which
    a handler may name better than the path does.
    """

    def __init__(
        self,
        services: ApiServices,
        action: Action,
        scope: Scope,
        actor: Actor,
        body: bytes,
        parameters: Mapping[str, str],
    ) -> None:
        self.services = services
        self.action = action
        self.is_recorded = False
        self.request = Request(scope)
        self.actor = actor
        self.body = body
        self.parameters = parameters
        self.organization_name: str | None = None
        self.image_name: RepositoryName | None = None
        self._cluster: Cluster | None = None
        self._claim: Claim | None = None
        self.level = Level.NONE
        if "organization" in parameters:
            self.organization_name = organization_name(parameters["organization"])
            if "image" in parameters:
                self.image_name = image_name(self.organization_name, parameters["image"])
        self.target = self._target()

    @property
    def organization(self) -> str:
        assert self.organization_name is not None, "the route has an organization"
        return self.organization_name

    @property
    def image(self) -> RepositoryName:
        assert self.image_name is not None, "the route has an image"
        return self.image_name

    def found(self, cluster: Cluster, level: Level) -> None:
        """The cluster of the path, and what the actor has on it."""
        self._cluster, self.level = cluster, level
        self.target = Target(Kind.CLUSTER, cluster.name, cluster.organization)

    @property
    def cluster(self) -> Cluster:
        assert self._cluster is not None, "the route has a cluster"
        return self._cluster

    async def ask(self, work: Callable[[ClusterConnection], Awaitable[T]]) -> T:
        """Let the cluster of the path do or tell something. Raises `ClusterError`, `UnreadableSecret`."""
        async with self.services.clusters.connected(self.cluster) as connection:
            return await work(connection)

    async def note(self, detail: Mapping[str, object]) -> None:
        """What the cluster has just done goes on record."""
        await self.write(lambda _: None, detail)

    @property
    def user_id(self) -> int:
        assert self.actor.user_id is not None, "the route's action needs a login"
        return self.actor.user_id

    @property
    def now(self) -> datetime:
        return self.services.clock.now()

    @property
    def client(self) -> str:
        """The address that the request comes from."""
        return Exchange.of(self.request.scope).client

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self.services.database.read(work)

    async def write(self, work: Callable[[Connection], T], detail: Detail[T] = MappingProxyType({})) -> T:
        """Change something, on record: `detail` is what the audit trail says of it beside its target."""
        result = await self.services.audited.write(self.attempt, work, detail)
        self.is_recorded = True
        return result

    @property
    def attempt(self) -> Attempt:
        """What the audit trail has to know of the request."""
        return Attempt(source_of(self.actor, self.request.scope), self.action, self.target)

    def require_match(self, document: BaseModel | None) -> None:
        """Within the change's transaction: refuse it where the client saw another version (If-Match).

        None stands for what is not there, which no version matches. Raises `Problem`.
        """
        wanted = self.request.headers.get("if-match")
        if wanted is None or (wanted.strip() == "*" and document is not None):
            return
        if document is None or etag_of(document) not in {tag.strip() for tag in wanted.split(",")}:
            message = "it was changed since you read it; read it again, and change that"
            raise Problem(412, "changed_meanwhile", message)

    async def create(
        self,
        work: Callable[[Connection], T],
        show: Callable[[T], BaseModel],
        *,
        location: Callable[[T], str] = lambda _: "",
        kept: Callable[[T], BaseModel] | None = None,
        detail: Detail[T] = MappingProxyType({}),
    ) -> Response:
        """201 with what `work` made; under an Idempotency-Key a second request gets the first one's answer.

        `kept` shows what a second request gets, where the first one's answer has a secret.
        """
        key = self._idempotency_key()
        if key is None:
            made = await self.write(work, detail)
            return _created(show(made), location(made))
        fingerprint = self._fingerprint()

        def once(tx: Connection) -> KeptAnswer | T:
            mine = self._claim or claim(tx, self.user_id, key, fingerprint, self.now)
            if isinstance(mine, KeptAnswer):
                return mine
            fresh = work(tx)
            text = (kept or show)(fresh).model_dump_json()
            if not keep_answer(tx, mine, 201, json.dumps({"location": location(fresh)}), text, self.now):
                raise _in_progress()
            return fresh

        def told(outcome: KeptAnswer | T) -> Mapping[str, object]:
            if isinstance(outcome, KeptAnswer):
                return {"idempotent": "done before"}
            return detail(outcome) if callable(detail) else detail

        outcome = await self.write(once, told)
        if isinstance(outcome, KeptAnswer):
            return _again(outcome, fingerprint)
        return _created(show(outcome), location(outcome))

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[Response | None]:
        """For what changes more than the database before it comes to `create`: no other request with this
        Idempotency-Key is carried out meanwhile. Gives what was answered under it before, if anything.

        Raises `Problem` while another one is.
        """
        key = self._idempotency_key()
        if key is None:
            yield None
            return
        fingerprint = self._fingerprint()
        known = await self.services.database.write(
            lambda tx: claim(tx, self.user_id, key, fingerprint, self.now)
        )
        if isinstance(known, KeptAnswer):
            yield _again(known, fingerprint)
            return
        self._claim = known
        try:
            yield None
        except BaseException:
            # Also of a request that is cut off: what was done so far is undone by whoever asks again.
            await asyncio.shield(self.services.database.write(lambda tx: release(tx, known)))
            raise

    def page(self, page: PageDocument[T]) -> Response:
        """A page of a list, with the address of the next one."""
        return page_answer(page, self.request.url.path, self.request.query_params)

    def _target(self) -> Target:
        """What the path names: the innermost of its resources."""
        names = self.parameters
        if "cluster" in names:
            return Target(Kind.CLUSTER, names["cluster"])
        if "fleet" in names:
            return Target(Kind.CLUSTER, f"fleet {names['fleet']}")
        if self.image_name is not None:
            return Target.image(self.image_name)
        if self.organization_name is not None:
            for name, kind in (("team", Kind.TEAM), ("robot", Kind.ROBOT)):
                if name in names:
                    return Target(kind, f"{self.organization_name}/{names[name]}", self.organization_name)
            return Target.org(self.organization_name)
        if "key" in names:
            return Target.access_key(names["key"])
        return Target.user(names["user"]) if "user" in names else SERVICE

    def _idempotency_key(self) -> str | None:
        key = self.request.headers.get("idempotency-key")
        if key is not None and not (1 <= len(key) <= MAX_KEY and key.isascii() and key.isprintable()):
            message = f"an Idempotency-Key has 1 to {MAX_KEY} printable ASCII characters"
            raise Problem(422, "invalid_idempotency_key", message)
        return key

    def _fingerprint(self) -> str:
        """Under a key of ours: a body may have a password, which must not be guessed from what is kept."""
        text = f"{self.request.method} {self.request.url.path}\n".encode() + self.body
        key = self.services.sealer.key_for("idempotent requests")
        return hmac.digest(key, text, hashlib.sha256).hex()


def organization_name(text: str) -> str:
    """The name of an organization, as far as it can be one. Raises `InvalidName`."""
    if "/" in text:
        raise InvalidName(text, "an organization's name has no slash")
    return RepositoryName.parse(text).text


def image_name(organization: str, text: str) -> RepositoryName:
    """The image's whole name; in a path `$` stands for `/` too. Raises `InvalidName`."""
    bare = text.replace("$", "/")
    if organization != LIBRARY:
        return RepositoryName.parse(f"{organization}/{bare}")
    if "/" in bare:
        raise InvalidName(bare, f"names in {LIBRARY} have no slash")
    return RepositoryName.parse(bare)


def _created(document: BaseModel, location: str) -> Response:
    return answer(document, 201, {"location": location} if location else {})


def _again(kept: KeptAnswer, fingerprint: str) -> Response:
    if kept.fingerprint != fingerprint:
        message = "this Idempotency-Key came with another request before; take a new one"
        raise Problem(422, "idempotency_key_reused", message)
    if kept.is_claim:
        raise _in_progress()
    headers = {name: value for name, value in json.loads(kept.headers).items() if value}
    return Response(
        kept.body,
        kept.status,
        {"cache-control": "no-store", "idempotency-replayed": "true", **headers},
        media_type="application/json",
    )


def _in_progress() -> Problem:
    message = "another request with this Idempotency-Key is being carried out; ask again in a moment"
    return Problem(409, "in_progress", message, headers={"retry-after": "1"})


async def _admitted(request: Request) -> Call:
    call: Call = request.scope["wherry.call"]
    return call


# What a handler's first parameter is declared as; `wherry.web.api.face` has let the call pass before.
Admitted = Annotated[Call, Depends(_admitted)]
