"""The pod of a check as an object, and what its status says of the pull. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime

from wherry.clusters.kinds import Object
from wherry.clusters.watching.pull_failures import (
    REASONS,
    PullFailure,
    PullPart,
    not_started,
    pull_failure,
)
from wherry.clusters.workloads.build import MANAGED_BY, MANAGER

# On all that a check makes: which check it is of, and when it may be cleared away, in seconds of the epoch.
CHECK = "wherry.dev/pull-check"
ENDS = "wherry.dev/pull-check-ends"
CONTAINER = "pull"
_BEFORE_THE_PULL = frozenset({"", "ContainerCreating", "PodInitializing"})


def check_labels(check: str, ends: datetime) -> dict[str, str]:
    """For the pods and the secret of a check."""
    return {CHECK: check, ENDS: str(int(ends.astimezone(UTC).timestamp()))}


def is_over(made: Object, now: datetime) -> bool:
    """Whether what a check left may be cleared away: its time is up, or it does not say."""
    ends = (made["metadata"].get("labels") or {}).get(ENDS, "")
    return not ends.isdigit() or int(ends) <= now.timestamp()


def check_pod(
    name: str,
    namespace: str,
    node: str,
    image: str,
    secrets: Sequence[str],
    labels: dict[str, str],
    seconds: int,
) -> Object:
    """Put on the node past the scheduler; asks for nothing that a strict namespace would refuse."""
    container = {
        "name": CONTAINER,
        "image": image,
        "imagePullPolicy": "Always",
        # There is no such file: that the node gets as far as to miss it is what is wanted.
        "command": ["/wherry-pull-check-runs-nothing"],
        "resources": {"requests": {"cpu": "1m", "memory": "8Mi"}, "limits": {"cpu": "10m", "memory": "16Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": True,
            "runAsUser": 65534,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    spec = {
        "nodeName": node,
        "containers": [container],
        "imagePullSecrets": [{"name": secret} for secret in secrets],
        "restartPolicy": "Never",
        "tolerations": [{"operator": "Exists"}],
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 0,
        # The cluster ends it, should nobody else.
        "activeDeadlineSeconds": seconds,
    }
    metadata = {"name": name, "namespace": namespace, "labels": labels | {MANAGED_BY: MANAGER}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def outcome_of(pod: Object) -> PullFailure | bool | None:
    """True: pulled. None: it is not known yet; of a back-off without a cause neither."""
    status = pod.get("status") or {}
    statuses = status.get("containerStatuses") or [{}]
    state = statuses[0].get("state") or {}
    waiting = state.get("waiting") or {}
    reason = str(waiting.get("reason") or "")
    if reason in REASONS:
        failure = pull_failure(reason, waiting.get("message"))
        vague = failure is not None and failure.part is PullPart.UNKNOWN and reason == "ImagePullBackOff"
        return None if vague else failure
    # It does not run, and need not: all of these come after the pull.
    if state.get("running") or statuses[0].get("imageID") or reason not in _BEFORE_THE_PULL:
        return True
    if state.get("terminated"):
        return None if state["terminated"].get("reason") == "ContainerStatusUnknown" else True
    if status.get("phase") == "Failed":
        return not_started(": ".join(str(status[key]) for key in ("reason", "message") if status.get(key)))
    return None
