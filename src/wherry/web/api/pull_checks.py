"""The pull check: can nodes of a cluster pull from this registry, and if not, why not."""

from pydantic import Field
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.clusters.pull_check.check import SECONDS, NodeResult
from wherry.clusters.pull_check.targets import Wanted as WantedNodes
from wherry.web.api.call import Admitted
from wherry.web.api.clusters import AWAY
from wherry.web.api.documents import NO_ZERO, Document, Flag, Wanted, answer
from wherry.web.api.operations import Operation
from wherry.web.pull_checking import LONGEST_SECONDS, CheckRequest, PullChecking, check_pulls


class WantedPullCheck(Wanted):
    """What is to be tried. By itself: Wherry's own tiny image, on a node of each architecture."""

    namespace: str = Field(default="default", max_length=253, pattern=NO_ZERO)
    nodes: list[str] = Field(default=[], max_length=100, description="Only these nodes.")
    architectures: list[str] = Field(
        default=[], max_length=20, description="Only a node of each of these, such as `arm64`."
    )
    every_node: Flag = Field(default=False, description="Every node that is ready.")
    image: str | None = Field(
        default=None,
        max_length=1000,
        pattern=NO_ZERO,
        description="This image in place of Wherry's own, with the pull secrets that are named.",
    )
    pull_secrets: list[str] = Field(default=[], max_length=20, description="Secrets of the namespace.")
    seconds: float = Field(
        default=SECONDS, ge=1, le=LONGEST_SECONDS, description="How long nodes may take for it."
    )


class NodeCheckDocument(Document):
    """How it went on one node."""

    node: str | None = Field(description="Null where there is no node of the architecture.")
    architecture: str | None
    pulls: bool
    seconds: float
    part: str | None = Field(description="What failed, such as `dns`, `tls` or `credentials`.")
    reason: str | None
    mend: str | None = Field(description="What helps.")
    words: str | None = Field(description="What the cluster itself said.")


class PullCheckDocument(Document):
    """How it went."""

    pulls: bool = Field(description="Whether all that was tried has pulled.")
    image: str
    nodes: list[NodeCheckDocument]
    left: list[str] = Field(description="What could not be removed again; the next check removes it.")


async def check_cluster_pulls(call: Admitted, cluster: str, body: WantedPullCheck) -> Response:
    """Have pods in the cluster pull an image, and say which part fails and what mends it.

    All that is made for it is removed again. It takes as long as the slowest node, `seconds` at the most.
    """
    services = call.services
    parts = PullChecking(
        services.database,
        services.store,
        services.intake,
        services.sealer,
        services.clock,
        services.clusters.registry.host,
    )
    wanted = WantedNodes(tuple(body.nodes), tuple(body.architectures), body.every_node)
    request = CheckRequest(body.namespace, wanted, body.image, tuple(body.pull_secrets), body.seconds)
    done = await call.ask(lambda connection: check_pulls(parts, connection, request))
    await call.note({"pull_check": done.image, "pulls": done.is_well})
    nodes = [_node(one) for one in done.results]
    return answer(PullCheckDocument(pulls=done.is_well, image=done.image, nodes=nodes, left=list(done.left)))


def _node(one: NodeResult) -> NodeCheckDocument:
    failure = one.failure
    return NodeCheckDocument(
        node=one.node or None,
        architecture=one.architecture or None,
        pulls=one.is_well,
        seconds=one.seconds,
        part=None if failure is None else failure.part.value,
        reason=None if failure is None else failure.reason,
        mend=None if failure is None else failure.mend,
        words=None if failure is None else failure.words or None,
    )


OPERATIONS = (
    Operation(
        "POST",
        "/clusters/{cluster}/pull-checks",
        Action.CLUSTER_DEPLOY,
        check_cluster_pulls,
        PullCheckDocument,
        tag="clusters",
        errors=AWAY,
    ),
)
