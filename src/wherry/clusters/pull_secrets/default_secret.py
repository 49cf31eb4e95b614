"""`default-secret` in every namespace of a cluster: what should be there, and what is done to get there.

What is called so and is not ours is left as it is, whatever it holds: it may be a cloud's own.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from wherry.clusters.connection import ClusterConnection, Selection, list_all
from wherry.clusters.errors import ClusterCallFailed, ObjectUnknown
from wherry.clusters.kinds import NAMESPACE, SECRET, Object, name_of, namespace_of
from wherry.clusters.pull_secrets.documents import content_of, is_ours, secret_object, write_content
from wherry.clusters.pull_secrets.keys import PullLogins

NAME = "default-secret"
WHICH = Selection(fields=f"metadata.name={NAME}")
# On a namespace: no secret is made there, and ours is taken away.
SWITCH = "wherry.dev/default-secret"
OFF = "off"
_AT_ONCE = 8


class Step(StrEnum):
    """What is to be done in one namespace."""

    CREATE = "create"
    UPDATE = "update"
    REMOVE = "remove"
    LEAVE = "leave"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Planned:
    """`known` is what is there now."""

    namespace: str
    step: Step
    wanted: Object | None = None
    known: Object | None = None


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Namespaces by what happened there. `foreign` have a secret of that name that is somebody else's."""

    written: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: tuple[str, ...]
    foreign: tuple[str, ...]
    failed: Mapping[str, str]

    @property
    def is_whole(self) -> bool:
        """Every namespace that is to have the newest secret has it."""
        return not self.failed


def plan(
    namespaces: Iterable[Object], secrets: Iterable[Object], logins: PullLogins, *, switched_on: bool = True
) -> tuple[Planned, ...]:
    """Pure. `secrets` are those named `default-secret`, of whomever."""
    known = {namespace_of(secret): secret for secret in secrets}
    content = write_content(logins.logins)
    return tuple(
        _planned(namespace, known.get(name_of(namespace)), content, logins, switched_on)
        for namespace in namespaces
        if not _is_ending(namespace)
    )


async def reconcile(connection: ClusterConnection, planned: Sequence[Planned]) -> Reconciled:
    """Do what was planned. One namespace that fails does not keep the others from theirs."""
    gate = asyncio.Semaphore(_AT_ONCE)
    failed: dict[str, str] = {}

    async def one(step: Planned) -> None:
        async with gate:
            try:
                await _do(connection, step)
            except ClusterCallFailed as error:
                failed[step.namespace] = str(error)

    await asyncio.gather(*(one(step) for step in planned))

    def those(*steps: Step) -> tuple[str, ...]:
        return tuple(one.namespace for one in planned if one.step in steps and one.namespace not in failed)

    return Reconciled(
        written=those(Step.CREATE, Step.UPDATE),
        removed=those(Step.REMOVE),
        unchanged=those(Step.NOTHING),
        foreign=those(Step.LEAVE),
        failed=failed,
    )


async def look_and_plan(
    connection: ClusterConnection, logins: PullLogins, *, switched_on: bool = True
) -> tuple[Planned, ...]:
    """By what the cluster says now; where it is watched, `plan` alone does."""
    namespaces = await list_all(connection, NAMESPACE)
    return plan(namespaces, await list_all(connection, SECRET, WHICH), logins, switched_on=switched_on)


def _planned(
    namespace: Object, known: Object | None, content: str, logins: PullLogins, switched_on: bool
) -> Planned:
    name = name_of(namespace)
    if known is not None and not is_ours(known):
        return Planned(name, Step.LEAVE, known=known)
    if not switched_on or is_off(namespace) or not logins.logins:
        return Planned(name, Step.NOTHING if known is None else Step.REMOVE, known=known)
    wanted = secret_object(
        NAME,
        name,
        content,
        role="default",
        source=logins.source,
        expires_at=logins.expires_at,
        description="Pulls images of this registry; made and renewed by Wherry",
    )
    if known is None:
        return Planned(name, Step.CREATE, wanted)
    return Planned(name, Step.NOTHING if _is_same(known, wanted) else Step.UPDATE, wanted, known)


async def _do(connection: ClusterConnection, planned: Planned) -> None:
    if planned.step is Step.CREATE and planned.wanted is not None:
        # Not applied: what somebody else has put there meanwhile must not become ours.
        await connection.create(planned.wanted)
    elif planned.step is Step.UPDATE and planned.wanted is not None and planned.known is not None:
        version = planned.known["metadata"]["resourceVersion"]
        metadata = planned.wanted["metadata"] | {"resourceVersion": version}
        await connection.apply(planned.wanted | {"metadata": metadata}, force=True)
    elif planned.step is Step.REMOVE and planned.known is not None:
        try:
            await connection.delete(SECRET, NAME, planned.namespace, uid=planned.known["metadata"]["uid"])
        except ObjectUnknown:
            return


def _is_same(known: Object, wanted: Object) -> bool:
    if content_of(known) != content_of(wanted) or known.get("type") != wanted["type"]:
        return False
    return all(
        wanted["metadata"][part].items() <= (known["metadata"].get(part) or {}).items()
        for part in ("labels", "annotations")
    )


def is_off(namespace: Object) -> bool:
    """Whether the namespace says that it wants none."""
    metadata = namespace["metadata"]
    return any((metadata.get(part) or {}).get(SWITCH) == OFF for part in ("labels", "annotations"))


def _is_ending(namespace: Object) -> bool:
    return bool(namespace["metadata"].get("deletionTimestamp")) or (
        (namespace.get("status") or {}).get("phase") == "Terminating"
    )
