"""Clusters as documents: what is registered, and how it is."""

from datetime import datetime
from typing import Any

from pydantic import Field

from wherry.access.levels import Level
from wherry.clusters.cluster import Cluster, State
from wherry.clusters.kubeconfig import MAX_BYTES as MAX_KUBECONFIG
from wherry.clusters.register import MAX_DESCRIPTION
from wherry.web.api.call import Call
from wherry.web.api.documents import NO_ZERO, Document, Flag, Wanted


class RegistrationDocument(Document):
    """A cluster as it was registered; what changes by itself is in `state`."""

    name: str
    organization: str | None = Field(description="Whose it is; null for a cluster of the site.")
    description: str
    kind: str = Field(description="`kubernetes`, or `karmada` for a federation.")
    server: str = Field(description="The address of its API.")
    context: str = Field(description="The context of the kubeconfig that its login is from.")
    makes_default_secret: bool = Field(description="Whether a `default-secret` is kept in every namespace.")
    created_by: str | None = Field(description="Who registered it; null for the command line.")
    created_at: datetime
    changed_at: datetime


class StateDocument(Document):
    """How a cluster is, as it was last seen."""

    status: str = Field(description="`Running`, `Unavailable`, or `Unknown` where it was never reached.")
    version: str | None
    nodes: int | None
    nodes_ready: int | None
    architectures: list[str]
    latency: float | None = Field(description="Seconds that its API takes to answer.")
    problem: str | None = Field(description="Why it is not available, in words.")
    seen_at: datetime | None
    stale_since: datetime | None = Field(description="Since when what is shown may be old; null: it is not.")


class ClusterDocument(RegistrationDocument):
    """A cluster. The `ETag` is of what was registered, without `state`."""

    my_level: str = Field(description="Your level: `read` sees it, `write` deploys, `edit` changes it.")
    state: StateDocument


class ListedClusterDocument(RegistrationDocument):
    """A cluster of a list."""

    state: StateDocument


class WantedKubeconfig(Wanted):
    """A kubeconfig to be read."""

    kubeconfig: str = Field(
        min_length=1,
        max_length=MAX_KUBECONFIG,
        pattern=NO_ZERO,
        description="Its text, flattened: no file that it names is read, and nothing in it is run.",
    )


class WantedClusterLogin(WantedKubeconfig):
    """The login to a cluster: one context of a kubeconfig. It is kept sealed, and never shown again."""

    context: str | None = Field(
        default=None, max_length=253, pattern=NO_ZERO, description="Left out: the current one, or the only."
    )
    probe: Flag = Field(default=True, description="Ask the cluster first whether it answers to this login.")


class WantedCluster(WantedClusterLogin):
    """A cluster to be registered."""

    name: str = Field(min_length=1, max_length=63, description="Lowercase letters, digits and '-'.")
    description: str = Field(default="", max_length=MAX_DESCRIPTION, pattern=NO_ZERO)
    makes_default_secret: Flag = Field(
        default=True, description="Keep a `default-secret` for pulling in every namespace."
    )


class ChangedCluster(Wanted):
    """What is to change; what is left out or null stays."""

    name: str | None = Field(default=None, min_length=1, max_length=63)
    description: str | None = Field(default=None, max_length=MAX_DESCRIPTION, pattern=NO_ZERO)
    makes_default_secret: Flag | None = None


class ContextDocument(Document):
    """One context of a kubeconfig."""

    name: str
    server: str | None
    user: str
    namespace: str
    is_current: bool
    refused: str | None = Field(description="Why it cannot be used; null if it can.")


class ContextsDocument(Document):
    """What a kubeconfig has. Nothing of it was tried."""

    items: list[ContextDocument]


def registration_of(cluster: Cluster) -> RegistrationDocument:
    """The part that has an ETag."""
    return RegistrationDocument(**_facts(cluster))


def cluster_document(call: Call, cluster: Cluster, level: Level) -> ClusterDocument:
    """With its state as this process sees it, or as it was last remembered."""
    return ClusterDocument(
        **_facts(cluster), my_level=level.word, state=state_document(state_of(call, cluster))
    )


def listed_document(call: Call, cluster: Cluster) -> ListedClusterDocument:
    """The same for a list."""
    return ListedClusterDocument(**_facts(cluster), state=state_document(state_of(call, cluster)))


def state_of(call: Call, cluster: Cluster) -> State:
    """Seen by this process; remembered by the one that keeps it where this one has seen nothing yet."""
    watch = call.services.clusters.watch_of(cluster)
    seen = None if watch is None else watch.state
    return cluster.state if seen is None or seen.word == "Unknown" else seen


def state_document(state: State) -> StateDocument:
    """As it is shown."""
    return StateDocument(
        status=state.word,
        version=state.version,
        nodes=state.nodes,
        nodes_ready=state.nodes_ready,
        architectures=list(state.architectures),
        latency=state.latency,
        problem=state.problem,
        seen_at=state.seen_at,
        stale_since=state.stale_since,
    )


def _facts(cluster: Cluster) -> dict[str, Any]:
    return {
        "name": cluster.name,
        "organization": cluster.organization,
        "description": cluster.description,
        "kind": cluster.kind.value,
        "server": cluster.server,
        "context": cluster.context,
        "makes_default_secret": cluster.makes_default_secret,
        "created_by": cluster.created_by,
        "created_at": cluster.created_at,
        "changed_at": cluster.changed_at,
    }
