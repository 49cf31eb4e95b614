"""What is wrong with a request, in words and all at once, before any cluster is asked.

The cluster's own rules are wider and change; what they refuse comes back in the cluster's words. Here is what
people get wrong most, and what would be lost between form and YAML.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import fields

from wherry.clusters.errors import InvalidRequest
from wherry.clusters.workloads.build import MANAGED_BY, SELECTOR, TIME_ZONE_MOUNT, TIME_ZONE_VOLUME
from wherry.clusters.workloads.images import wrong_image
from wherry.clusters.workloads.names import (
    wrong_amount,
    wrong_key,
    wrong_label,
    wrong_labels,
    wrong_object_name,
    wrong_part,
    wrong_port,
    wrong_port_name,
    wrong_schedule,
    wrong_service_name,
    wrong_variable,
)
from wherry.clusters.workloads.pods import Container, Hook, Probe, Variable, Variables, Volume
from wherry.clusters.workloads.request import (
    Affinity,
    Service,
    ServiceKind,
    Strategy,
    Upgrade,
    Workload,
    WorkloadKind,
)

MAX_PODS = 100_000
MAX_DESCRIPTION = 1000
NODE_PORTS = range(30000, 32768)

# Names of pods are made from these, with more behind them.
_LONGEST = {WorkloadKind.CRON_JOB: 52, WorkloadKind.STATEFUL_SET: 52}
_DEPLOYMENT, _SET, _DAEMONS = WorkloadKind.DEPLOYMENT, WorkloadKind.STATEFUL_SET, WorkloadKind.DAEMON_SET
_JOB, _CRON = WorkloadKind.JOB, WorkloadKind.CRON_JOB
# What only some kinds have: elsewhere it would be dropped without a word.
_ONLY = {
    "pods": (_DEPLOYMENT, _SET),
    "strategy": (_DEPLOYMENT, _SET, _DAEMONS),
    "min_ready": (_DEPLOYMENT, _SET, _DAEMONS),
    "history_limit": (_DEPLOYMENT, _SET, _DAEMONS),
    "progress_deadline": (_DEPLOYMENT,),
    "pod_management": (_SET,),
    "claims": (_SET,),
    "job": (_JOB, _CRON),
    "schedule": (_CRON,),
}
_UPGRADES = {
    _DEPLOYMENT: (Upgrade.ROLLING, Upgrade.REPLACE),
    _SET: (Upgrade.ROLLING, Upgrade.ON_DELETE),
    _DAEMONS: (Upgrade.ROLLING, Upgrade.ON_DELETE),
}


def check(request: Workload) -> None:
    """Raises `InvalidRequest` with a sentence for each problem."""
    problems = tuple(dict.fromkeys(problem for problem in _all(request) if problem is not None))
    if problems:
        raise InvalidRequest(problems)


def _all(request: Workload) -> Iterator[str | None]:
    yield wrong_label("workload name", request.name, _LONGEST.get(request.kind, 63))
    yield wrong_label("namespace", request.namespace)
    if len(request.description) > MAX_DESCRIPTION:
        yield f"the description has at most {MAX_DESCRIPTION} characters"
    yield from _kind(request)
    yield from wrong_labels("label", request.labels)
    for taken in (SELECTOR, MANAGED_BY):
        if taken in request.labels:
            yield f"the label {taken} is set by Wherry"
    for key in (*request.annotations, *request.pod_annotations):
        yield wrong_key("annotation", key)
    yield from _pod(request)
    for service in request.services:
        yield from _service(request, service)
    yield from _twice("service", (service.name for service in request.services))


def _kind(request: Workload) -> Iterator[str | None]:
    for field in fields(Workload):
        kinds = _ONLY.get(field.name, (request.kind,))
        if request.kind not in kinds and getattr(request, field.name) != field.default:
            yield f"a {request.kind} has no {field.name.replace('_', ' ')}"
    if request.kind.has_replicas and (request.pods is None or not 0 <= request.pods <= MAX_PODS):
        yield f"the number of pods is from 0 to {MAX_PODS}"
    yield from _strategy(request.kind, request.strategy)
    yield from _times(request)
    if request.pod_management not in ("OrderedReady", "Parallel"):
        yield "the pod management of a StatefulSet is OrderedReady or Parallel"
    for claim in request.claims:
        yield wrong_label("volume claim", claim.name)
        yield wrong_amount(f"size of {claim.name}", claim.size)


def _times(request: Workload) -> Iterator[str | None]:
    if request.kind is WorkloadKind.CRON_JOB:
        yield "a CronJob needs a schedule" if request.schedule is None else None
        if request.schedule is not None:
            yield wrong_schedule(request.schedule.schedule)
            if request.schedule.concurrency not in ("Allow", "Forbid", "Replace"):
                yield "the concurrency of a CronJob is Allow, Forbid or Replace"
    if request.kind.is_batch:
        if request.pod.restart_policy not in ("Never", "OnFailure"):
            yield f"the restart policy of a {request.kind}'s pods is Never or OnFailure"
        if request.job.completions < 1 or request.job.parallelism < 0 or request.job.retries < 0:
            yield "completions are at least 1, parallelism and retries at least 0"
    elif request.pod.restart_policy != "Always":
        yield f"the restart policy of a {request.kind}'s pods is Always"


def _strategy(kind: WorkloadKind, strategy: Strategy) -> Iterator[str | None]:
    if strategy.kind not in _UPGRADES.get(kind, (strategy.kind,)):
        yield f"a {kind} is not upgraded by {strategy.kind}"
    if strategy.kind is not Upgrade.ROLLING and (strategy.max_surge or strategy.max_unavailable) is not None:
        yield "only a rolling upgrade has a surge and a part that may be unavailable"
    yield wrong_part("max surge", strategy.max_surge)
    yield wrong_part("max unavailable", strategy.max_unavailable)
    if strategy.max_surge in (0, "0%") and strategy.max_unavailable in (0, "0%"):
        yield "max surge and max unavailable are not both 0: no pod could ever be exchanged"


def _pod(request: Workload) -> Iterator[str | None]:
    pod = request.pod
    if not pod.containers:
        yield "there is no container; choose an image"
    yield from _twice("container", (container.name for container in request.containers))
    yield from _twice("volume", (volume.name for volume in pod.volumes))
    yield from _twice("credential", (secret.name for secret in pod.pull_secrets))
    claimed = {claim.name for claim in request.claims}
    known = {volume.name for volume in pod.volumes} | claimed
    if TIME_ZONE_VOLUME.name in known:
        yield f"the volume {TIME_ZONE_VOLUME.name} is that of time-zone synchronization; rename yours"
    for secret in pod.pull_secrets:
        yield wrong_object_name("image access credential", secret.name)
    for volume in pod.volumes:
        yield from _volume(volume)
    for container in request.containers:
        for problem in _container(request, container, known):
            yield None if problem is None else f"container {container.name[:63]!r}: {problem}"
    if pod.termination_grace < 0:
        yield "the termination grace period is not negative"
    if not request.kind.is_batch and any(
        probe for container in pod.init_containers for probe in (container.liveness, container.readiness)
    ):
        yield "init containers have no probes: they come to an end"


def _container(request: Workload, container: Container, volumes: set[str]) -> Iterator[str | None]:
    yield wrong_label("name", container.name)
    yield wrong_image(container.image)
    for kind, amounts in (("request", container.resources.requests), ("limit", container.resources.limits)):
        for resource, amount in amounts.items():
            yield wrong_key(kind, resource)
            yield wrong_amount(f"{resource} {kind}", amount)
    for port in container.ports:
        yield wrong_port("port", port.number)
        yield None if port.name is None else wrong_port_name(port.name)
    yield from _twice("port name", (port.name for port in container.ports if port.name))
    yield from _twice("environment variable", (variable.name for variable in container.variables))
    for variable in container.variables:
        yield from _variable(variable)
    for source in container.variables_from:
        yield from _variables(source)
    yield from _mounts(request, container, volumes)
    for name in ("liveness", "readiness", "startup"):
        probe: Probe | None = getattr(container, name)
        if probe is not None:
            yield from _probe(name, probe)
    hooks = container.lifecycle
    if hooks is not None:
        for name, hook in (("post-start", hooks.post_start), ("pre-stop", hooks.pre_stop)):
            if hook is not None:
                yield from _hook(name, hook)


def _mounts(request: Workload, container: Container, volumes: set[str]) -> Iterator[str | None]:
    yield from _twice("mount at", (mount.path for mount in container.mounts))
    for mount in container.mounts:
        if mount.volume not in volumes:
            yield f"it mounts the volume {mount.volume[:63]!r}, which there is not"
        if not mount.path.startswith("/") or ":" in mount.path:
            yield f"mount path {mount.path[:80]!r}: it starts with '/' and has no ':'"
        if request.syncs_time_zone and mount.path == TIME_ZONE_MOUNT.path:
            yield f"{mount.path} is mounted by time-zone synchronization"


def _variable(variable: Variable) -> Iterator[str | None]:
    yield wrong_variable(variable.name)
    source = variable.source
    if source is None:
        return
    if variable.value is not None:
        yield f"environment variable {variable.name}: either a value or a source"
    yield _one_of(
        f"source of {variable.name}", source.config_map, source.secret, source.field, source.resource
    )


def _variables(source: Variables) -> Iterator[str | None]:
    yield _one_of("source of environment variables", source.config_map, source.secret)
    if source.prefix:
        yield wrong_variable(source.prefix)


def _probe(name: str, probe: Probe) -> Iterator[str | None]:
    yield _one_of(f"{name} check", probe.http, probe.tcp, probe.command, probe.grpc)
    for port in (probe.http.port if probe.http else None, probe.tcp.port if probe.tcp else None):
        yield None if port is None else wrong_port(f"port of the {name} check", port)
    if probe.initial_delay < 0 or min(probe.period, probe.timeout, probe.successes, probe.failures) < 1:
        yield f"{name} check: times and thresholds are at least 1, the delay at least 0"
    if name != "readiness" and probe.successes != 1:
        yield f"{name} check: the success threshold is 1"


def _hook(name: str, hook: Hook) -> Iterator[str | None]:
    yield _one_of(f"{name} hook", hook.command, hook.http, hook.sleep)
    if hook.http is not None:
        yield wrong_port(f"port of the {name} hook", hook.http.port)


def _volume(volume: Volume) -> Iterator[str | None]:
    yield wrong_label("volume", volume.name)
    yield _one_of(
        f"source of the volume {volume.name[:63]}",
        volume.host_path,
        volume.empty_dir,
        volume.claim,
        volume.config_map,
        volume.secret,
    )
    named = volume.claim or volume.config_map or volume.secret
    yield None if named is None else wrong_object_name(f"source of the volume {volume.name[:63]}", named.name)
    if volume.empty_dir is not None and volume.empty_dir.size_limit is not None:
        yield wrong_amount(f"size of the volume {volume.name[:63]}", volume.empty_dir.size_limit)
    if volume.host_path is not None and ".." in volume.host_path.path.split("/"):
        yield f"path of the volume {volume.name[:63]}: it has no '..'"


def _service(request: Workload, service: Service) -> Iterator[str | None]:
    yield wrong_service_name(service.name)
    if request.kind.is_batch:
        yield f"a {request.kind} has no service"
    if service.is_headless and service.kind is not ServiceKind.CLUSTER_IP:
        yield f"service {service.name}: a headless service is of the kind ClusterIP"
    if service.affinity is Affinity.NODE and service.kind is ServiceKind.CLUSTER_IP:
        yield f"service {service.name}: keeping to the own node is for NodePort and LoadBalancer"
    if not service.ports and not service.is_headless:
        yield f"service {service.name}: it has no port"
    if len(service.ports) > 1 and not all(port.name for port in service.ports):
        yield f"service {service.name}: where there are several ports, each has a name"
    yield from _twice("port name", (port.name for port in service.ports if port.name))
    for port in service.ports:
        yield wrong_port("service port", port.port)
        yield wrong_port("container port", port.target)
        yield None if port.name is None else wrong_port_name(port.name)
        if port.node_port is not None and port.node_port not in NODE_PORTS:
            yield f"node port {port.node_port}: from {NODE_PORTS[0]} to {NODE_PORTS[-1]}"
        if port.node_port is not None and service.kind is ServiceKind.CLUSTER_IP:
            yield f"service {service.name}: a ClusterIP has no node port"


def _one_of(what: str, *given: object) -> str | None:
    count = sum(one is not None for one in given)
    return None if count == 1 else f"{what}: exactly one is given, here {count}"


def _twice(what: str, names: Iterable[str]) -> Iterator[str]:
    for name, count in Counter(names).items():
        if count > 1:
            yield f"{what} {name[:80]!r} is there {count} times"
