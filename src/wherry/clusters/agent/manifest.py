"""The objects that run an agent in a cluster. Pure: the program itself is in them, for anybody to read."""

import hashlib
import json
from dataclasses import dataclass
from importlib.resources import files

from wherry.clusters.kinds import Object

NAMESPACE = "wherry-system"
NAME = "wherry-agent"
_LABELS = {"app.kubernetes.io/name": NAME, "app.kubernetes.io/managed-by": "wherry"}
_READ = ["get", "list", "watch"]
_WRITE = [*_READ, "create", "patch", "update", "delete"]


@dataclass(frozen=True, slots=True)
class Running:
    """How the agent runs: the image, where it finds Wherry, and the CAs (PEM) that it trusts there.

    Without `ca` it trusts those that its image has.
    """

    url: str
    image: str
    ca: str | None = None


# What Wherry asks of a cluster, and what for. Nothing else goes through, whatever is asked.
RULES: tuple[tuple[str, list[str], list[str], list[str]], ...] = (
    ("which namespaces get a default-secret, and which cluster this is", [""], ["namespaces"], _READ),
    ("are nodes ready, and of which architecture", [""], ["nodes"], _READ),
    (
        "what runs, and why a pull failed; a pull check runs a pod and removes it",
        [""],
        ["pods"],
        [*_READ, "create", "delete"],
    ),
    ("what happened to a workload", ["", "events.k8s.io"], ["events"], _READ),
    ("pull secrets are made, rotated and mended", [""], ["secrets"], _WRITE),
    ("which pull secrets do pods get by their account", [""], ["serviceaccounts"], _READ),
    ("a workload's own service", [""], ["services"], _WRITE),
    (
        "what a workload can be given, and how much",
        [""],
        ["configmaps", "persistentvolumeclaims", "resourcequotas", "limitranges"],
        _READ,
    ),
    (
        "workloads are made, updated and rolled back",
        ["apps"],
        ["deployments", "statefulsets", "daemonsets"],
        _WRITE,
    ),
    ("which revision runs", ["apps"], ["replicasets", "controllerrevisions"], _READ),
    ("jobs are made and deleted", ["batch"], ["jobs", "cronjobs"], _WRITE),
)


def program() -> str:
    """The agent's source."""
    return files("wherry.clusters.agent").joinpath("program.py").read_text(encoding="utf-8")


def manifest(running: Running, credential: str) -> list[Object]:
    """In the order in which they are applied; the Secret holds `credential`."""
    config = {"wherry_agent.py": program()} | ({} if running.ca is None else {"ca.crt": running.ca})
    # Applied anew with something else in it, the pod starts anew.
    told = hashlib.sha256(json.dumps([config, credential]).encode()).hexdigest()[:16]
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": _LABELS}},
        _named("v1", "ServiceAccount"),
        _role(),
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": NAME, "labels": _LABELS},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": NAME},
            "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}],
        },
        _named("v1", "Secret") | {"type": "Opaque", "stringData": {"credential": credential}},
        _named("v1", "ConfigMap") | {"data": config},
        _named("apps/v1", "Deployment")
        | {
            "spec": {
                "replicas": 1,
                # Two at once would take the tunnel from each other.
                "strategy": {"type": "Recreate"},
                "selector": {"matchLabels": {"app.kubernetes.io/name": NAME}},
                "template": {
                    "metadata": {"labels": _LABELS, "annotations": {"wherry.dev/content": told}},
                    "spec": _pod(running),
                },
            }
        },
    ]


def _named(version: str, kind: str) -> Object:
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": _LABELS},
    }


def _role() -> Object:
    said = {f"wherry.dev/rule-{number}": why for number, (why, *_) in enumerate(RULES, 1)}
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": NAME, "labels": _LABELS, "annotations": said},
        "rules": [
            {"apiGroups": groups, "resources": resources, "verbs": verbs}
            for _, groups, resources, verbs in RULES
        ],
    }


def _pod(running: Running) -> Object:
    environment = {
        "WHERRY_URL": running.url,
        "WHERRY_CREDENTIAL_FILE": "/etc/wherry/credential/credential",
        "WHERRY_CA_FILE": "/etc/wherry/agent/ca.crt",
        "WHERRY_ALIVE_FILE": "/tmp/alive",  # noqa: S108 (a volume of this pod alone)
    }
    command = ["python3", "-I", "/etc/wherry/agent/wherry_agent.py"]
    return {
        "serviceAccountName": NAME,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "fsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": "agent",
                "image": running.image,
                "command": command,
                "env": [{"name": name, "value": value} for name, value in environment.items()],
                "resources": {
                    "requests": {"cpu": "10m", "memory": "48Mi"},
                    "limits": {"memory": "256Mi"},
                },
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "livenessProbe": {
                    "exec": {"command": [*command, "--alive"]},
                    "initialDelaySeconds": 30,
                    "periodSeconds": 60,
                    "timeoutSeconds": 10,
                },
                "volumeMounts": [
                    {"name": "agent", "mountPath": "/etc/wherry/agent", "readOnly": True},
                    {"name": "credential", "mountPath": "/etc/wherry/credential", "readOnly": True},
                    {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108
                ],
            }
        ],
        "volumes": [
            {"name": "agent", "configMap": {"name": NAME}},
            {"name": "credential", "secret": {"secretName": NAME, "defaultMode": 0o440}},
            {"name": "tmp", "emptyDir": {"sizeLimit": "1Mi"}},
        ],
    }
