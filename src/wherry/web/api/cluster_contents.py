"""What a cluster has beside workloads: namespaces and nodes, as its watch sees them."""

from typing import Annotated

from fastapi import Query
from pydantic import Field
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.clusters.kinds import Object, name_of
from wherry.clusters.pull_secrets.default_secret import is_off
from wherry.clusters.watching.seen import SeenNode
from wherry.web.api.call import Admitted
from wherry.web.api.cluster_seen import NOT_SEEN, SeenPageDocument, seen, seen_page
from wherry.web.api.documents import DEFAULT_PAGE, Cursor, Document, Limit
from wherry.web.api.operations import Operation

Contains = Annotated[str, Query(max_length=253, description="A part of the name.")]
OfArchitecture = Annotated[
    str | None, Query(max_length=32, description="Only nodes of this one, such as `arm64`.")
]


class NamespaceDocument(Document):
    """A namespace of a cluster."""

    name: str
    is_ending: bool
    has_default_secret: bool = Field(description="Whether there is a `default-secret`, of whomever.")
    default_secret_is_off: bool = Field(description="Whether none is made here, by the namespace's label.")


class NodeDocument(Document):
    """A node of a cluster."""

    name: str
    architecture: str
    is_ready: bool
    is_schedulable: bool


async def list_namespaces(
    call: Admitted, cluster: str, contains: Contains = "", limit: Limit = DEFAULT_PAGE, cursor: Cursor = None
) -> Response:
    """The namespaces of the cluster, by name."""
    watch = seen(call, lambda of: (of.namespaces,))
    secrets = watch.default_secrets.items

    def show(one: Object) -> NamespaceDocument:
        name = name_of(one)
        return NamespaceDocument(
            name=name,
            is_ending=bool(one["metadata"].get("deletionTimestamp")),
            has_default_secret=any(namespace == name for namespace, _ in secrets),
            default_secret_is_off=is_off(one),
        )

    found = sorted((one for one in watch.namespaces.items.values() if contains in name_of(one)), key=name_of)
    return seen_page(call, (watch.namespaces,), found, show, name_of, limit, cursor)


async def list_nodes(
    call: Admitted,
    cluster: str,
    architecture: OfArchitecture = None,
    limit: Limit = DEFAULT_PAGE,
    cursor: Cursor = None,
) -> Response:
    """The nodes of the cluster with their architectures, by name."""
    watch = seen(call, lambda of: (of.nodes,))

    def show(one: SeenNode) -> NodeDocument:
        return NodeDocument(
            name=one.name,
            architecture=one.architecture,
            is_ready=one.is_ready,
            is_schedulable=one.is_schedulable,
        )

    def name(one: SeenNode) -> str:
        return one.name

    nodes = (one for one in watch.nodes.items.values() if architecture in (None, one.architecture))
    return seen_page(call, (watch.nodes,), sorted(nodes, key=name), show, name, limit, cursor)


_SEE = Action.CLUSTER_SEE
OPERATIONS = (
    Operation(
        "GET",
        "/clusters/{cluster}/namespaces",
        _SEE,
        list_namespaces,
        SeenPageDocument[NamespaceDocument],
        errors=NOT_SEEN,
    ),
    Operation(
        "GET", "/clusters/{cluster}/nodes", _SEE, list_nodes, SeenPageDocument[NodeDocument], errors=NOT_SEEN
    ),
)
