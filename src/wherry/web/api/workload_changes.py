"""What is done to a workload that is there: scaled, paused, redeployed, rolled back, deleted."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.responses import Response

from wherry.access.actions import Action
from wherry.clusters.connection import ClusterConnection
from wherry.clusters.kinds import Object
from wherry.clusters.watching.seen import see_workload
from wherry.clusters.workloads.change import (
    Deletion,
    delete,
    history,
    pause,
    plan_deletion,
    redeploy,
    roll_back,
    scale,
)
from wherry.web.api.call import Admitted, Call
from wherry.web.api.clusters import AWAY
from wherry.web.api.documents import answer
from wherry.web.api.operations import Operation
from wherry.web.api.workload_documents import (
    DeletionDocument,
    RevisionsDocument,
    WantedPause,
    WantedPods,
    WantedRollback,
    WorkloadDocument,
    deletion_document,
    revision_document,
    workload_document,
)
from wherry.web.api.workload_requests import Named, named_in
from wherry.web.api.workloads import ONE


async def scale_workload(
    call: Admitted, cluster: str, namespace: str, kind: str, workload: str, body: WantedPods
) -> Response:
    """Change the number of pods of a Deployment or a StatefulSet."""
    return await _changed(
        call,
        lambda connection, it: scale(connection, it.kind, it.name, it.namespace, body.pods),
        {"pods": body.pods},
    )


async def pause_workload(
    call: Admitted, cluster: str, namespace: str, kind: str, workload: str, body: WantedPause
) -> Response:
    """Let the upgrades of a Deployment, the schedule of a CronJob or the work of a Job rest, or go on."""
    return await _changed(
        call,
        lambda connection, it: pause(connection, it.kind, it.name, it.namespace, body.is_paused),
        {"is_paused": body.is_paused},
    )


async def redeploy_workload(
    call: Admitted, cluster: str, namespace: str, kind: str, workload: str
) -> Response:
    """Exchange all pods for new ones of the same template, by the upgrade strategy."""
    return await _changed(
        call,
        lambda connection, it: redeploy(connection, it.kind, it.name, it.namespace, call.now),
        {"redeployed": True},
    )


async def list_workload_revisions(
    call: Admitted, cluster: str, namespace: str, kind: str, workload: str
) -> Response:
    """The versions that the workload can be rolled back to, newest first."""
    it = named_in(call)
    found = await call.ask(lambda connection: history(connection, it.kind, it.name, it.namespace))
    return answer(RevisionsDocument(items=[revision_document(one) for one in found]))


async def roll_back_workload(
    call: Admitted,
    cluster: str,
    namespace: str,
    kind: str,
    workload: str,
    body: WantedRollback | None = None,
) -> Response:
    """Bring an earlier version of the pods back."""
    revision = (body or WantedRollback()).revision
    return await _changed(
        call,
        lambda connection, it: roll_back(connection, it.kind, it.name, it.namespace, revision),
        {"rolled_back_to": revision or "the one before"},
    )


async def show_workload_deletion(
    call: Admitted, cluster: str, namespace: str, kind: str, workload: str
) -> Response:
    """What deleting the workload would take along, and what it would leave."""
    it = named_in(call)
    plan = await call.ask(lambda connection: plan_deletion(connection, it.kind, it.name, it.namespace))
    return answer(deletion_document(plan))


async def delete_workload(call: Admitted, cluster: str, namespace: str, kind: str, workload: str) -> Response:
    """Delete the workload with its pods and the services that were made for it; volumes stay."""
    it = named_in(call)

    async def ask(connection: ClusterConnection) -> Deletion:
        return await delete(connection, it.kind, it.name, it.namespace)

    done = await call.ask(ask)
    await call.note({"deleted": str(it), "services": list(done.services)})
    return answer(deletion_document(done))


async def _changed(
    call: Call,
    change: Callable[[ClusterConnection, Named], Awaitable[Object]],
    detail: Mapping[str, object],
) -> Response:
    it = named_in(call)
    live = await call.ask(lambda connection: change(connection, it))
    await call.note({"workload": str(it), **detail})
    return answer(workload_document(see_workload(live)))


_SEE, _DEPLOY = Action.CLUSTER_SEE, Action.CLUSTER_DEPLOY
_ROWS = (
    ("PUT", "/pods", _DEPLOY, scale_workload, WorkloadDocument),
    ("PUT", "/pause", _DEPLOY, pause_workload, WorkloadDocument),
    ("POST", "/redeployments", _DEPLOY, redeploy_workload, WorkloadDocument),
    ("GET", "/revisions", _SEE, list_workload_revisions, RevisionsDocument),
    ("POST", "/rollbacks", _DEPLOY, roll_back_workload, WorkloadDocument),
    ("GET", "/deletion", _SEE, show_workload_deletion, DeletionDocument),
    ("DELETE", "", _DEPLOY, delete_workload, DeletionDocument),
)
OPERATIONS = tuple(
    Operation(method, f"{ONE}{path}", action, handler, document, tag="workloads", errors=AWAY)
    for method, path, action, handler, document in _ROWS
)
