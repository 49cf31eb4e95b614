"""Clusters that join by an agent: the invitation that their owner applies, and how the agent is."""

from collections.abc import Callable
from datetime import datetime

from pydantic import Field
from sqlalchemy import Connection
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.audit.entries import Kind, Target
from wherry.clusters.joining import Agent, Invitation, Joining, begin_join, find_agent, invite_again
from wherry.clusters.register import MAX_DESCRIPTION
from wherry.web.api.call import Admitted, Call
from wherry.web.api.documents import NO_ZERO, Document, Flag, Wanted, answer
from wherry.web.api.operations import Operation


class WantedJoining(Wanted):
    """A cluster that is to join."""

    name: str = Field(min_length=1, max_length=63, description="Lowercase letters, digits and '-'.")
    description: str = Field(default="", max_length=MAX_DESCRIPTION, pattern=NO_ZERO)
    makes_default_secret: Flag = Field(
        default=True, description="Keep a `default-secret` for pulling in every namespace."
    )


class InvitationDocument(Document):
    """What the cluster's owner needs, once."""

    cluster: str
    url: str | None = Field(description="The agent's manifest. Null in a repeated answer.")
    command: str | None = Field(description="What to run in the cluster. Null in a repeated answer.")
    expires_at: datetime


class AgentDocument(Document):
    """How a cluster is reached."""

    by: str = Field(description="`agent`, or `kubeconfig` for a cluster that has none.")
    connected: bool = Field(description="Whether the agent holds its connection.")
    host: str | None = Field(description="The pod that it runs in, by its own words.")
    machine: str | None = Field(description="The machine of Wherry that holds it; only that one reaches it.")
    problem: str | None = Field(description="Why an agent with a good credential is not let in.")
    connected_at: datetime | None
    left_at: datetime | None
    invited_until: datetime | None = Field(description="Until when an invitation can be used; null: none.")


async def join_organization_cluster(call: Admitted, organization: str, body: WantedJoining) -> Response:
    """Register a cluster of the organization that joins by an agent, and get the line that its owner runs."""
    return await _begin(call, body, call.organization)


async def join_site_cluster(call: Admitted, body: WantedJoining) -> Response:
    """Register a cluster of the whole site that joins by an agent, and get the line that its owner runs."""
    return await _begin(call, body, None)


async def invite_cluster_again(call: Admitted, cluster: str) -> Response:
    """Another invitation: once its agent has connected, the credential of the one before ends."""
    return await _answer(call, lambda tx: invite_again(tx, call.cluster.name, call.now))


async def show_agent(call: Admitted, cluster: str) -> Response:
    """How a cluster is reached, and since when its agent is connected or away."""
    found = await call.read(lambda tx: find_agent(tx, call.cluster))
    return answer(_document(found))


async def _begin(call: Call, body: WantedJoining, organization: str | None) -> Response:
    call.target = Target(Kind.CLUSTER, body.name, organization)
    asked = Joining(body.name, organization, body.description, body.makes_default_secret)
    sealer = call.services.sealer
    return await _answer(
        call, lambda tx: begin_join(tx, sealer, asked, created_by=call.user_id, now=call.now)
    )


async def _answer(call: Call, work: Callable[[Connection], Invitation]) -> Response:
    origin = call.services.origin.of(call.request.scope)

    def show(made: Invitation) -> InvitationDocument:
        url = f"{origin}/join/{made.token}"
        command = f"kubectl apply -f {url}"
        return InvitationDocument(
            cluster=made.cluster.name, url=url, command=command, expires_at=made.expires_at
        )

    return await call.create(
        work,
        show,
        location=lambda made: f"/api/v1/clusters/{made.cluster.name}",
        kept=lambda made: show(made).model_copy(update={"url": None, "command": None}),
        detail={"by": "agent"},
    )


def _document(agent: Agent | None) -> AgentDocument:
    if agent is None:
        return AgentDocument(
            by="kubeconfig",
            connected=False,
            host=None,
            machine=None,
            problem=None,
            connected_at=None,
            left_at=None,
            invited_until=None,
        )
    return AgentDocument(
        by="agent",
        connected=agent.tunnel is not None,
        host=agent.host,
        machine=agent.machine,
        problem=agent.problem,
        connected_at=agent.connected_at,
        left_at=agent.left_at,
        invited_until=agent.invited_until,
    )


OPERATIONS = (
    Operation(
        "POST",
        "/joining-clusters",
        Action.CLUSTER_REGISTER_FOR_SITE,
        join_site_cluster,
        InvitationDocument,
        status=201,
        tag="clusters",
    ),
    Operation(
        "POST",
        "/organizations/{organization}/joining-clusters",
        Action.CLUSTER_REGISTER,
        join_organization_cluster,
        InvitationDocument,
        status=201,
        tag="clusters",
    ),
    Operation(
        "POST",
        "/clusters/{cluster}/invitation",
        Action.CLUSTER_CHANGE,
        invite_cluster_again,
        InvitationDocument,
        status=201,
    ),
    Operation("GET", "/clusters/{cluster}/agent", Action.CLUSTER_SEE, show_agent, AgentDocument),
)
