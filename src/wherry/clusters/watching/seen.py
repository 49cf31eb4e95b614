"""What is kept of an object that was seen: a few fields instead of kilobytes of JSON."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from wherry.clusters.watching.pull_failures import PullFailure, pull_failure

Live = Mapping[str, Any]


class Word(StrEnum):
    """A workload's status, in the words of the table."""

    RUNNING = "Running"
    AVAILABLE = "Available"
    UNREADY = "Unready"
    UPGRADING = "Upgrading"
    DELETING = "Deleting"
    COMPLETE = "Complete"
    FAILED = "Failed"
    SUSPENDED = "Suspended"


@dataclass(frozen=True, slots=True)
class SeenWorkload:
    """`desired`, `ready` and `updated` are pods; `images` as the template has them, by container."""

    kind: str
    namespace: str
    name: str
    uid: str
    word: Word
    desired: int
    ready: int
    updated: int
    images: tuple[str, ...]
    pull_secrets: tuple[str, ...]
    is_ours: bool
    is_paused: bool
    made_at: str
    owner: str | None


@dataclass(frozen=True, slots=True)
class SeenContainer:
    """`digest` is of what runs, which the tag may have left meanwhile.

    `last_end` is in words how its last try ended, of one that is started again and again; else None.
    """

    name: str
    image: str
    digest: str | None
    is_ready: bool
    restarts: int
    waits_for: str | None
    failure: PullFailure | None
    last_end: str | None = None


@dataclass(frozen=True, slots=True)
class SeenPod:
    """`owner` is the workload that it belongs to: kind and name."""

    namespace: str
    name: str
    owner: tuple[str, str] | None
    phase: str
    is_ready: bool
    node: str | None
    containers: tuple[SeenContainer, ...]
    problem: str | None
    pull_secrets: tuple[str, ...] = ()

    @property
    def failures(self) -> tuple[PullFailure, ...]:
        """Why images of its are not pulled."""
        return tuple(one.failure for one in self.containers if one.failure is not None)


@dataclass(frozen=True, slots=True)
class SeenAccount:
    """A service account whose pods get `pull_secrets`."""

    namespace: str
    name: str
    pull_secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SeenNode:
    """A node of the cluster."""

    name: str
    architecture: str
    is_ready: bool
    is_schedulable: bool


def see_node(live: Live) -> SeenNode:
    """Of a Node."""
    status, spec = live.get("status") or {}, live.get("spec") or {}
    return SeenNode(
        name=str(live["metadata"]["name"]),
        architecture=str((status.get("nodeInfo") or {}).get("architecture", "")),
        is_ready=_condition(status, "Ready") == "True",
        is_schedulable=not spec.get("unschedulable", False),
    )


def see_workload(live: Live) -> SeenWorkload:
    """Of a Deployment, StatefulSet, DaemonSet, Job or CronJob."""
    kind, metadata, spec = str(live["kind"]), live["metadata"], live.get("spec") or {}
    status = live.get("status") or {}
    template = (spec.get("jobTemplate", {}).get("spec") or {}) if kind == "CronJob" else spec
    pod = (template.get("template") or {}).get("spec") or {}
    desired, ready, updated = _pods(kind, spec, status)
    owners = metadata.get("ownerReferences") or [{}]
    return SeenWorkload(
        kind=kind,
        namespace=str(metadata.get("namespace", "")),
        name=str(metadata["name"]),
        uid=str(metadata.get("uid", "")),
        word=word_of(live),
        desired=desired,
        ready=ready,
        updated=updated,
        images=tuple(str(container.get("image", "")) for container in pod.get("containers") or ()),
        pull_secrets=_pull_secrets(pod),
        is_ours=(metadata.get("labels") or {}).get("app.kubernetes.io/managed-by") == "wherry",
        is_paused=bool(spec.get("paused") or spec.get("suspend")),
        made_at=str(metadata.get("creationTimestamp", "")),
        owner=owners[0].get("name"),
    )


def word_of(live: Live) -> Word:
    """The status of a workload in one word."""
    kind, metadata, spec = str(live["kind"]), live["metadata"], live.get("spec") or {}
    status = live.get("status") or {}
    if metadata.get("deletionTimestamp"):
        return Word.DELETING
    if kind in ("Job", "CronJob"):
        return _batch_word(kind, spec, status)
    desired, ready, updated = _pods(kind, spec, status)
    observed = status.get("observedGeneration", 0) >= metadata.get("generation", 0)
    total = status.get("currentNumberScheduled" if kind == "DaemonSet" else "replicas", 0) or 0
    if not observed or updated < desired or total > max(updated, desired):
        # A roll-out that is stuck is no upgrade any more: nothing moves.
        return Word.UNREADY if _is_stuck(status) else Word.UPGRADING
    if ready >= desired:
        return Word.RUNNING
    available = status.get("numberAvailable" if kind == "DaemonSet" else "availableReplicas", 0) or 0
    return Word.AVAILABLE if available > 0 and _condition(status, "Available") != "False" else Word.UNREADY


def see_pod(live: Live) -> SeenPod:
    """Of a Pod."""
    metadata, spec, status = live["metadata"], live.get("spec") or {}, live.get("status") or {}
    statuses = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    scheduled: Live = next(
        (one for one in status.get("conditions") or () if one.get("type") == "PodScheduled"), {}
    )
    problem = scheduled.get("message") if scheduled.get("status") == "False" else status.get("message")
    return SeenPod(
        namespace=str(metadata.get("namespace", "")),
        name=str(metadata["name"]),
        owner=_owner(metadata),
        phase="Terminating" if metadata.get("deletionTimestamp") else str(status.get("phase", "Unknown")),
        is_ready=_condition(status, "Ready") == "True",
        node=spec.get("nodeName"),
        containers=tuple(_container(one, spec) for one in statuses),
        problem=None if problem is None else str(problem)[:500],
        pull_secrets=_pull_secrets(spec),
    )


def see_account(live: Live) -> SeenAccount:
    """Of a ServiceAccount."""
    metadata = live["metadata"]
    return SeenAccount(str(metadata.get("namespace", "")), str(metadata["name"]), _pull_secrets(live))


def digest_of(image_id: str) -> str | None:
    """Of `registry.example.com/acme/web@sha256:…`, with whatever the container engine puts before it."""
    _, at, digest = image_id.rpartition("@")
    digest = digest if at else image_id.rpartition("://")[2]
    return digest if digest.startswith(("sha256:", "sha512:")) else None


# Its program is missing or may not be run: there is no log.
_NOT_STARTED = frozenset({"StartError", "ContainerCannotRun"})


def _container(status: Live, spec: Live) -> SeenContainer:
    state = status.get("state") or {}
    waiting, ended = state.get("waiting") or {}, state.get("terminated") or {}
    reason = waiting.get("reason") or (ended.get("reason") if ended.get("exitCode") else None)
    # Of a pod that pulls, kubelets say the digest or nothing; the spec says what was asked for.
    asked = {
        str(one.get("name")): str(one.get("image", ""))
        for one in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ()))
    }
    name = str(status.get("name", ""))
    return SeenContainer(
        name=name,
        image=asked.get(name) or str(status.get("image", "")),
        digest=digest_of(str(status.get("imageID") or "")),
        is_ready=bool(status.get("ready")),
        restarts=int(status.get("restartCount") or 0),
        waits_for=None if reason is None else str(reason),
        failure=pull_failure(waiting.get("reason"), waiting.get("message")),
        last_end=_last_end(status) if reason == "CrashLoopBackOff" else None,
    )


def _last_end(status: Live) -> str | None:
    ended = (status.get("lastState") or {}).get("terminated") or {}
    reason = str(ended.get("reason") or "")
    if reason in _NOT_STARTED:
        return f"it cannot be started: {str(ended.get('message') or reason).strip()[:300]}"
    if reason == "OOMKilled":
        return "it took more memory than it may have (OOMKilled)"
    return None if ended.get("exitCode") is None else f"it ended with exit code {ended['exitCode']}"


def _pull_secrets(of: Live) -> tuple[str, ...]:
    # Interned: thousands of pods name the same few.
    return tuple(sys.intern(str(secret.get("name", ""))) for secret in of.get("imagePullSecrets") or ())


def _owner(metadata: Live) -> tuple[str, str] | None:
    for owner in metadata.get("ownerReferences") or ():
        if not owner.get("controller"):
            continue
        kind, name = str(owner.get("kind")), str(owner.get("name"))
        made_of = (metadata.get("labels") or {}).get("pod-template-hash")
        if kind == "ReplicaSet" and made_of and name.endswith(f"-{made_of}"):
            return "Deployment", name.removesuffix(f"-{made_of}")
        return kind, name
    return None


def _pods(kind: str, spec: Live, status: Live) -> tuple[int, int, int]:
    """Desired, ready and updated ones."""
    if kind == "DaemonSet":
        names = ("desiredNumberScheduled", "numberReady", "updatedNumberScheduled")
        desired, ready, updated = (int(status.get(name) or 0) for name in names)
        return desired, ready, updated
    if kind == "CronJob":
        active = len(status.get("active") or ())
        return active, active, active
    if kind == "Job":
        done = int(status.get("succeeded") or 0)
        return int(spec.get("completions") or 1), done, done
    replicas = spec.get("replicas")
    desired = 1 if replicas is None else int(replicas)
    return desired, int(status.get("readyReplicas") or 0), int(status.get("updatedReplicas") or 0)


def _batch_word(kind: str, spec: Live, status: Live) -> Word:
    if spec.get("suspend"):
        return Word.SUSPENDED
    if kind == "Job":
        if _condition(status, "Complete") == "True":
            return Word.COMPLETE
        if _condition(status, "Failed") == "True":
            return Word.FAILED
    return Word.RUNNING


def _is_stuck(status: Live) -> bool:
    return any(
        one.get("type") == "Progressing" and one.get("reason") == "ProgressDeadlineExceeded"
        for one in status.get("conditions") or ()
    )


def _condition(status: Live, kind: str) -> str | None:
    for condition in status.get("conditions") or ():
        if condition.get("type") == kind:
            return str(condition.get("status"))
    return None
