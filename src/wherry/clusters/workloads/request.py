"""The request for a workload: what the form of the console has, and the API, and the command line."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from wherry.clusters.workloads.forms import at
from wherry.clusters.workloads.pods import Container, Pod, PortProtocol


class WorkloadKind(StrEnum):
    """The kinds that the form makes."""

    DEPLOYMENT = "Deployment"
    STATEFUL_SET = "StatefulSet"
    DAEMON_SET = "DaemonSet"
    JOB = "Job"
    CRON_JOB = "CronJob"

    @property
    def has_replicas(self) -> bool:
        """Whether a number of pods is asked for."""
        return self in (WorkloadKind.DEPLOYMENT, WorkloadKind.STATEFUL_SET)

    @property
    def is_batch(self) -> bool:
        """Whether its pods come to an end."""
        return self in (WorkloadKind.JOB, WorkloadKind.CRON_JOB)


class Upgrade(StrEnum):
    """How new pods take the place of old ones. `Replace` is Kubernetes' Recreate."""

    ROLLING = "RollingUpdate"
    REPLACE = "Recreate"
    ON_DELETE = "OnDelete"


@dataclass(frozen=True, slots=True)
class Strategy:
    """Numbers, or parts such as `25%`; None is Kubernetes' own (25 % of a Deployment, 1 of a DaemonSet)."""

    kind: Upgrade = Upgrade.ROLLING
    max_surge: int | str | None = None
    max_unavailable: int | str | None = None


class ServiceKind(StrEnum):
    """From where a service is reached."""

    CLUSTER_IP = "ClusterIP"
    NODE_PORT = "NodePort"
    LOAD_BALANCER = "LoadBalancer"


class Affinity(StrEnum):
    """Whether a node hands requests on to pods of other nodes (Cluster), or keeps to its own (Local)."""

    CLUSTER = "Cluster"
    NODE = "Local"


@dataclass(frozen=True, slots=True)
class ServicePort:
    """`target` is the container's port, by number or name; `node_port` None is chosen by the cluster."""

    port: int = at("port")
    target: int | str = at("targetPort")
    name: str | None = at("name", None)
    protocol: PortProtocol = at("protocol", PortProtocol.TCP, always=True)
    node_port: int | None = at("nodePort", None)


@dataclass(frozen=True, slots=True)
class Service:
    """How the pods are reached. A headless one gives each pod of a StatefulSet a name of its own."""

    name: str
    ports: tuple[ServicePort, ...]
    kind: ServiceKind = ServiceKind.CLUSTER_IP
    affinity: Affinity = Affinity.CLUSTER
    is_headless: bool = False


@dataclass(frozen=True, slots=True)
class ClaimTemplate:
    """A volume that each pod of a StatefulSet gets for itself."""

    name: str
    size: str
    storage_class: str | None = None
    access_modes: tuple[str, ...] = ("ReadWriteOnce",)


@dataclass(frozen=True, slots=True)
class JobSettings:
    """Of a Job, and of the Jobs that a CronJob makes."""

    completions: int = at("completions", 1, always=True)
    parallelism: int = at("parallelism", 1, always=True)
    retries: int = at("backoffLimit", 6)
    deadline: int | None = at("activeDeadlineSeconds", None)
    kept_for: int | None = at("ttlSecondsAfterFinished", None)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a CronJob makes a Job: five fields of cron, in a time zone such as `Europe/Berlin`."""

    schedule: str = at("schedule")
    time_zone: str | None = at("timeZone", None)
    concurrency: str = at("concurrencyPolicy", "Allow")
    is_suspended: bool = at("suspend", False)
    starting_deadline: int | None = at("startingDeadlineSeconds", None)
    kept_successes: int = at("successfulJobsHistoryLimit", 3)
    kept_failures: int = at("failedJobsHistoryLimit", 1)


@dataclass(frozen=True, slots=True)
class Workload:
    """Everything that is asked for. `pods` None for kinds without replicas; labels go to the pods as well."""

    kind: WorkloadKind
    name: str
    pod: Pod
    namespace: str = "default"
    pods: int | None = None
    description: str = ""
    syncs_time_zone: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    pod_annotations: Mapping[str, str] = field(default_factory=dict)
    strategy: Strategy = Strategy()
    min_ready: int = 0
    history_limit: int = 10
    progress_deadline: int = 600
    pod_management: str = "OrderedReady"
    claims: tuple[ClaimTemplate, ...] = ()
    job: JobSettings = JobSettings()
    schedule: Schedule | None = None
    services: tuple[Service, ...] = ()

    @property
    def containers(self) -> tuple[Container, ...]:
        """Init containers first, as they run."""
        return (*self.pod.init_containers, *self.pod.containers)
