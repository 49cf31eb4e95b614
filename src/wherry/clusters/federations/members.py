"""Members of a federation: how each is, and how a workload fares in each of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wherry.clusters.connection import ClusterConnection, list_all
from wherry.clusters.errors import ObjectUnknown
from wherry.clusters.kinds import KARMADA_CLUSTER, RESOURCE_BINDING, Kind, Object


@dataclass(frozen=True, slots=True)
class Member:
    """`problem` is Karmada's own word for why a member is not ready."""

    name: str
    is_ready: bool
    version: str | None
    sync_mode: str
    problem: str | None


@dataclass(frozen=True, slots=True)
class Share:
    """A member's part of a workload; `problem` says why it was not brought there."""

    member: str
    desired: int | None
    ready: int
    is_applied: bool
    health: str
    problem: str | None


async def list_members(connection: ClusterConnection) -> tuple[Member, ...]:
    """By name. Raises `ObjectUnknown` where the cluster is no Karmada."""
    found = await list_all(connection, KARMADA_CLUSTER)
    return tuple(sorted((_member(one) for one in found), key=lambda one: one.name))


async def shares_of(
    connection: ClusterConnection, kind: Kind, name: str, namespace: str
) -> tuple[Share, ...]:
    """What Karmada has gathered; empty while it has not scheduled yet."""
    try:
        binding = await connection.get(RESOURCE_BINDING, f"{name}-{kind.name.lower()}", namespace)
    except ObjectUnknown:
        return ()
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


def _member(made: Object) -> Member:
    status = made.get("status") or {}
    ready = next((one for one in status.get("conditions") or () if one.get("type") == "Ready"), None)
    is_ready = ready is not None and ready.get("status") == "True"
    return Member(
        name=str(made["metadata"]["name"]),
        is_ready=is_ready,
        version=status.get("kubernetesVersion") or None,
        sync_mode=str((made.get("spec") or {}).get("syncMode", "")),
        problem=None if is_ready or ready is None else str(ready.get("message") or ready.get("reason")),
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
    )
