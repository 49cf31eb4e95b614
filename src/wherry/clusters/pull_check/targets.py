"""Which nodes are tried: one of each architecture, or those that somebody names. Pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from wherry.clusters.errors import InvalidRequest
from wherry.clusters.watching.pull_failures import PullFailure, no_node
from wherry.clusters.watching.seen import SeenNode

MAX_NODES = 50


@dataclass(frozen=True, slots=True)
class Wanted:
    """Empty: one node of each architecture. `every_node` takes all that are ready."""

    nodes: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()
    every_node: bool = False


EACH_ARCHITECTURE = Wanted()


@dataclass(frozen=True, slots=True)
class Targets:
    """`missing` are architectures, and nodes, that there is no ready node for, with the reason."""

    nodes: tuple[SeenNode, ...]
    missing: tuple[tuple[str, PullFailure], ...]

    @property
    def architectures(self) -> frozenset[str]:
        return frozenset(node.architecture for node in self.nodes)


def choose_targets(nodes: Iterable[SeenNode], wanted: Wanted) -> Targets:
    """Raises `InvalidRequest` for a node that is not there, and for more nodes than are tried at once."""
    known = sorted(nodes, key=lambda node: node.name)
    if wanted.nodes:
        return _named(known, wanted.nodes)
    able = [node for node in known if node.is_ready and node.is_schedulable]
    asked = wanted.architectures or tuple(sorted({node.architecture for node in able}))
    chosen, missing = [], []
    for architecture in dict.fromkeys(asked):
        of_it = [node for node in able if node.architecture == architecture]
        chosen += of_it if wanted.every_node else of_it[:1]
        if not of_it:
            words = _counted(node for node in known if node.architecture == architecture)
            missing.append((architecture, no_node(words)))
    if not chosen and not missing:
        missing.append(("", no_node(_counted(known))))
    return _limited(Targets(tuple(chosen), tuple(missing)))


def _named(known: Sequence[SeenNode], names: Collection[str]) -> Targets:
    there = {node.name: node for node in known}
    problems = tuple(f"the cluster has no node {name[:80]!r}" for name in names if name not in there)
    if problems:
        raise InvalidRequest(problems)
    chosen = [there[name] for name in dict.fromkeys(names)]
    # A cordoned node that somebody names is tried: that is what they want to know.
    down = tuple((node.name, no_node(_counted([node]))) for node in chosen if not node.is_ready)
    return _limited(Targets(tuple(node for node in chosen if node.is_ready), down))


def _limited(targets: Targets) -> Targets:
    if len(targets.nodes) > MAX_NODES:
        raise InvalidRequest(
            (f"{len(targets.nodes)} nodes are more than the {MAX_NODES} that are tried at once; name some",)
        )
    return targets


def _counted(nodes: Iterable[SeenNode]) -> str:
    listed = list(nodes)
    down = sum(not node.is_ready for node in listed)
    cordoned = sum(node.is_ready and not node.is_schedulable for node in listed)
    return f"{len(listed)} nodes, of which {down} are not ready and {cordoned} are cordoned"
