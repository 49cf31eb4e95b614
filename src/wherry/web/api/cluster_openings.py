"""To which further organizations a cluster is open, and up to which level."""

from enum import StrEnum

from pydantic import Field
from sqlalchemy import Connection
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.access.decisions import authorize
from wherry.access.levels import Level
from wherry.clusters.errors import ClusterForbidden
from wherry.clusters.rights import close_cluster, open_cluster, openings_of
from wherry.web.api.call import Admitted, Call, organization_name
from wherry.web.api.documents import (
    DEFAULT_PAGE,
    Cursor,
    Document,
    Limit,
    PageDocument,
    Wanted,
    answer,
    no_content,
)
from wherry.web.api.listed import page_of
from wherry.web.api.operations import Operation
from wherry.web.api.problems import Problem
from wherry.web.rights import organization_for


class OpenedFor(StrEnum):
    """A level that a cluster may be opened for."""

    READ = "read"
    WRITE = "write"


class OpeningDocument(Document):
    """An organization whose members may use the cluster, each at most by their own level there."""

    organization: str
    level: str = Field(description="At most so: `read` or `write`.")


class WantedOpening(Wanted):
    """For what it is opened."""

    level: OpenedFor


async def list_openings(
    call: Admitted, cluster: str, limit: Limit = DEFAULT_PAGE, cursor: Cursor = None
) -> Response:
    """The organizations that the cluster is open to, by name."""
    found = await call.read(lambda tx: _openings(tx, call))
    page, following = page_of(found, lambda each: each.organization, limit, cursor)
    return call.page(PageDocument(items=page, next=following))


async def put_opening(call: Admitted, cluster: str, opened_to: str, body: WantedOpening) -> Response:
    """Open the cluster to an organization. It may then pull the images of that one, so this takes edit there.

    Members of the organization have the lower of `level` and of their own level.
    """
    name = organization_name(opened_to)
    organization = await organization_for(call.services, call.actor, name)
    decision = authorize(call.actor, Action.CLUSTER_REGISTER, organization)
    if not decision.allowed:
        raise ClusterForbidden(f"the cluster could pull the images of {name}: {decision.reason}")

    def work(tx: Connection) -> OpeningDocument:
        call.require_match(_opening(tx, call, name))
        open_cluster(tx, call.cluster.name, name, Level.parse(body.level.value))
        return OpeningDocument(organization=name, level=body.level.value)

    return answer(await call.write(work, {"opened_to": name, "level": body.level.value}))


async def delete_opening(call: Admitted, cluster: str, opened_to: str) -> Response:
    """Close the cluster to an organization again."""
    name = organization_name(opened_to)

    def work(tx: Connection) -> None:
        call.require_match(_opening(tx, call, name))
        if not close_cluster(tx, call.cluster.name, name):
            raise Problem(404, "opening_unknown", f"the cluster {call.cluster.name} is not open to {name}")

    await call.write(work, {"closed_to": name})
    return no_content()


def _openings(tx: Connection, call: Call) -> list[OpeningDocument]:
    return [
        OpeningDocument(organization=name, level=level.word)
        for name, level in sorted(openings_of(tx, call.cluster).items())
    ]


def _opening(tx: Connection, call: Call, name: str) -> OpeningDocument | None:
    return next((one for one in _openings(tx, call) if one.organization == name), None)


_ALL = "/clusters/{cluster}/openings"
_ONE = f"{_ALL}/{{opened_to}}"
OPERATIONS = (
    Operation("GET", _ALL, Action.CLUSTER_SEE, list_openings, PageDocument[OpeningDocument]),
    Operation("PUT", _ONE, Action.CLUSTER_OPEN, put_opening, OpeningDocument),
    Operation("DELETE", _ONE, Action.CLUSTER_CHANGE, delete_opening, status=204),
)
