"""Workloads of a fleet: deployed to all of its clusters side by side, with what came of it in each."""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.access.levels import Level
from wherry.clusters.cluster import Cluster
from wherry.clusters.connection import ClusterConnection
from wherry.clusters.errors import ClusterError
from wherry.clusters.federations.differences import Difference
from wherry.clusters.federations.fleet import FleetShare, Outcome, delete_from_all, deploy_to_all, look_at_all
from wherry.clusters.federations.fleet_workloads import (
    FleetRequest,
    FleetWorkload,
    check_request,
    forget_workload,
    get_request,
    get_workload,
    list_workloads,
    record_outcomes,
    remember_request,
    to_repeat,
)
from wherry.clusters.federations.fleets import clusters_for, clusters_of
from wherry.clusters.rights import visible_names
from wherry.kit.secrets import UnreadableSecret
from wherry.web.api.call import Admitted, Call
from wherry.web.api.documents import DEFAULT_PAGE, Cursor, Limit, PageDocument, answer
from wherry.web.api.fleet_documents import (
    FleetDeployedDocument,
    FleetOutcomeDocument,
    FleetShareDocument,
    FleetStatusDocument,
    FleetWorkloadDocument,
    WantedFleetDeployment,
    fleet_workload_facts,
)
from wherry.web.api.fleets import fleet_of
from wherry.web.api.listed import page_of
from wherry.web.api.operations import Operation
from wherry.web.api.workload_documents import deployed_document, workload_document
from wherry.web.api.workload_forms import form_of
from wherry.web.api.workload_requests import named_in, objects_of
from wherry.web.routes import Audit

Reached = tuple[tuple[Cluster, ...], dict[str, str]]
# By name; and why there is no connection to others.
_Connected = tuple[dict[str, ClusterConnection], dict[str, str]]


async def list_fleet_workloads(
    call: Admitted, fleet: str, limit: Limit = DEFAULT_PAGE, cursor: Cursor = None
) -> Response:
    """What was deployed to the fleet, by namespace, kind and name."""

    def work(tx: Connection) -> tuple[tuple[FleetWorkload, ...], frozenset[str] | None]:
        return list_workloads(tx, fleet_of(tx, call)), visible_names(tx, call.actor)

    def key(one: FleetWorkload) -> str:
        return f"{one.namespace}/{one.kind}/{one.name}"

    found, visible = await call.read(work)
    page, following = page_of(sorted(found, key=key), key, limit, cursor)
    items = [FleetWorkloadDocument(**fleet_workload_facts(one, visible)) for one in page]
    return call.page(PageDocument(items=items, next=following))


async def preview_fleet_workload(call: Admitted, fleet: str, body: WantedFleetDeployment) -> Response:
    """What applying would do, tried by each of the clusters that you may deploy to."""
    request = _request(body)

    def work(tx: Connection) -> Reached:
        found = fleet_of(tx, call)
        check_request(request, {one.name for one in clusters_of(tx, found)})
        return clusters_for(tx, call.actor, found, Level.WRITE)

    may, refused = await call.read(work)
    return answer(_document(await _deploy(call, may, request, body.force, dry_run=True), refused))


async def apply_fleet_workload(call: Admitted, fleet: str, body: WantedFleetDeployment) -> Response:
    """Make a workload in all clusters of the fleet, or change the one of that name.

    A cluster that fails keeps no other from its own; where you may not deploy is told. It is remembered, so
    that a part can be repeated.
    """
    request = _request(body)

    def work(tx: Connection) -> tuple[FleetWorkload, Reached]:
        found = fleet_of(tx, call)
        known = remember_request(tx, call.services.sealer, found, request, call.user_id, call.now)
        return known, clusters_for(tx, call.actor, found, Level.WRITE)

    known, (may, refused) = await call.services.database.write(work)
    return await _apply(call, known, request, may, refused, body.force)


async def repeat_fleet_workload(
    call: Admitted, fleet: str, namespace: str, kind: str, workload: str
) -> Response:
    """What was asked for last, in the clusters where it failed, or that came to the fleet since."""
    it = named_in(call)

    def work(tx: Connection) -> tuple[FleetWorkload, FleetRequest, Reached]:
        found = fleet_of(tx, call)
        known = get_workload(tx, found, str(it.kind), it.name, it.namespace)
        left = {one.name for one in to_repeat(tx, found, known)}
        may, refused = clusters_for(tx, call.actor, found, Level.WRITE)
        reached = (
            tuple(one for one in may if one.name in left),
            {name: why for name, why in refused.items() if name in left},
        )
        return known, get_request(tx, call.services.sealer, known), reached

    known, request, (may, refused) = await call.read(work)
    return await _apply(call, known, request, may, refused, force=False)


async def show_fleet_workload(
    call: Admitted, fleet: str, namespace: str, kind: str, workload: str
) -> Response:
    """What was deployed, and how it fares now in each cluster that you may see."""
    it = named_in(call)

    def work(tx: Connection) -> tuple[FleetWorkload, frozenset[str] | None, Reached]:
        found = fleet_of(tx, call)
        known = get_workload(tx, found, str(it.kind), it.name, it.namespace)
        return known, visible_names(tx, call.actor), clusters_for(tx, call.actor, found, Level.READ)

    known, visible, (may, _) = await call.read(work)
    async with _connected(call, may) as (connections, problems):
        shares = await look_at_all(connections, it.kind, it.name, it.namespace)
    shares |= {name: FleetShare(None, why) for name, why in problems.items()}
    items = [
        FleetShareDocument(
            cluster=name,
            workload=None if share.workload is None else workload_document(share.workload),
            problem=share.problem,
        )
        for name, share in shares.items()
    ]
    return answer(FleetStatusDocument(**fleet_workload_facts(known, visible), shares=items))


async def delete_fleet_workload(
    call: Admitted, fleet: str, namespace: str, kind: str, workload: str
) -> Response:
    """Delete the workload from all clusters of the fleet. Where that fails it is remembered."""
    it = named_in(call)

    def work(tx: Connection) -> tuple[FleetWorkload, Reached, int]:
        found = fleet_of(tx, call)
        known = get_workload(tx, found, str(it.kind), it.name, it.namespace)
        reached = clusters_for(tx, call.actor, found, Level.WRITE)
        return known, reached, len(clusters_of(tx, found))

    known, (may, refused), count = await call.read(work)
    async with _connected(call, may) as (connections, unreached):
        done = await delete_from_all(connections, it.kind, it.name, it.namespace)
    problems = {**refused, **unreached, **done}
    is_gone = len(problems) == count and not any(problems.values())
    told = {"deleted": str(it), "failed": [name for name, why in problems.items() if why]}
    await call.write(lambda tx: forget_workload(tx, known) if is_gone else None, told)
    outcomes = [
        FleetOutcomeDocument(cluster=name, problem=why, objects=[]) for name, why in sorted(problems.items())
    ]
    return answer(FleetDeployedDocument(outcomes=outcomes))


async def _apply(
    call: Call,
    known: FleetWorkload,
    request: FleetRequest,
    may: Collection[Cluster],
    refused: Mapping[str, str],
    force: bool,
) -> Response:
    done = await _deploy(call, may, request, force, dry_run=False)
    problems = {**refused, **{name: outcome.problem for name, outcome in done.items()}}
    told = {
        "on": f"{known.kind} {known.namespace}/{known.name}",
        "clusters": [name for name, why in problems.items() if why is None],
        "failed": [name for name, why in problems.items() if why is not None],
    }
    await call.write(lambda tx: record_outcomes(tx, known, problems, call.now), told)
    return answer(_document(done, refused))


async def _deploy(
    call: Call, may: Collection[Cluster], request: FleetRequest, force: bool, *, dry_run: bool
) -> dict[str, Outcome]:
    async with _connected(call, may) as (connections, problems):
        done = await deploy_to_all(connections, request.for_cluster, force=force, dry_run=dry_run)
    return done | {name: Outcome((), why) for name, why in problems.items()}


@asynccontextmanager
async def _connected(call: Call, clusters: Collection[Cluster]) -> AsyncIterator[_Connected]:
    connections: dict[str, ClusterConnection] = {}
    problems: dict[str, str] = {}
    async with AsyncExitStack() as stack:
        for one in clusters:
            try:
                reached = call.services.clusters.connected(one)
                connections[one.name] = await stack.enter_async_context(reached)
            except (ClusterError, UnreadableSecret) as error:
                problems[one.name] = str(error)
        yield connections, problems


def _request(body: WantedFleetDeployment) -> FleetRequest:
    differences = tuple(form_of(Difference, one) for one in body.differences)
    return FleetRequest(objects_of(body), differences)


def _document(done: Mapping[str, Outcome], refused: Mapping[str, str]) -> FleetDeployedDocument:
    outcomes = [
        FleetOutcomeDocument(
            cluster=name,
            problem=outcome.problem,
            objects=deployed_document(outcome.deployed, []).objects,
        )
        for name, outcome in done.items()
    ]
    outcomes += [FleetOutcomeDocument(cluster=name, problem=why, objects=[]) for name, why in refused.items()]
    return FleetDeployedDocument(outcomes=sorted(outcomes, key=lambda one: one.cluster))


_ALL = "/fleets/{fleet}/workloads"
_ONE = "/fleets/{fleet}/namespaces/{namespace}/workloads/{kind}/{workload}"
_SEE, _DEPLOY = Action.FLEET_SEE, Action.FLEET_DEPLOY
_MORE: dict[str, Any] = {"errors": (502,)}
OPERATIONS = (
    Operation("GET", _ALL, _SEE, list_fleet_workloads, PageDocument[FleetWorkloadDocument]),
    Operation("POST", _ALL, _DEPLOY, apply_fleet_workload, FleetDeployedDocument, **_MORE),
    Operation(
        "POST",
        "/fleets/{fleet}/workload-previews",
        _DEPLOY,
        preview_fleet_workload,
        FleetDeployedDocument,
        audit=Audit.NOTHING,
        **_MORE,
    ),
    Operation("GET", _ONE, _SEE, show_fleet_workload, FleetStatusDocument, **_MORE),
    Operation("POST", f"{_ONE}/repetition", _DEPLOY, repeat_fleet_workload, FleetDeployedDocument, **_MORE),
    Operation("DELETE", _ONE, _DEPLOY, delete_fleet_workload, FleetDeployedDocument, **_MORE),
)
