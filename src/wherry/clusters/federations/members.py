"""Members of a federation: how each is, and how a workload fares in each of them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from wherry.clusters.connection import ClusterConnection, Selection, list_all
from wherry.clusters.errors import ObjectUnknown
from wherry.clusters.kinds import KARMADA_CLUSTER, RESOURCE_BINDING, Kind, Object
from wherry.clusters.watching.mirror import Mirror
from wherry.kit.clock import Clock


@dataclass(frozen=True, slots=True)
class Member:
    """`problem` is Karmada's own word for why a member is not ready; `uid` is that of its kube-system."""

    name: str
    is_ready: bool
    version: str | None
    sync_mode: str
    problem: str | None
    uid: str | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """A member's part of a workload; `problem` says why it was not brought there.

    `updated` is how many of its pods are of the newest template.
    """

    member: str
    desired: int | None
    ready: int
    is_applied: bool
    health: str
    problem: str | None
    updated: int = 0

    @property
    def words(self) -> str:
        """Such as `one: 3 of 3 pods ready, 2 of the new version`."""
        if not self.is_applied:
            return f"{self.member}: not there yet" + (f", {self.problem[:300]}" if self.problem else "")
        ready = f"{self.ready} of {self.desired}" if self.desired is not None else str(self.ready)
        return f"{self.member}: {ready} pods ready, {self.updated} of the new version"

    @property
    def is_whole(self) -> bool:
        """It is there, and all pods of it are ready."""
        if self.desired is not None:
            return self.is_applied and self.ready >= self.desired
        return self.is_applied and self.health == "Healthy"


async def list_members(connection: ClusterConnection) -> tuple[Member, ...]:
    """By name. Raises `ObjectUnknown` where the cluster is no Karmada."""
    found = await list_all(connection, KARMADA_CLUSTER)
    return tuple(sorted((see_member(one) for one in found), key=lambda one: one.name))


async def shares_of(
    connection: ClusterConnection, kind: Kind, name: str, namespace: str
) -> tuple[Share, ...]:
    """What Karmada has gathered; empty while it has not scheduled yet."""
    try:
        return shares_in(await connection.get(RESOURCE_BINDING, binding_of(kind, name), namespace))
    except ObjectUnknown:
        return ()


async def follow_shares(
    connection: ClusterConnection,
    kind: Kind,
    name: str,
    namespace: str,
    clock: Clock,
    seconds: float,
    *,
    to_the_end: bool = False,
) -> AsyncIterator[tuple[Share, ...]]:
    """What is different from the last; ends when all members have what they should, or after `seconds`.

    With `to_the_end` only then.
    """
    news = asyncio.Event()
    mirror = Mirror(
        connection,
        RESOURCE_BINDING,
        shares_in,
        clock,
        which=Selection(namespace, fields=f"metadata.name={binding_of(kind, name)}"),
        changed=lambda _key: news.set(),
    )
    watching = asyncio.create_task(mirror.run())
    try:
        async with asyncio.timeout(seconds):
            last: tuple[Share, ...] | None = None
            while last is None or to_the_end or not are_whole(last):
                await news.wait()
                news.clear()
                now = mirror.items.get((namespace, binding_of(kind, name)), ())
                if now != last:
                    last = now
                    yield now
    except TimeoutError:
        return
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


def are_whole(shares: tuple[Share, ...]) -> bool:
    """Every member has its part, and all pods of it are ready."""
    return bool(shares) and all(one.is_whole for one in shares)


def binding_of(kind: Kind, name: str) -> str:
    """What Karmada calls the object that it gathers a workload's status in."""
    return f"{name}-{kind.name}".lower()


def shares_in(binding: Mapping[str, Any]) -> tuple[Share, ...]:
    """Of a ResourceBinding: by member."""
    wanted = {
        str(one["name"]): one.get("replicas") for one in (binding.get("spec") or {}).get("clusters") or ()
    }
    gathered = {
        str(one["clusterName"]): one for one in (binding.get("status") or {}).get("aggregatedStatus") or ()
    }
    return tuple(
        _share(member, wanted.get(member), gathered.get(member, {}))
        for member in sorted({*wanted, *gathered})
    )


def see_member(made: Object) -> Member:
    """Of a Cluster of Karmada."""
    status = made.get("status") or {}
    ready = next((one for one in status.get("conditions") or () if one.get("type") == "Ready"), None)
    is_ready = ready is not None and ready.get("status") == "True"
    return Member(
        name=str(made["metadata"]["name"]),
        is_ready=is_ready,
        version=status.get("kubernetesVersion") or None,
        sync_mode=str((made.get("spec") or {}).get("syncMode", "")),
        problem=None if is_ready or ready is None else str(ready.get("message") or ready.get("reason")),
        uid=(made.get("spec") or {}).get("id") or None,
    )


def _share(member: str, desired: int | None, gathered: Mapping[str, Any]) -> Share:
    status = gathered.get("status") or {}
    message = gathered.get("appliedMessage")
    return Share(
        member,
        desired,
        int(status.get("readyReplicas") or status.get("numberReady") or 0),
        bool(gathered.get("applied")),
        str(gathered.get("health", "Unknown")),
        None if not message else str(message),
        int(status.get("updatedReplicas") or status.get("updatedNumberScheduled") or 0),
    )
