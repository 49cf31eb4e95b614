"""Kinds of Kubernetes objects that Wherry works with, and where the API keeps them; objects are JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """`version` is the object's `apiVersion`; `plural` its place in URLs."""

    version: str
    name: str
    plural: str
    is_namespaced: bool = True

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """Of one object, or of all of a namespace, or of the whole cluster."""
        parts = ["api" if "/" not in self.version else "apis", self.version]
        if namespace is not None and self.is_namespaced:
            parts += ["namespaces", quote(namespace, safe="")]
        parts.append(self.plural)
        if name is not None:
            parts.append(quote(name, safe=""))
        return "/" + "/".join(parts)

    def __str__(self) -> str:
        return self.name


NAMESPACE = Kind("v1", "Namespace", "namespaces", is_namespaced=False)
NODE = Kind("v1", "Node", "nodes", is_namespaced=False)
POD = Kind("v1", "Pod", "pods")
SECRET = Kind("v1", "Secret", "secrets")
SERVICE = Kind("v1", "Service", "services")
SERVICE_ACCOUNT = Kind("v1", "ServiceAccount", "serviceaccounts")
EVENT = Kind("v1", "Event", "events")
CONFIG_MAP = Kind("v1", "ConfigMap", "configmaps")
DEPLOYMENT = Kind("apps/v1", "Deployment", "deployments")
STATEFUL_SET = Kind("apps/v1", "StatefulSet", "statefulsets")
DAEMON_SET = Kind("apps/v1", "DaemonSet", "daemonsets")
REPLICA_SET = Kind("apps/v1", "ReplicaSet", "replicasets")
CONTROLLER_REVISION = Kind("apps/v1", "ControllerRevision", "controllerrevisions")
JOB = Kind("batch/v1", "Job", "jobs")
CRON_JOB = Kind("batch/v1", "CronJob", "cronjobs")
KARMADA_CLUSTER = Kind("cluster.karmada.io/v1alpha1", "Cluster", "clusters", is_namespaced=False)
PROPAGATION_POLICY = Kind("policy.karmada.io/v1alpha1", "PropagationPolicy", "propagationpolicies")
OVERRIDE_POLICY = Kind("policy.karmada.io/v1alpha1", "OverridePolicy", "overridepolicies")
RESOURCE_BINDING = Kind("work.karmada.io/v1alpha2", "ResourceBinding", "resourcebindings")

WORKLOADS = (DEPLOYMENT, STATEFUL_SET, DAEMON_SET, JOB, CRON_JOB)
KINDS = {
    (kind.version, kind.name): kind
    for kind in (
        NAMESPACE, NODE, POD, SECRET, SERVICE, SERVICE_ACCOUNT, EVENT, CONFIG_MAP, REPLICA_SET,
        CONTROLLER_REVISION, *WORKLOADS,
        KARMADA_CLUSTER, PROPAGATION_POLICY, OVERRIDE_POLICY, RESOURCE_BINDING,
    )
}  # fmt: skip


def kind_of(made: Mapping[str, Any]) -> Kind:
    """The kind that an object says it is of. Raises `KeyError` for one that Wherry does not work with."""
    return KINDS[(made["apiVersion"], made["kind"])]


def name_of(made: Mapping[str, Any]) -> str:
    """`metadata.name`."""
    return str(made["metadata"]["name"])


def namespace_of(made: Mapping[str, Any]) -> str | None:
    """`metadata.namespace`; None for what lies in none."""
    found = made["metadata"].get("namespace")
    return None if found is None else str(found)
