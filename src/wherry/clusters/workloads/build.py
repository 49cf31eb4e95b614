"""From a request to plain Kubernetes objects, without a look at any cluster: what is applied and shown."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from wherry.clusters.kinds import Object
from wherry.clusters.workloads.forms import write
from wherry.clusters.workloads.pods import HostPath, Mount, Pod, Volume
from wherry.clusters.workloads.request import (
    ClaimTemplate,
    Service,
    Strategy,
    Upgrade,
    Workload,
    WorkloadKind,
)

MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGER = "wherry"
SELECTOR = "app"
DESCRIPTION = "wherry.dev/description"

# Not to be edited or deleted by hand, says the form; by this name it is known as ours.
TIME_ZONE_VOLUME = Volume("wherry-time-zone", host_path=HostPath("/etc/localtime", "File"))
TIME_ZONE_MOUNT = Mount("wherry-time-zone", "/etc/localtime", is_read_only=True)

VERSIONS = {
    WorkloadKind.DEPLOYMENT: "apps/v1",
    WorkloadKind.STATEFUL_SET: "apps/v1",
    WorkloadKind.DAEMON_SET: "apps/v1",
    WorkloadKind.JOB: "batch/v1",
    WorkloadKind.CRON_JOB: "batch/v1",
}


def build(request: Workload) -> tuple[Object, ...]:
    """The workload, then its services. Pure: the same request gives the same objects."""
    made: Object = {
        "apiVersion": VERSIONS[request.kind],
        "kind": request.kind.value,
        "metadata": _metadata(request),
        "spec": _spec(request),
    }
    return (made, *(_service(request, service) for service in request.services))


def with_time_zone(pod: Pod) -> Pod:
    """The pod whose containers have their node's time zone, read only."""

    def mounted(container: Any) -> Any:
        return replace(container, mounts=(*container.mounts, TIME_ZONE_MOUNT))

    return replace(
        pod,
        containers=tuple(mounted(container) for container in pod.containers),
        init_containers=tuple(mounted(container) for container in pod.init_containers),
        volumes=(*pod.volumes, TIME_ZONE_VOLUME),
    )


def _metadata(request: Workload) -> Object:
    metadata: Object = {
        "name": request.name,
        "namespace": request.namespace,
        "labels": _labels(request) | {MANAGED_BY: MANAGER},
    }
    annotations = dict(request.annotations)
    if request.description:
        annotations[DESCRIPTION] = request.description
    if annotations:
        metadata["annotations"] = annotations
    return metadata


def _labels(request: Workload) -> dict[str, str]:
    return {SELECTOR: request.name, **request.labels}


def _spec(request: Workload) -> Object:
    template = _template(request)
    if request.kind is WorkloadKind.CRON_JOB:
        assert request.schedule is not None, "the request was checked"
        job = write(request.job) | {"template": template}
        return write(request.schedule) | {"jobTemplate": {"spec": job}}
    if request.kind is WorkloadKind.JOB:
        # Its selector is the cluster's to make.
        return write(request.job) | {"template": template}
    spec: Object = {"selector": {"matchLabels": {SELECTOR: request.name}}, "template": template}
    if request.kind.has_replicas:
        spec["replicas"] = request.pods
    if request.min_ready:
        spec["minReadySeconds"] = request.min_ready
    spec["revisionHistoryLimit"] = request.history_limit
    strategy = _strategy(request.strategy)
    if request.kind is WorkloadKind.DEPLOYMENT:
        spec |= {"strategy": strategy, "progressDeadlineSeconds": request.progress_deadline}
    else:
        spec["updateStrategy"] = strategy
    if request.kind is WorkloadKind.STATEFUL_SET:
        spec["podManagementPolicy"] = request.pod_management
        headless = [service.name for service in request.services if service.is_headless]
        if headless:
            spec["serviceName"] = headless[0]
        if request.claims:
            spec["volumeClaimTemplates"] = [_claim(claim) for claim in request.claims]
    return spec


def _strategy(strategy: Strategy) -> Object:
    made: Object = {"type": strategy.kind.value}
    if strategy.kind is Upgrade.ROLLING:
        numbers = {"maxSurge": strategy.max_surge, "maxUnavailable": strategy.max_unavailable}
        given = {key: value for key, value in numbers.items() if value is not None}
        if given:
            made["rollingUpdate"] = given
    return made


def _template(request: Workload) -> Object:
    metadata: Object = {"labels": _labels(request)}
    if request.pod_annotations:
        metadata["annotations"] = dict(request.pod_annotations)
    pod = with_time_zone(request.pod) if request.syncs_time_zone else request.pod
    return {"metadata": metadata, "spec": write(pod)}


def _claim(claim: ClaimTemplate) -> Object:
    spec: Object = {
        "accessModes": list(claim.access_modes),
        "resources": {"requests": {"storage": claim.size}},
    }
    if claim.storage_class is not None:
        spec["storageClassName"] = claim.storage_class
    return {"metadata": {"name": claim.name}, "spec": spec}


def _service(request: Workload, service: Service) -> Object:
    spec: dict[str, Any] = {"selector": {SELECTOR: request.name}, "type": service.kind.value}
    if service.is_headless:
        spec["clusterIP"] = "None"
    if service.affinity.value != "Cluster":
        spec["externalTrafficPolicy"] = service.affinity.value
    spec["ports"] = [write(port) for port in service.ports]
    labels: Mapping[str, str] = {SELECTOR: request.name, MANAGED_BY: MANAGER}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": service.name, "namespace": request.namespace, "labels": dict(labels)},
        "spec": spec,
    }
