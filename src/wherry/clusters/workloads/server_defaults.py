"""What the API server fills into an object by itself, taken out again, so that two can be compared."""

import copy
from collections.abc import Callable
from typing import Any

from wherry.clusters.kinds import Object

_OF_THE_SERVER = (
    "uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink",
    "deletionTimestamp", "deletionGracePeriodSeconds",
)  # fmt: skip
_ANNOTATIONS = (
    "deployment.kubernetes.io/revision",
    "kubectl.kubernetes.io/last-applied-configuration",
    "deprecated.daemonset.template.generation",
)
_JOB_LABELS = (
    "controller-uid",
    "job-name",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
)
_POD = {
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
    "securityContext": {},
    "enableServiceLinks": True,
}
_CONTAINER = {
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}
_SERVICE = {
    "sessionAffinity": "None",
    "internalTrafficPolicy": "Cluster",
    "ipFamilyPolicy": "SingleStack",
    "allocateLoadBalancerNodePorts": True,
}
_JOB = {
    "completionMode": "NonIndexed",
    "suspend": False,
    "podReplacementPolicy": "TerminatingOrFailed",
    "manualSelector": False,
}
_STATEFUL_SET = {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"}}


def without_defaults(made: Object) -> Object:
    """A copy as somebody could have written it: no status, nothing that only the server sets, no defaults."""
    result = copy.deepcopy(made)
    result.pop("status", None)
    _clean_metadata(result.get("metadata"))
    spec = result.get("spec")
    if isinstance(spec, dict):
        cleaner = _CLEANERS.get(str(result.get("kind")))
        if cleaner is not None:
            cleaner(spec)
    return result


def _clean_metadata(metadata: Any) -> None:
    if not isinstance(metadata, dict):
        return
    for key in _OF_THE_SERVER:
        metadata.pop(key, None)
    for holder, keys in (("annotations", _ANNOTATIONS), ("labels", _JOB_LABELS)):
        inner = metadata.get(holder)
        if isinstance(inner, dict):
            for key in keys:
                inner.pop(key, None)
            if not inner:
                del metadata[holder]


def _clean_template(template: Any) -> None:
    if not isinstance(template, dict):
        return
    _clean_metadata(template.get("metadata"))
    pod = template.get("spec")
    if not isinstance(pod, dict):
        return
    _drop(pod, _POD)
    # The older name of the same thing.
    if pod.get("serviceAccount") == pod.get("serviceAccountName"):
        pod.pop("serviceAccount", None)
    for holder in ("containers", "initContainers"):
        for container in pod.get(holder) or ():
            if isinstance(container, dict):
                _drop(container, _CONTAINER)


def _clean_deployment(spec: dict[str, Any]) -> None:
    _clean_template(spec.get("template"))


def _clean_daemon_set(spec: dict[str, Any]) -> None:
    _clean_template(spec.get("template"))


def _clean_stateful_set(spec: dict[str, Any]) -> None:
    _clean_template(spec.get("template"))
    _drop(spec, _STATEFUL_SET)
    rolling = spec.get("updateStrategy", {}).get("rollingUpdate")
    if rolling in ({"partition": 0}, {}):
        del spec["updateStrategy"]["rollingUpdate"]
    elif isinstance(rolling, dict) and rolling.get("partition") == 0:
        del rolling["partition"]
    for claim in spec.get("volumeClaimTemplates") or ():
        if isinstance(claim, dict):
            claim.pop("status", None)
            _clean_metadata(claim.get("metadata"))
            _drop(claim.get("spec", {}), {"volumeMode": "Filesystem"})


def _clean_job(spec: dict[str, Any]) -> None:
    _drop(spec, _JOB)
    # The selector that the server made: by the uid of the Job.
    labels = spec.get("selector", {}).get("matchLabels", {}) if isinstance(spec.get("selector"), dict) else {}
    if "batch.kubernetes.io/controller-uid" in labels or "controller-uid" in labels:
        del spec["selector"]
    _clean_template(spec.get("template"))


def _clean_cron_job(spec: dict[str, Any]) -> None:
    template = spec.get("jobTemplate")
    if isinstance(template, dict):
        _clean_metadata(template.get("metadata"))
        if template.get("metadata") in ({}, None):
            template.pop("metadata", None)
        if isinstance(template.get("spec"), dict):
            _clean_job(template["spec"])


def _clean_service(spec: dict[str, Any]) -> None:
    _drop(spec, _SERVICE)
    for key in ("clusterIPs", "ipFamilies", "healthCheckNodePort"):
        spec.pop(key, None)
    if spec.get("clusterIP") != "None":
        spec.pop("clusterIP", None)


def _drop(holder: dict[str, Any], defaults: dict[str, Any]) -> None:
    for key, value in defaults.items():
        if key in holder and holder[key] == value:
            del holder[key]


_CLEANERS: dict[str, Callable[[dict[str, Any]], None]] = {
    "Deployment": _clean_deployment,
    "DaemonSet": _clean_daemon_set,
    "StatefulSet": _clean_stateful_set,
    "Job": _clean_job,
    "CronJob": _clean_cron_job,
    "Service": _clean_service,
}
