"""From Kubernetes objects back to the request: "edit as YAML" and "edit in the form" are the same thing.

What the API server fills in by itself is left out; what the form has no field for is refused, field by field,
so that nothing is lost by looking at a workload in the form.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from wherry.clusters.errors import InvalidRequest
from wherry.clusters.kinds import Object
from wherry.clusters.workloads.build import (
    DESCRIPTION,
    MANAGED_BY,
    MANAGER,
    SELECTOR,
    TIME_ZONE_MOUNT,
    TIME_ZONE_VOLUME,
    VERSIONS,
)
from wherry.clusters.workloads.forms import Unread, read
from wherry.clusters.workloads.pods import Pod
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
from wherry.clusters.workloads.server_defaults import without_defaults

_JOB = ("completions", "parallelism", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished")


def parse(objects: Sequence[Object]) -> Workload:
    """The request that these objects are built from; live ones and hand-written ones too.

    Raises `InvalidRequest` with each field that the form does not have.
    """
    problems: list[str] = []
    main = [made for made in objects if made.get("kind") in VERSIONS]
    others = [made for made in objects if made.get("kind") not in VERSIONS]
    if len(main) != 1:
        raise InvalidRequest((f"there has to be one workload ({', '.join(VERSIONS)}), here are {len(main)}",))
    strange = [str(made.get("kind")) for made in others if made.get("kind") != "Service"]
    if strange:
        raise InvalidRequest((f"the form has no {', '.join(strange)}",))
    try:
        return _Reader(without_defaults(main[0]), problems).workload(
            [without_defaults(made) for made in others]
        )
    except Unread as error:
        raise InvalidRequest((*problems, *error.problems)) from None


class _Reader:
    """Takes out of the workload what it knows; what is left at the end is not in the form."""

    def __init__(self, made: Object, problems: list[str]) -> None:
        self._made = made
        self._problems = problems
        self._service_name: str | None = None

    def workload(self, services: Sequence[Object]) -> Workload:
        kind = WorkloadKind(self._made["kind"])
        if self._made.get("apiVersion") != VERSIONS[kind]:
            self._problems.append(f"apiVersion of a {kind} is {VERSIONS[kind]} here")
        metadata = _mapping(self._made.get("metadata"), "metadata")
        spec = dict(_mapping(self._made.get("spec"), "spec"))
        name, namespace = str(metadata.get("name", "")), str(metadata.get("namespace") or "default")
        if not name:
            self._problems.append("metadata.name is missing")
        schedule, job, template = self._times(kind, spec)
        labels = self._labels(metadata, name, "metadata", managed=True)
        pod, synced, pod_annotations = self._template(template, name, labels)
        annotations = dict(_texts(metadata.get("annotations"), "metadata.annotations"))
        description = annotations.pop(DESCRIPTION, "")
        self._leftovers(metadata, {"name", "namespace", "labels", "annotations"}, "metadata")
        self._leftovers(self._made, {"apiVersion", "kind", "metadata", "spec"}, "")
        made = Workload(
            kind=kind,
            name=name,
            pod=pod,
            namespace=namespace,
            description=description,
            syncs_time_zone=synced,
            labels=labels,
            annotations=annotations,
            pod_annotations=pod_annotations,
            job=job,
            schedule=schedule,
        )
        if not kind.is_batch:
            made = self._long_running(made, spec)
        self._leftovers(spec, set(), "spec")
        made = replace(made, services=tuple(self._service(service, made) for service in services))
        headless = [service.name for service in made.services if service.is_headless]
        if self._service_name is not None and self._service_name not in headless[:1]:
            self._problems.append(f"spec.serviceName: the headless service {self._service_name} is not here")
        if self._problems:
            raise Unread([])
        return made

    def _times(
        self, kind: WorkloadKind, spec: dict[str, Any]
    ) -> tuple[Schedule | None, JobSettings, Mapping[str, Any]]:
        schedule = None
        if kind is WorkloadKind.CRON_JOB:
            holder = dict(_mapping(spec.pop("jobTemplate", {}), "spec.jobTemplate"))
            inner = dict(_mapping(holder.pop("spec", {}), "spec.jobTemplate.spec"))
            self._leftovers(holder, set(), "spec.jobTemplate")
            schedule = read(Schedule, {key: spec.pop(key) for key in tuple(spec)}, "spec")
            spec.update(inner)
        job = JobSettings()
        if kind.is_batch:
            job = read(JobSettings, {key: spec.pop(key) for key in _JOB if key in spec}, "spec")
        return schedule, job, _mapping(spec.pop("template", {}), "spec.template")

    def _template(
        self, template: Mapping[str, Any], name: str, labels: Mapping[str, str]
    ) -> tuple[Pod, bool, dict[str, str]]:
        metadata = _mapping(template.get("metadata", {}), "spec.template.metadata")
        if self._labels(metadata, name, "spec.template.metadata", managed=False) != labels:
            self._problems.append("spec.template.metadata.labels are not those of metadata.labels")
        self._leftovers(metadata, {"labels", "annotations"}, "spec.template.metadata")
        self._leftovers(template, {"metadata", "spec"}, "spec.template")
        pod = read(Pod, template.get("spec"), "spec.template.spec")
        pod, synced = _without_time_zone(pod)
        return pod, synced, dict(_texts(metadata.get("annotations"), "spec.template.metadata.annotations"))

    def _labels(self, metadata: Mapping[str, Any], name: str, where: str, *, managed: bool) -> dict[str, str]:
        labels = dict(_texts(metadata.get("labels"), f"{where}.labels"))
        if managed and labels.get(MANAGED_BY) == MANAGER:
            del labels[MANAGED_BY]
        if labels.pop(SELECTOR, name) != name:
            self._problems.append(f"{where}.labels.{SELECTOR} is the workload's name in the form")
        return labels

    def _long_running(self, made: Workload, spec: dict[str, Any]) -> Workload:
        selector = spec.pop("selector", None)
        if selector != {"matchLabels": {SELECTOR: made.name}}:
            self._problems.append(f"spec.selector is not matchLabels {SELECTOR}: {made.name}")
        if made.kind.has_replicas:
            made = replace(made, pods=_number(spec.pop("replicas", 1), "spec.replicas"))
        made = replace(
            made,
            min_ready=_number(spec.pop("minReadySeconds", 0), "spec.minReadySeconds"),
            history_limit=_number(spec.pop("revisionHistoryLimit", 10), "spec.revisionHistoryLimit"),
        )
        if made.kind is WorkloadKind.DEPLOYMENT:
            deadline = _number(spec.pop("progressDeadlineSeconds", 600), "spec.progressDeadlineSeconds")
            made = replace(made, progress_deadline=deadline)
        key = "strategy" if made.kind is WorkloadKind.DEPLOYMENT else "updateStrategy"
        made = replace(made, strategy=self._strategy(spec.pop(key, {}), f"spec.{key}"))
        if made.kind is WorkloadKind.STATEFUL_SET:
            self._service_name = spec.pop("serviceName", None) or None
            made = replace(
                made,
                pod_management=str(spec.pop("podManagementPolicy", "OrderedReady")),
                claims=tuple(_claim(claim) for claim in spec.pop("volumeClaimTemplates", ())),
            )
        return made

    def _strategy(self, value: object, where: str) -> Strategy:
        strategy = _mapping(value, where)
        rolling = _mapping(strategy.get("rollingUpdate", {}), f"{where}.rollingUpdate")
        self._leftovers(strategy, {"type", "rollingUpdate"}, where)
        self._leftovers(rolling, {"maxSurge", "maxUnavailable"}, f"{where}.rollingUpdate")
        try:
            kind = Upgrade(strategy.get("type", "RollingUpdate"))
        except ValueError:
            raise Unread([f"{where}.type can be {', '.join(Upgrade)}"]) from None
        return Strategy(kind, rolling.get("maxSurge"), rolling.get("maxUnavailable"))

    def _service(self, service: Mapping[str, Any], made: Workload) -> Service:
        metadata, spec = _mapping(service.get("metadata"), "metadata"), _mapping(service.get("spec"), "spec")
        name = str(metadata.get("name", ""))
        where = f"Service {name}: "
        if spec.get("selector") != {SELECTOR: made.name}:
            self._problems.append(f"{where}spec.selector is not {SELECTOR}: {made.name}")
        if str(metadata.get("namespace") or "default") != made.namespace:
            self._problems.append(f"{where}it is in another namespace")
        address = spec.get("clusterIP")
        known = {"selector", "type", "externalTrafficPolicy", "ports", "clusterIP"}
        self._leftovers(spec, known, f"{where}spec")
        try:
            kind = ServiceKind(spec.get("type", "ClusterIP"))
            affinity = Affinity(spec.get("externalTrafficPolicy", "Cluster"))
        except ValueError as error:
            raise Unread([f"{where}{error}"]) from None
        ports = spec.get("ports") or []
        read_ports = (read(ServicePort, port, f"{where}ports[{at}]") for at, port in enumerate(ports))
        return Service(name, tuple(read_ports), kind, affinity, is_headless=address == "None")

    def _leftovers(self, value: Mapping[str, Any], known: set[str], where: str) -> None:
        for key in value:
            if key not in known:
                path = f"{where}.{key}" if where else str(key)
                self._problems.append(f"{path} is not a part of the form")


def _without_time_zone(pod: Pod) -> tuple[Pod, bool]:
    containers = (*pod.containers, *pod.init_containers)
    everywhere = all(TIME_ZONE_MOUNT in container.mounts for container in containers)
    if TIME_ZONE_VOLUME not in pod.volumes or not everywhere:
        return pod, False

    def without(container: Any) -> Any:
        return replace(
            container, mounts=tuple(mount for mount in container.mounts if mount != TIME_ZONE_MOUNT)
        )

    return (
        replace(
            pod,
            containers=tuple(without(container) for container in pod.containers),
            init_containers=tuple(without(container) for container in pod.init_containers),
            volumes=tuple(volume for volume in pod.volumes if volume != TIME_ZONE_VOLUME),
        ),
        True,
    )


def _claim(value: object) -> ClaimTemplate:
    claim = _mapping(value, "spec.volumeClaimTemplates[]")
    metadata, spec = _mapping(claim.get("metadata"), "metadata"), _mapping(claim.get("spec"), "spec")
    requests = _mapping(_mapping(spec.get("resources"), "resources").get("requests"), "requests")
    if set(spec) - {"accessModes", "resources", "storageClassName"} or set(requests) != {"storage"}:
        raise Unread([f"the volume claim {metadata.get('name')} has more than the form has fields for"])
    modes = tuple(str(mode) for mode in spec.get("accessModes") or ())
    return ClaimTemplate(
        str(metadata.get("name")), str(requests["storage"]), spec.get("storageClassName"), modes
    )


def _mapping(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Unread([f"{where} is no object"])
    return value


def _texts(value: object, where: str) -> Mapping[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise Unread([f"{where} are not all texts; numbers and true need quotes there"])
    return value


def _number(value: object, where: str) -> int:
    if type(value) is not int:
        raise Unread([f"{where} is no whole number"])
    return value
