"""The forms of what is in a pod: containers, volumes, probes, by the fields of the Kubernetes API.

https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from wherry.clusters.workloads.forms import at


class PullPolicy(StrEnum):
    """When a node asks the registry."""

    ALWAYS = "Always"
    IF_NOT_PRESENT = "IfNotPresent"
    NEVER = "Never"


class PortProtocol(StrEnum):
    """Of a container's or a service's port."""

    TCP = "TCP"
    UDP = "UDP"
    SCTP = "SCTP"


@dataclass(frozen=True, slots=True)
class Resources:
    """Amounts as Kubernetes writes them: `250m` of a core, `512Mi`. Defaults as the form has them."""

    requests: Mapping[str, str] = at("requests", {"cpu": "250m", "memory": "512Mi"}, always=True)
    limits: Mapping[str, str] = at("limits", {})


@dataclass(frozen=True, slots=True)
class KeyRef:
    """A value out of a ConfigMap or a Secret."""

    name: str = at("name")
    key: str = at("key")
    optional: bool = at("optional", False)


@dataclass(frozen=True, slots=True)
class FieldRef:
    """A fact about the pod, such as `status.podIP`."""

    path: str = at("fieldPath")
    version: str = at("apiVersion", "v1")


@dataclass(frozen=True, slots=True)
class ResourceRef:
    """A limit or request of a container."""

    resource: str = at("resource")
    container: str | None = at("containerName", None)
    divisor: str = at("divisor", "0")


@dataclass(frozen=True, slots=True)
class ValueSource:
    """Exactly one of them."""

    config_map: KeyRef | None = at("configMapKeyRef", None)
    secret: KeyRef | None = at("secretKeyRef", None)
    field: FieldRef | None = at("fieldRef", None)
    resource: ResourceRef | None = at("resourceFieldRef", None)


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable: with a value, or with where it is from."""

    name: str = at("name")
    value: str | None = at("value", None)
    source: ValueSource | None = at("valueFrom", None)


@dataclass(frozen=True, slots=True)
class NameRef:
    """A ConfigMap or Secret as a whole."""

    name: str = at("name")
    optional: bool = at("optional", False)


@dataclass(frozen=True, slots=True)
class Variables:
    """All keys of a ConfigMap or a Secret as variables; exactly one of both."""

    prefix: str = at("prefix", "")
    config_map: NameRef | None = at("configMapRef", None)
    secret: NameRef | None = at("secretRef", None)


@dataclass(frozen=True, slots=True)
class Port:
    """A port that a container listens on."""

    number: int = at("containerPort")
    name: str | None = at("name", None)
    protocol: PortProtocol = at("protocol", PortProtocol.TCP)
    host_port: int | None = at("hostPort", None)


@dataclass(frozen=True, slots=True)
class Header:
    """Sent by an HTTP check."""

    name: str = at("name")
    value: str = at("value")


@dataclass(frozen=True, slots=True)
class HttpGet:
    """`port` is a number or a port's name."""

    port: int | str = at("port")
    path: str = at("path", "/")
    scheme: str = at("scheme", "HTTP")
    host: str | None = at("host", None)
    headers: tuple[Header, ...] = at("httpHeaders", ())


@dataclass(frozen=True, slots=True)
class TcpSocket:
    """Whether it accepts."""

    port: int | str = at("port")
    host: str | None = at("host", None)


@dataclass(frozen=True, slots=True)
class Exec:
    """A command in the container."""

    command: tuple[str, ...] = at("command")


@dataclass(frozen=True, slots=True)
class Grpc:
    """The gRPC health service."""

    port: int = at("port")
    service: str = at("service", "")


@dataclass(frozen=True, slots=True)
class Probe:
    """Exactly one of the four ways to ask; times in seconds."""

    http: HttpGet | None = at("httpGet", None)
    tcp: TcpSocket | None = at("tcpSocket", None)
    command: Exec | None = at("exec", None)
    grpc: Grpc | None = at("grpc", None)
    initial_delay: int = at("initialDelaySeconds", 0)
    period: int = at("periodSeconds", 10)
    timeout: int = at("timeoutSeconds", 1)
    successes: int = at("successThreshold", 1)
    failures: int = at("failureThreshold", 3)


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait; for an orderly end."""

    seconds: int = at("seconds")


@dataclass(frozen=True, slots=True)
class Hook:
    """What runs after the start or before the end; exactly one."""

    command: Exec | None = at("exec", None)
    http: HttpGet | None = at("httpGet", None)
    sleep: Pause | None = at("sleep", None)


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """Hooks of a container."""

    post_start: Hook | None = at("postStart", None)
    pre_stop: Hook | None = at("preStop", None)


@dataclass(frozen=True, slots=True)
class Mount:
    """Where in the container a volume is."""

    volume: str = at("name")
    path: str = at("mountPath")
    sub_path: str = at("subPath", "")
    is_read_only: bool = at("readOnly", False)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Of the kernel, such as `NET_BIND_SERVICE`."""

    add: tuple[str, ...] = at("add", ())
    drop: tuple[str, ...] = at("drop", ())


@dataclass(frozen=True, slots=True)
class ContainerSecurity:
    """What the container's processes are."""

    run_as_user: int | None = at("runAsUser", None)
    run_as_group: int | None = at("runAsGroup", None)
    run_as_non_root: bool | None = at("runAsNonRoot", None)
    is_privileged: bool = at("privileged", False)
    has_read_only_root: bool = at("readOnlyRootFilesystem", False)
    may_escalate: bool | None = at("allowPrivilegeEscalation", None)
    capabilities: Capabilities | None = at("capabilities", None)


@dataclass(frozen=True, slots=True)
class SeccompProfile:
    """`RuntimeDefault`, `Unconfined` or `Localhost` with a file."""

    kind: str = at("type")
    file: str | None = at("localhostProfile", None)


@dataclass(frozen=True, slots=True)
class PodSecurity:
    """What all containers' processes are, unless their own says otherwise."""

    run_as_user: int | None = at("runAsUser", None)
    run_as_group: int | None = at("runAsGroup", None)
    run_as_non_root: bool | None = at("runAsNonRoot", None)
    fs_group: int | None = at("fsGroup", None)
    seccomp: SeccompProfile | None = at("seccompProfile", None)


@dataclass(frozen=True, slots=True)
class Container:
    """`image` as a node pulls it: by tag, or pinned as `name:tag@sha256:…`."""

    name: str = at("name")
    image: str = at("image")
    # Kubernetes' own default hangs on the tag; here it is always said.
    pull_policy: PullPolicy = at("imagePullPolicy", PullPolicy.IF_NOT_PRESENT, always=True)
    command: tuple[str, ...] = at("command", ())
    arguments: tuple[str, ...] = at("args", ())
    working_directory: str | None = at("workingDir", None)
    ports: tuple[Port, ...] = at("ports", ())
    resources: Resources = at("resources", Resources(), always=True)
    variables: tuple[Variable, ...] = at("env", ())
    variables_from: tuple[Variables, ...] = at("envFrom", ())
    mounts: tuple[Mount, ...] = at("volumeMounts", ())
    liveness: Probe | None = at("livenessProbe", None)
    readiness: Probe | None = at("readinessProbe", None)
    startup: Probe | None = at("startupProbe", None)
    lifecycle: Lifecycle | None = at("lifecycle", None)
    security: ContainerSecurity | None = at("securityContext", None)


@dataclass(frozen=True, slots=True)
class HostPath:
    """A file or folder of the node; `kind` such as `Directory`, empty for no check."""

    path: str = at("path")
    kind: str = at("type", "")


@dataclass(frozen=True, slots=True)
class EmptyDir:
    """New with each pod; `Memory` as medium for RAM."""

    medium: str = at("medium", "")
    size_limit: str | None = at("sizeLimit", None)


@dataclass(frozen=True, slots=True)
class Claim:
    """A PersistentVolumeClaim."""

    name: str = at("claimName")
    is_read_only: bool = at("readOnly", False)


@dataclass(frozen=True, slots=True)
class File:
    """A key as a file; `mode` is a number, 0o400 is 256."""

    key: str = at("key")
    path: str = at("path")
    mode: int | None = at("mode", None)


@dataclass(frozen=True, slots=True)
class ConfigMapFiles:
    """The keys of a ConfigMap as files."""

    name: str = at("name")
    files: tuple[File, ...] = at("items", ())
    mode: int = at("defaultMode", 0o644)
    optional: bool = at("optional", False)


@dataclass(frozen=True, slots=True)
class SecretFiles:
    """The keys of a Secret as files."""

    name: str = at("secretName")
    files: tuple[File, ...] = at("items", ())
    mode: int = at("defaultMode", 0o644)
    optional: bool = at("optional", False)


@dataclass(frozen=True, slots=True)
class Volume:
    """Exactly one source."""

    name: str = at("name")
    host_path: HostPath | None = at("hostPath", None)
    empty_dir: EmptyDir | None = at("emptyDir", None)
    claim: Claim | None = at("persistentVolumeClaim", None)
    config_map: ConfigMapFiles | None = at("configMap", None)
    secret: SecretFiles | None = at("secret", None)


@dataclass(frozen=True, slots=True)
class Toleration:
    """Of a node's taint; `seconds` only with the effect NoExecute."""

    key: str | None = at("key", None)
    operator: str = at("operator", "Equal")
    value: str | None = at("value", None)
    effect: str | None = at("effect", None)
    seconds: int | None = at("tolerationSeconds", None)


@dataclass(frozen=True, slots=True)
class SecretName:
    """An image access credential."""

    name: str = at("name")


@dataclass(frozen=True, slots=True)
class Pod:
    """The `spec` of a pod; `affinity` as Kubernetes has it."""

    containers: tuple[Container, ...] = at("containers", always=True)
    init_containers: tuple[Container, ...] = at("initContainers", ())
    volumes: tuple[Volume, ...] = at("volumes", ())
    pull_secrets: tuple[SecretName, ...] = at("imagePullSecrets", ())
    security: PodSecurity | None = at("securityContext", None)
    service_account: str | None = at("serviceAccountName", None)
    node_selector: Mapping[str, str] = at("nodeSelector", {})
    affinity: Mapping[str, Any] = at("affinity", {})
    tolerations: tuple[Toleration, ...] = at("tolerations", ())
    termination_grace: int = at("terminationGracePeriodSeconds", 30)
    restart_policy: str = at("restartPolicy", "Always")

    def __post_init__(self) -> None:
        # One that says nothing is none: every API server adds it by itself.
        if self.security == PodSecurity():
            object.__setattr__(self, "security", None)
