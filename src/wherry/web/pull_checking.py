"""A pull check from end to end: image and login made here, tried in the cluster, and all of it removed again.

Shared by the faces and the command line; registry and clusters do not see each other.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from wherry.blobs.intake import Intake, StoredBlob
from wherry.blobs.store import BlobStore
from wherry.clusters.connection import ClusterConnection, list_all
from wherry.clusters.errors import InvalidRequest
from wherry.clusters.kinds import NODE
from wherry.clusters.pull_check.check import SECONDS, Asked, NodeResult, PullCheck, run_check
from wherry.clusters.pull_check.image import REPOSITORY, CheckImage, build_image
from wherry.clusters.pull_check.login import (
    LIFETIME,
    LentLogin,
    lend_login,
    take_back_forgotten,
    take_login_back,
)
from wherry.clusters.pull_check.targets import EACH_ARCHITECTURE, Wanted, choose_targets
from wherry.clusters.watching.pull_failures import PullPart
from wherry.clusters.watching.seen import see_node
from wherry.clusters.workloads.images import wrong_image
from wherry.clusters.workloads.names import wrong_label, wrong_object_name
from wherry.db.database import Database
from wherry.kit.clock import Clock
from wherry.kit.ids import new_id
from wherry.kit.secrets import Sealer
from wherry.oci.digests import Digest
from wherry.registry.passing_images import drop_passed_images, drop_passing_image, keep_passing_image

LONGEST_SECONDS = 600.0
# How long taking image and login back may take, whatever happened before.
_CLEARING = 20.0


@dataclass(frozen=True, slots=True)
class PullChecking:
    """What a check works with. `host` is what nodes know this registry by; empty where nobody said it."""

    database: Database
    store: BlobStore
    intake: Intake
    sealer: Sealer
    clock: Clock
    host: str


@dataclass(frozen=True, slots=True)
class CheckRequest:
    """With `image` that one is pulled, by `secrets` of the namespace; else Wherry's own, by its own login."""

    namespace: str = "default"
    wanted: Wanted = EACH_ARCHITECTURE
    image: str | None = None
    secrets: tuple[str, ...] = ()
    seconds: float = SECONDS


async def check_pulls(parts: PullChecking, connection: ClusterConnection, request: CheckRequest) -> PullCheck:
    """Bounded by `request.seconds` and a minute. Asks nobody for rights: this takes write on the cluster.

    Raises `InvalidRequest`, `ClusterCallFailed`, `BlobError`, `DatabaseError`.
    """
    _refuse_wrong(parts, request)
    nodes = [see_node(node) for node in await list_all(connection, NODE)]
    targets = choose_targets(nodes, request.wanted)
    check = new_id()[:12]
    if request.image is not None:
        asked = Asked(check, request.image, request.namespace, None, request.secrets, request.seconds)
        return await run_check(connection, asked, targets, parts.clock)
    image = build_image(targets.architectures or {"amd64"}, check)
    try:
        lent = await _hold(parts, image, check)
        name = f"{parts.host}/{REPOSITORY}@{image.digest}"
        asked = Asked(check, name, request.namespace, lent.login, request.secrets, request.seconds)
        done = await run_check(connection, asked, targets, parts.clock)
    finally:
        async with asyncio.timeout(_CLEARING):
            await parts.database.write(lambda tx: _let_go(tx, image, check))
    return replace(done, results=tuple(_with_own_login(one) for one in done.results))


async def _hold(parts: PullChecking, image: CheckImage, check: str) -> LentLogin:
    blobs = [await store_blob(parts.intake, digest, content) for digest, content in image.blobs]
    now = parts.clock.now()

    def work(tx: Connection) -> tuple[LentLogin, tuple[str, ...]]:
        # What earlier checks left that did not come to their end.
        take_back_forgotten(tx, now)
        drop_passed_images(tx, REPOSITORY, now - LIFETIME)
        lent = lend_login(tx, parts.sealer, check, parts.host, now)
        return lent, keep_passing_image(tx, REPOSITORY, blobs, image.manifests, lent.user_id, now)

    lent, surplus = await parts.database.write(work)
    for location in surplus:
        await parts.store.delete(location)
    return lent


async def store_blob(intake: Intake, digest: Digest, content: bytes) -> StoredBlob:
    """Its bytes are durable; no repository has it yet. Raises `BlobError`."""

    async def chunks() -> AsyncIterator[bytes]:
        yield content

    staged = await intake.append(intake.begin(new_id()), chunks(), last_of=digest)
    stored = await intake.finish(staged, digest)
    await intake.discard(staged, keep=stored)
    return stored


def _let_go(tx: Connection, image: CheckImage, check: str) -> None:
    take_login_back(tx, check)
    drop_passing_image(tx, REPOSITORY, [digest for digest, _ in (*image.manifests, *image.blobs)])


def _with_own_login(result: NodeResult) -> NodeResult:
    """The login was good when it was made: whoever is told to choose a credential would look in vain."""
    if result.failure is None or result.failure.part is not PullPart.CREDENTIALS:
        return result
    failure = replace(
        result.failure,
        reason="the registry does not accept a login that was made for this check",
        mend="see whether a proxy before it drops the header Authorization, or another server answers",
    )
    return replace(result, failure=failure)


def _refuse_wrong(parts: PullChecking, request: CheckRequest) -> None:
    problems = [wrong_label("namespace", request.namespace)]
    problems += [wrong_object_name("image access credential", secret) for secret in request.secrets]
    if request.image is not None:
        problems.append(wrong_image(request.image))
    elif not parts.host:
        problems.append(
            "it is not known by which name nodes reach this registry: it listens on every address, and the"
            " setting public_url is empty; set public_url"
        )
    if not 1 <= request.seconds <= LONGEST_SECONDS:
        problems.append(f"a check takes from 1 to {LONGEST_SECONDS:.0f} seconds")
    found = tuple(problem for problem in problems if problem)
    if found:
        raise InvalidRequest(found)
