"""Workloads of a cluster: listed and shown by its watch; previewed and applied from a form or as YAML."""

from typing import Annotated, Any

from fastapi import Query
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.clusters.connection import ClusterConnection
from wherry.clusters.errors import InvalidRequest, ObjectExists, ObjectUnknown
from wherry.clusters.kinds import SERVICE, Object, kind_of, name_of, namespace_of
from wherry.clusters.watching.cluster_watch import ClusterWatch
from wherry.clusters.watching.mirror import Mirror
from wherry.clusters.watching.seen import SeenPod, SeenWorkload, Word
from wherry.clusters.workloads.change import plan_deletion
from wherry.clusters.workloads.deploy import Deployed, deploy, preview
from wherry.clusters.workloads.events import list_events
from wherry.clusters.workloads.parse import parse
from wherry.clusters.workloads.platform_check import refuse_where_no_node_fits
from wherry.clusters.workloads.request import WorkloadKind
from wherry.clusters.workloads.server_defaults import without_defaults
from wherry.clusters.yaml_text import write_yaml
from wherry.web.api.call import Admitted, Call
from wherry.web.api.cluster_seen import NOT_SEEN, SeenPageDocument, freshness, seen, seen_page
from wherry.web.api.clusters import AWAY
from wherry.web.api.documents import DEFAULT_PAGE, Cursor, Limit, answer
from wherry.web.api.operations import Operation
from wherry.web.api.workload_documents import (
    DeployedDocument,
    EventsDocument,
    ManifestDocument,
    WantedDeployment,
    WorkloadDetailDocument,
    WorkloadDocument,
    deployed_document,
    detail_document,
    event_document,
    workload_document,
)
from wherry.web.api.workload_forms import WorkloadForm, body_of
from wherry.web.api.workload_images import images_of, misfits_of
from wherry.web.api.workload_requests import Named, named_in, objects_of
from wherry.web.routes import Audit

_NAME = 253
InNamespace = Annotated[str | None, Query(max_length=63, description="Only of this namespace.")]
OfKind = Annotated[WorkloadKind | None, Query(description="Only of this kind.")]
WithStatus = Annotated[Word | None, Query(description="Only with this status.")]
Contains = Annotated[str, Query(max_length=_NAME, description="A part of the name.")]
WithImage = Annotated[str, Query(max_length=512, description="A part of the name of one of its images.")]
ByWherry = Annotated[bool | None, Query(description="Only what Wherry made, or only what it did not.")]


async def list_workloads(
    call: Admitted,
    cluster: str,
    namespace: InNamespace = None,
    kind: OfKind = None,
    status: WithStatus = None,
    contains: Contains = "",
    image: WithImage = "",
    is_ours: ByWherry = None,
    limit: Limit = DEFAULT_PAGE,
    cursor: Cursor = None,
) -> Response:
    """The workloads of the cluster, by namespace, kind and name, as its watch has seen them.

    Jobs that a CronJob made are found by their CronJob.
    """
    watch = seen(call, _workloads)

    def fits(one: SeenWorkload) -> bool:
        return (
            namespace in (None, one.namespace)
            and kind in (None, one.kind)
            and status in (None, one.word)
            and contains in one.name
            and (not image or any(image in each for each in one.images))
            and is_ours in (None, one.is_ours)
            and not (one.kind == "Job" and one.owner)
        )

    mirrors = _workloads(watch)
    found = sorted((one for mirror in mirrors for one in mirror.items.values() if fits(one)), key=_key)
    return seen_page(call, mirrors, found, workload_document, _key, limit, cursor)


async def show_workload(call: Admitted, cluster: str, namespace: str, kind: str, workload: str) -> Response:
    """One workload with its pods, why images are not pulled, what runs, and whether a newer one is there."""
    named = named_in(call)
    watch, found, pods = _found(call, named)
    images = await images_of(call, found, pods)
    how = freshness((watch.workloads[str(named.kind)], watch.pods))
    return answer(detail_document(found, pods, images, how))


async def show_workload_manifest(
    call: Admitted, cluster: str, namespace: str, kind: str, workload: str
) -> Response:
    """The workload and its services as YAML without the cluster's defaults, and as the form."""
    named = named_in(call)

    async def ask(connection: ClusterConnection) -> tuple[Object, ...]:
        live = await connection.get(named.kind, named.name, named.namespace)
        plan = await plan_deletion(connection, named.kind, named.name, named.namespace)
        services = [await connection.get(SERVICE, name, named.namespace) for name in plan.services]
        return (live, *services)

    objects = await call.ask(ask)
    form: Any = None
    problems: tuple[str, ...] = ()
    try:
        form = body_of(WorkloadForm, parse(objects))
    except InvalidRequest as error:
        problems = error.problems
    text = write_yaml(*(without_defaults(one) for one in objects))
    return answer(ManifestDocument(yaml=text, workload=form, not_in_the_form=list(problems)))


async def list_workload_events(
    call: Admitted, cluster: str, namespace: str, kind: str, workload: str
) -> Response:
    """What the cluster said of the workload and of what was made for it in the last hour, newest first."""
    named = named_in(call)
    found = await call.ask(
        lambda connection: list_events(connection, named.kind, named.name, named.namespace)
    )
    return answer(EventsDocument(items=[event_document(one) for one in found]))


async def preview_workload(call: Admitted, cluster: str, body: WantedDeployment) -> Response:
    """What applying would do: tried by the cluster itself, with its defaults, quotas and webhooks."""
    objects = objects_of(body)

    async def ask(connection: ClusterConnection) -> tuple[tuple[Deployed, ...], list[str]]:
        planned = await preview(connection, objects, force=body.force)
        _refuse_what_is_there(connection, body, planned)
        return planned, [str(one) for one in await misfits_of(call, connection, objects)]

    return answer(deployed_document(*await call.ask(ask)))


async def apply_workload(call: Admitted, cluster: str, body: WantedDeployment) -> Response:
    """Make a workload with its services, or change the one of that name.

    The cluster tries it first. What fails although it was tried leaves nothing half-made. An image that no
    node can run is refused, unless with `force`. Sent twice it is the same as once.
    """
    objects = objects_of(body)

    async def ask(connection: ClusterConnection) -> tuple[tuple[Deployed, ...], list[str]]:
        misfits = await misfits_of(call, connection, objects)
        if not body.force:
            refuse_where_no_node_fits(misfits)
        if body.only_new:
            _refuse_what_is_there(connection, body, await preview(connection, objects, force=body.force))
        done = await deploy(connection, objects, force=body.force)
        return done, [str(one) for one in misfits]

    done, warnings = await call.ask(ask)
    await call.note({"objects": [_said(one.object) for one in done], "force": body.force})
    return answer(deployed_document(done, warnings))


def _found(call: Call, named: Named) -> tuple[ClusterWatch, SeenWorkload, tuple[SeenPod, ...]]:
    watch = seen(call, _workloads)
    found = watch.workloads[str(named.kind)].items.get((named.namespace, named.name))
    if found is None:
        raise ObjectUnknown(call.cluster.name, f"there is no {named}")
    return watch, found, watch.pods_of(found)


def _workloads(watch: ClusterWatch) -> tuple[Mirror[Any], ...]:
    return tuple(watch.workloads.values())


def _key(one: SeenWorkload) -> str:
    return f"{one.namespace}/{one.kind}/{one.name}"


def _refuse_what_is_there(
    connection: ClusterConnection, body: WantedDeployment, planned: tuple[Deployed, ...]
) -> None:
    there = [_said(one.object) for one in planned if one.was_there]
    if body.only_new and there:
        raise ObjectExists(connection.cluster, f"there is {', '.join(there)} already")


def _said(made: Object) -> str:
    return f"{kind_of(made)} {namespace_of(made)}/{name_of(made)}"


_ALL = "/clusters/{cluster}/workloads"
ONE = "/clusters/{cluster}/namespaces/{namespace}/workloads/{kind}/{workload}"
_SEE, _DEPLOY = Action.CLUSTER_SEE, Action.CLUSTER_DEPLOY
OPERATIONS = (
    Operation(
        "GET",
        _ALL,
        _SEE,
        list_workloads,
        SeenPageDocument[WorkloadDocument],
        tag="workloads",
        errors=NOT_SEEN,
    ),
    Operation("POST", _ALL, _DEPLOY, apply_workload, DeployedDocument, tag="workloads", errors=AWAY),
    Operation(
        "POST",
        "/clusters/{cluster}/workload-previews",
        _DEPLOY,
        preview_workload,
        DeployedDocument,
        tag="workloads",
        errors=AWAY,
        audit=Audit.NOTHING,
    ),
    Operation("GET", ONE, _SEE, show_workload, WorkloadDetailDocument, tag="workloads", errors=NOT_SEEN),
    Operation(
        "GET", f"{ONE}/manifest", _SEE, show_workload_manifest, ManifestDocument, tag="workloads", errors=AWAY
    ),
    Operation(
        "GET", f"{ONE}/events", _SEE, list_workload_events, EventsDocument, tag="workloads", errors=AWAY
    ),
)
