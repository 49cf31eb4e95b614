"""What is done to a workload that is there: scaled, paused, redeployed, rolled back, deleted."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wherry.clusters.connection import ClusterConnection, Selection, list_all
from wherry.clusters.errors import InvalidRequest, ObjectUnknown
from wherry.clusters.kinds import (
    CONTROLLER_REVISION,
    CRON_JOB,
    DAEMON_SET,
    DEPLOYMENT,
    JOB,
    REPLICA_SET,
    SERVICE,
    STATEFUL_SET,
    Kind,
    Object,
    name_of,
)
from wherry.clusters.workloads.build import MANAGED_BY, MANAGER, SELECTOR

# kubectl's own, so that `kubectl rollout restart` and we do the same.
RESTARTED = "kubectl.kubernetes.io/restartedAt"
CHANGE_CAUSE = "kubernetes.io/change-cause"
_REVISION = "deployment.kubernetes.io/revision"
_HASH = "pod-template-hash"


@dataclass(frozen=True, slots=True)
class Revision:
    """A version of a workload's pods; `template` is what rolling back brings back."""

    number: int
    images: tuple[str, ...]
    made_at: str
    cause: str | None
    is_current: bool
    template: Object


@dataclass(frozen=True, slots=True)
class Deletion:
    """What a deletion takes along, and what it leaves."""

    services: tuple[str, ...]
    pods: int
    claims_left: tuple[str, ...]


async def scale(connection: ClusterConnection, kind: Kind, name: str, namespace: str, pods: int) -> Object:
    """Raises `InvalidRequest` for kinds without replicas."""
    if kind not in (DEPLOYMENT, STATEFUL_SET):
        raise InvalidRequest((f"a {kind} has no number of pods to change",))
    if pods < 0:
        raise InvalidRequest(("the number of pods is not negative",))
    return await connection.patch(kind, name, namespace, {"spec": {"replicas": pods}})


async def pause(connection: ClusterConnection, kind: Kind, name: str, namespace: str, paused: bool) -> Object:
    """Disable or enable upgrades of a Deployment, the schedule of a CronJob, or the work of a Job."""
    if kind is DEPLOYMENT:
        return await connection.patch(kind, name, namespace, {"spec": {"paused": paused or None}})
    if kind in (CRON_JOB, JOB):
        return await connection.patch(kind, name, namespace, {"spec": {"suspend": paused}})
    raise InvalidRequest((f"a {kind} cannot be paused",))


async def redeploy(
    connection: ClusterConnection, kind: Kind, name: str, namespace: str, now: datetime
) -> Object:
    """New pods of the same template, by the upgrade strategy."""
    if kind not in (DEPLOYMENT, STATEFUL_SET, DAEMON_SET):
        raise InvalidRequest((f"a {kind} cannot be redeployed; make it anew",))
    stamp = {"metadata": {"annotations": {RESTARTED: now.strftime("%Y-%m-%dT%H:%M:%SZ")}}}
    return await connection.patch(kind, name, namespace, {"spec": {"template": stamp}})


async def history(
    connection: ClusterConnection, kind: Kind, name: str, namespace: str
) -> tuple[Revision, ...]:
    """The newest first; as many as the workload's history limit keeps."""
    made = await connection.get(kind, name, namespace)
    if kind not in (DEPLOYMENT, STATEFUL_SET, DAEMON_SET):
        raise InvalidRequest((f"a {kind} has no history",))
    keeper = REPLICA_SET if kind is DEPLOYMENT else CONTROLLER_REVISION
    kept = [
        one
        for one in await list_all(connection, keeper, Selection(namespace))
        if _owned_by(one, made["metadata"]["uid"])
    ]
    numbered = [(_number(one), one) for one in kept]
    current = max((number for number, _ in numbered), default=0)
    revisions = [_revision(number, one, number == current) for number, one in numbered]
    return tuple(sorted(revisions, key=lambda one: -one.number))


async def roll_back(
    connection: ClusterConnection, kind: Kind, name: str, namespace: str, number: int | None = None
) -> Object:
    """To the revision of that number, else to the one before the current. Raises `InvalidRequest`."""
    known = await history(connection, kind, name, namespace)
    wanted = [one for one in known if (one.number == number if number else not one.is_current)]
    if not wanted:
        there = ", ".join(str(one.number) for one in known)
        raise InvalidRequest(
            (f"{kind} {name} has no revision {number or 'before this one'}; there are {there}",)
        )
    made = await connection.get(kind, name, namespace)
    change = difference(made["spec"]["template"], wanted[0].template)
    if not change:
        return made
    return await connection.patch(kind, name, namespace, {"spec": {"template": change}})


async def plan_deletion(connection: ClusterConnection, kind: Kind, name: str, namespace: str) -> Deletion:
    """What `delete` would take along. Raises `ObjectUnknown`."""
    made = await connection.get(kind, name, namespace)
    spec = made.get("spec") or {}
    claims = tuple(
        f"{claim['metadata']['name']}-{name}-…" for claim in spec.get("volumeClaimTemplates") or ()
    )
    pods = (made.get("status") or {}).get("replicas", 0)
    return Deletion(await _services(connection, name, namespace), int(pods or 0), claims)


async def delete(connection: ClusterConnection, kind: Kind, name: str, namespace: str) -> Deletion:
    """The workload with its pods, and the services made for it; volumes stay. Raises `ObjectUnknown`."""
    plan = await plan_deletion(connection, kind, name, namespace)
    await connection.delete(kind, name, namespace)
    for service in plan.services:
        try:
            await connection.delete(SERVICE, service, namespace)
        except ObjectUnknown:
            continue
    return plan


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON merge patch (RFC 7386) that makes `after` of `before`."""
    change: dict[str, Any] = {key: None for key in before if key not in after}
    for key, value in after.items():
        known = before.get(key)
        if isinstance(value, dict) and isinstance(known, dict):
            inner = difference(known, value)
            if inner:
                change[key] = inner
        elif value != known or key not in before:
            change[key] = value
    return change


async def _services(connection: ClusterConnection, name: str, namespace: str) -> tuple[str, ...]:
    ours = Selection(namespace, labels=f"{MANAGED_BY}={MANAGER},{SELECTOR}={name}")
    return tuple(name_of(one) for one in await list_all(connection, SERVICE, ours))


def _owned_by(made: Object, uid: str) -> bool:
    return any(owner.get("uid") == uid for owner in made["metadata"].get("ownerReferences") or ())


def _number(made: Object) -> int:
    if made["kind"] == str(CONTROLLER_REVISION):
        return int(made.get("revision", 0))
    return int((made["metadata"].get("annotations") or {}).get(_REVISION, 0))


def _revision(number: int, made: Object, is_current: bool) -> Revision:
    if made["kind"] == str(CONTROLLER_REVISION):
        template = dict(made["data"]["spec"]["template"])
        template.pop("$patch", None)
    else:
        template = made["spec"]["template"]
    metadata = dict(template.get("metadata") or {})
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key != _HASH}
    template = template | {"metadata": metadata | {"labels": labels}}
    images = tuple(str(container["image"]) for container in template["spec"]["containers"])
    annotations = made["metadata"].get("annotations") or {}
    return Revision(
        number,
        images,
        str(made["metadata"].get("creationTimestamp", "")),
        annotations.get(CHANGE_CAUSE),
        is_current,
        template,
    )
