"""The check in the cluster: a pod on each node that is tried, watched until the pull is decided, and removed.

Knows nothing of the image's making: it is told which image, and with which login.
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from wherry.clusters.connection import ClusterConnection, Selection, list_all
from wherry.clusters.errors import ClusterError, ObjectUnknown
from wherry.clusters.kinds import EVENT, POD, SECRET, Kind, Object, name_of, namespace_of
from wherry.clusters.pull_check.pods import CHECK, check_labels, check_pod, is_over, outcome_of
from wherry.clusters.pull_check.targets import Targets
from wherry.clusters.pull_secrets.documents import RegistryLogin, secret_object, write_content
from wherry.clusters.watching.mirror import Mirror
from wherry.clusters.watching.pull_failures import PullFailure, not_started, too_slow
from wherry.clusters.watching.seen import SeenNode
from wherry.kit.clock import Clock

SECONDS = 90.0
# How long removing may take, after whatever happened before.
_CLEARING = 20.0
_ROLE = "check"
# What nodes tell of a pod whose images they have not come to.
_KEPT_FROM_PULLING = frozenset(
    {"FailedCreatePodSandBox", "FailedMount", "NetworkNotReady", "FailedScheduling"}
)


@dataclass(frozen=True, slots=True)
class Asked:
    """`check` is an id of its own. `login` is put into a secret for the time; `secrets` are there already."""

    check: str
    image: str
    namespace: str = "default"
    login: RegistryLogin | None = None
    secrets: tuple[str, ...] = ()
    seconds: float = SECONDS


@dataclass(frozen=True, slots=True)
class NodeResult:
    """`node` is empty where there is none of the architecture. `failure` None: it has pulled."""

    node: str
    architecture: str
    failure: PullFailure | None
    seconds: float

    @property
    def is_well(self) -> bool:
        return self.failure is None


@dataclass(frozen=True, slots=True)
class PullCheck:
    """What came of it, by node. `left` is what could not be removed, for the next check to clear away."""

    image: str
    results: tuple[NodeResult, ...]
    left: tuple[str, ...]

    @property
    def is_well(self) -> bool:
        """Every architecture that was to be tried was tried, and pulled."""
        return bool(self.results) and all(one.is_well for one in self.results)


async def run_check(connection: ClusterConnection, asked: Asked, targets: Targets, clock: Clock) -> PullCheck:
    """Takes `asked.seconds` at the most, and some to remove what was made: also after a failure or cancel.

    Raises `ClusterCallFailed`: the cluster's own rules may refuse the pod or the secret.
    """
    await _clear(connection, clock, "")
    ends = clock.now() + timedelta(seconds=asked.seconds + 2 * _CLEARING)
    labels = check_labels(asked.check, ends)
    left: tuple[str, ...] = ()
    try:
        results = await _try(connection, asked, targets.nodes, labels, clock) if targets.nodes else ()
    finally:
        left = await _clear(connection, clock, asked.check, asked.namespace)
    missing = tuple(NodeResult("", named, failure, 0.0) for named, failure in targets.missing)
    return PullCheck(asked.image, (*results, *missing), left)


async def _try(
    connection: ClusterConnection,
    asked: Asked,
    nodes: Sequence[SeenNode],
    labels: dict[str, str],
    clock: Clock,
) -> tuple[NodeResult, ...]:
    secrets = list(asked.secrets)
    if asked.login is not None:
        name = f"wherry-pull-check-{asked.check}"
        content = write_content((asked.login,))
        made = secret_object(name, asked.namespace, content, role=_ROLE, source="pull check", labels=labels)
        await connection.create(made)
        secrets.append(name)
    news = asyncio.Event()
    which = Selection(asked.namespace, labels=f"{CHECK}={asked.check}")
    pods = Mirror(connection, POD, _whole, clock, which=which, changed=lambda _key: news.set())
    watching = asyncio.create_task(pods.run())
    began = asyncio.get_running_loop().time()
    try:
        tried = {}
        for number, node in enumerate(nodes):
            name = f"wherry-pull-check-{asked.check}-{number}"
            pod = check_pod(
                name, asked.namespace, node.name, asked.image, secrets, labels, int(asked.seconds + _CLEARING)
            )
            await connection.create(pod)
            tried[name] = node
        return await _decide(connection, asked, tried, pods, news, began)
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def _decide(
    connection: ClusterConnection,
    asked: Asked,
    tried: dict[str, SeenNode],
    pods: Mirror[Object],
    news: asyncio.Event,
    began: float,
) -> tuple[NodeResult, ...]:
    time = asyncio.get_running_loop().time
    found: dict[str, NodeResult] = {}
    try:
        async with asyncio.timeout(asked.seconds):
            while len(found) < len(tried):
                await news.wait()
                news.clear()
                for (_, name), pod in list(pods.items.items()):
                    outcome = None if name in found else outcome_of(pod)
                    if outcome is not None and name in tried:
                        node, took = tried[name], round(time() - began, 1)
                        failure = None if outcome is True else outcome
                        assert failure is None or isinstance(failure, PullFailure)
                        found[name] = NodeResult(node.name, node.architecture, failure, took)
    except TimeoutError:
        late = [name for name in tried if name not in found]
        for name, failure in (await _why_late(connection, asked, late, pods.problem)).items():
            node = tried[name]
            found[name] = NodeResult(node.name, node.architecture, failure, round(time() - began, 1))
    return tuple(found[name] for name in tried)


async def _why_late(
    connection: ClusterConnection, asked: Asked, names: Collection[str], problem: str | None
) -> dict[str, PullFailure]:
    """By what the cluster has told of these pods: did it come to a pull at all?"""
    try:
        events = await list_all(connection, EVENT, Selection(asked.namespace))
    except ClusterError as error:
        return {name: too_slow(asked.seconds, problem or str(error)) for name in names}
    found = {}
    for name in names:
        told = [one for one in events if (one.get("involvedObject") or {}).get("name") == name]
        kept_from = [str(one.get("message", "")) for one in told if one.get("reason") in _KEPT_FROM_PULLING]
        failed = [str(one.get("message", "")) for one in told if one.get("reason") == "Failed"]
        if kept_from and not any(one.get("reason") == "Pulling" for one in told):
            found[name] = not_started(kept_from[-1])
        else:
            found[name] = too_slow(asked.seconds, problem or (failed[-1] if failed else ""))
    return found


async def _clear(
    connection: ClusterConnection, clock: Clock, check: str, namespace: str | None = None
) -> tuple[str, ...]:
    """What this check has made, or with an empty id what earlier ones left; what is still there, in words.

    The pods go first: they name the secret.
    """
    left: list[str] = []
    which = Selection(namespace, labels=f"{CHECK}={check}" if check else CHECK)
    try:
        async with asyncio.timeout(_CLEARING):
            for kind in (POD, SECRET):
                for made in await list_all(connection, kind, which):
                    if check or is_over(made, clock.now()):
                        left += await _remove(connection, kind, made)
    except (TimeoutError, ClusterError) as error:
        # Leftovers of others are no reason not to check.
        return (
            (*left, f"what carries the label {CHECK}: {str(error) or 'no answer in time'}") if check else ()
        )
    return tuple(left)


async def _remove(connection: ClusterConnection, kind: Kind, made: Object) -> list[str]:
    try:
        await connection.delete(kind, name_of(made), namespace_of(made), uid=str(made["metadata"]["uid"]))
    except ObjectUnknown:
        return []
    except ClusterError as error:
        return [f"{kind} {namespace_of(made)}/{name_of(made)}: {error}"]
    return []


def _whole(live: Object) -> Object:
    return live
