"""Requests for workloads: the seed's own example, one with everything in it, and any at all."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from hypothesis import strategies as st

from wherry.clusters.workloads.pods import (
    Capabilities,
    Claim,
    ConfigMapFiles,
    Container,
    ContainerSecurity,
    EmptyDir,
    Exec,
    FieldRef,
    File,
    Grpc,
    Header,
    Hook,
    HostPath,
    HttpGet,
    KeyRef,
    Lifecycle,
    Mount,
    NameRef,
    Pause,
    Pod,
    PodSecurity,
    Port,
    Probe,
    PullPolicy,
    ResourceRef,
    Resources,
    SeccompProfile,
    SecretFiles,
    SecretName,
    TcpSocket,
    Toleration,
    ValueSource,
    Variable,
    Variables,
    Volume,
)
from wherry.clusters.workloads.request import (
    Affinity,
    ClaimTemplate,
    JobSettings,
    Schedule,
    Service,
    ServiceKind,
    ServicePort,
    Strategy,
    Upgrade,
    Workload,
    WorkloadKind,
)

PINNED = "sha256:" + "ab" * 32
IMAGE = "registry.example.com/acme/web:1.4"

# "Deployment is used as an example … Enter demo … Time Zone Synchronization … Image Access Credential".
DEMO = Workload(
    WorkloadKind.DEPLOYMENT,
    "demo",
    Pod((Container("container-1", IMAGE),), pull_secrets=(SecretName("default-secret"),)),
    pods=2,
    description="The first one",
    syncs_time_zone=True,
)

BATCH_POD = Pod((Container("work", IMAGE, command=("/bin/true",)),), restart_policy="Never")


def everything() -> Workload:
    """A Deployment that uses each field of its form."""
    main = Container(
        "web",
        f"{IMAGE}@{PINNED}",
        PullPolicy.ALWAYS,
        command=("/bin/web",),
        arguments=("--port", "8080"),
        working_directory="/srv",
        ports=(Port(8080, "http"), Port(9090)),
        resources=Resources({"cpu": "100m", "memory": "64Mi"}, {"cpu": "1", "memory": "128Mi"}),
        variables=(
            Variable("MODE", "production"),
            Variable("PASSWORD", source=ValueSource(secret=KeyRef("login", "password"))),
            Variable("COLOUR", source=ValueSource(config_map=KeyRef("settings", "colour", optional=True))),
            Variable("POD_IP", source=ValueSource(field=FieldRef("status.podIP"))),
            Variable("CPUS", source=ValueSource(resource=ResourceRef("limits.cpu", "web", "1"))),
        ),
        variables_from=(Variables("APP_", config_map=NameRef("settings", optional=True)),),
        mounts=(Mount("data", "/data"), Mount("conf", "/etc/web/web.conf", "web.conf", is_read_only=True)),
        liveness=Probe(http=HttpGet("http", "/healthz", headers=(Header("X-Check", "1"),)), period=5),
        readiness=Probe(tcp=TcpSocket(8080), initial_delay=3, successes=2),
        startup=Probe(grpc=Grpc(9090, "web"), failures=30),
        lifecycle=Lifecycle(Hook(command=Exec(("/bin/hello",))), Hook(sleep=Pause(5))),
        security=ContainerSecurity(
            run_as_user=1000,
            run_as_non_root=True,
            has_read_only_root=True,
            may_escalate=False,
            capabilities=Capabilities(("NET_BIND_SERVICE",), ("ALL",)),
        ),
    )
    pod = Pod(
        (main, Container("side", IMAGE)),
        init_containers=(Container("init", IMAGE, command=("/bin/prepare",)),),
        volumes=(
            Volume("data", empty_dir=EmptyDir("Memory", "64Mi")),
            Volume("conf", config_map=ConfigMapFiles("web", (File("web.conf", "web.conf", 0o400),))),
            Volume("keys", secret=SecretFiles("keys", optional=True)),
            Volume("disk", claim=Claim("disk", is_read_only=True)),
            Volume("logs", host_path=HostPath("/var/log", "Directory")),
        ),
        pull_secrets=(SecretName("default-secret"), SecretName("other")),
        security=PodSecurity(run_as_user=1000, fs_group=2000, seccomp=SeccompProfile("RuntimeDefault")),
        service_account="web",
        node_selector={"kubernetes.io/arch": "amd64"},
        affinity={
            "podAntiAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {
                        "weight": 1,
                        "podAffinityTerm": {
                            "topologyKey": "kubernetes.io/hostname",
                            "labelSelector": {"matchLabels": {"app": "web"}},
                        },
                    }
                ]
            }
        },
        tolerations=(Toleration("node.kubernetes.io/not-ready", "Exists", None, "NoExecute", 300),),
        termination_grace=10,
    )
    return Workload(
        WorkloadKind.DEPLOYMENT,
        "web",
        pod,
        pods=3,
        description="All of it",
        syncs_time_zone=True,
        labels={"team": "shop"},
        annotations={"example.com/owner": "ann"},
        pod_annotations={"example.com/scrape": "true"},
        strategy=Strategy(max_surge="50%", max_unavailable=0),
        min_ready=5,
        history_limit=3,
        progress_deadline=120,
        services=(
            Service(
                "web",
                (
                    ServicePort(80, "http", "http", node_port=30080),
                    ServicePort(9090, 9090, "grpc", node_port=30090),
                ),
                ServiceKind.NODE_PORT,
                Affinity.NODE,
            ),
        ),
    )


def of_each_kind() -> dict[str, Workload]:
    """One of each kind."""
    pod = Pod((Container("main", IMAGE),))
    return {
        "deployment": everything(),
        "demo": DEMO,
        "stateful-set": Workload(
            WorkloadKind.STATEFUL_SET,
            "db",
            dataclasses.replace(pod, volumes=()),
            pods=1,
            pod_management="Parallel",
            claims=(ClaimTemplate("data", "1Gi", "fast"),),
            services=(Service("db", (ServicePort(5432, 5432, "sql"),), is_headless=True),),
        ),
        "daemon-set": Workload(
            WorkloadKind.DAEMON_SET, "agent", pod, strategy=Strategy(Upgrade.ON_DELETE), syncs_time_zone=True
        ),
        "job": Workload(
            WorkloadKind.JOB,
            "migrate",
            BATCH_POD,
            job=JobSettings(3, 2, retries=1, deadline=60, kept_for=3600),
        ),
        "cron-job": Workload(
            WorkloadKind.CRON_JOB,
            "report",
            BATCH_POD,
            schedule=Schedule("0 4 * * *", "Europe/Berlin", "Forbid", is_suspended=True, kept_successes=1),
        ),
    }


NAMES = st.from_regex(r"\A[a-z][a-z0-9]{0,6}\Z")
TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=8)


def forms(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of a form's field, or of a whole form."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return st.one_of(*(forms(one) for one in inner))
    if kind is type(None):
        return st.none()
    if kind is Any:
        return st.dictionaries(NAMES, st.integers(0, 9), max_size=2)
    if origin is tuple:
        return st.lists(forms(inner[0]), max_size=2).map(tuple)
    if origin is not None and issubclass(origin, Mapping):
        return st.dictionaries(NAMES, forms(inner[1]), max_size=2)
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        fields = {field.name: forms(hints[field.name]) for field in dataclasses.fields(kind)}
        return st.builds(typing.cast("Any", kind), **fields)
    if issubclass(kind, StrEnum):
        return st.sampled_from(list(kind))
    return {str: TEXTS, int: st.integers(0, 1000), bool: st.booleans()}[kind]


def workloads() -> st.SearchStrategy[Workload]:
    """Requests that are read back as they are: of each kind, with what that kind has."""
    text_maps = st.dictionaries(NAMES, TEXTS, max_size=2)
    shared: dict[str, st.SearchStrategy[Any]] = {
        "name": NAMES,
        "pod": forms(Pod),
        "namespace": NAMES,
        "description": st.just("") | TEXTS,
        "syncs_time_zone": st.booleans(),
        "labels": text_maps.map(lambda labels: {k: v for k, v in labels.items() if k != "app"}),
        "annotations": text_maps,
        "pod_annotations": text_maps,
    }
    numbers = st.integers(0, 99)
    services = st.lists(
        st.builds(Service, NAMES, forms(tuple[ServicePort, ...]), forms(ServiceKind), forms(Affinity)),
        max_size=2,
    ).map(tuple)
    rolling = st.builds(
        Strategy, st.just(Upgrade.ROLLING), st.none() | numbers | st.just("25%"), st.none() | numbers
    )
    long = shared | {
        "min_ready": numbers,
        "history_limit": numbers,
        "services": services,
        "strategy": rolling,
    }
    kinds = WorkloadKind
    return st.one_of(
        st.builds(Workload, st.just(kinds.DEPLOYMENT), **long, pods=numbers, progress_deadline=numbers),
        st.builds(
            Workload,
            st.just(kinds.STATEFUL_SET),
            **long,
            pods=numbers,
            pod_management=st.sampled_from(["OrderedReady", "Parallel"]),
            claims=forms(tuple[ClaimTemplate, ...]),
        ),
        st.builds(Workload, st.just(kinds.DAEMON_SET), **long),
        st.builds(Workload, st.just(kinds.JOB), **shared, job=forms(JobSettings)),
        st.builds(
            Workload, st.just(kinds.CRON_JOB), **shared, job=forms(JobSettings), schedule=forms(Schedule)
        ),
    )
