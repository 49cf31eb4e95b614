"""Federations: a registered Karmada's members, and workloads that it spreads over them."""

from typing import Annotated, Any

from fastapi import Query
from pydantic import Field
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.clusters.cluster import ClusterKind
from wherry.clusters.connection import ClusterConnection
from wherry.clusters.errors import InvalidRequest
from wherry.clusters.federations.federate import (
    FederatedWorkload,
    delete_federated,
    deploy_federated,
    list_federated,
    look_federated,
)
from wherry.clusters.federations.members import Member, Share, list_members
from wherry.clusters.federations.placement import Placement
from wherry.clusters.kinds import kind_of, name_of, namespace_of
from wherry.clusters.workloads.check import check
from wherry.clusters.workloads.deploy import Deployed
from wherry.clusters.workloads.names import wrong_label
from wherry.clusters.workloads.request import Workload
from wherry.web.api.call import Admitted, Call
from wherry.web.api.clusters import AWAY
from wherry.web.api.documents import (
    DEFAULT_PAGE,
    Cursor,
    Document,
    Flag,
    Limit,
    PageDocument,
    Wanted,
    answer,
)
from wherry.web.api.listed import page_of
from wherry.web.api.operations import Operation
from wherry.web.api.workload_documents import (
    DeletionDocument,
    DeployedDocument,
    WorkloadDocument,
    deletion_document,
    deployed_document,
    workload_document,
)
from wherry.web.api.workload_forms import PlacementForm, WorkloadForm, form_of
from wherry.web.api.workload_requests import named_in
from wherry.web.routes import Audit

InNamespace = Annotated[str | None, Query(max_length=63, description="Only of this namespace.")]


class MemberDocument(Document):
    """A cluster that is a member of the federation."""

    name: str
    is_ready: bool
    version: str | None
    sync_mode: str
    problem: str | None = Field(description="Why it is not ready, in Karmada's words.")


class ShareDocument(Document):
    """A member's part of a workload, or of a secret that travels with it."""

    member: str
    desired: int | None
    ready: int
    is_applied: bool
    health: str
    problem: str | None


class FederatedWorkloadDocument(Document):
    """A workload that Wherry has placed."""

    namespace: str
    kind: str
    name: str
    members: list[str] = Field(description="Where its pods may be.")
    secrets: list[str] = Field(description="What travels with it to pull by.")


class FederatedStatusDocument(Document):
    """How a workload fares."""

    workload: WorkloadDocument = Field(description="As Karmada sums it up.")
    shares: list[ShareDocument]
    secrets: dict[str, list[ShareDocument]]


class WantedFederated(Wanted):
    """A workload and where its pods go."""

    workload: WorkloadForm
    placement: PlacementForm
    force: Flag = Field(default=False, description="Take fields over from whoever else manages them.")


async def list_federation_members(
    call: Admitted, cluster: str, limit: Limit = DEFAULT_PAGE, cursor: Cursor = None
) -> Response:
    """The members of the federation, by name."""
    _require_federation(call)

    def name(one: Member) -> str:
        return one.name

    page, following = page_of(await call.ask(list_members), name, limit, cursor)
    items = [MemberDocument.model_validate(one, from_attributes=True) for one in page]
    return call.page(PageDocument(items=items, next=following))


async def list_federated_workloads(
    call: Admitted,
    cluster: str,
    namespace: InNamespace = None,
    limit: Limit = DEFAULT_PAGE,
    cursor: Cursor = None,
) -> Response:
    """The workloads that Wherry has placed in the federation, by namespace, kind and name."""
    _require_federation(call)
    wrong = None if namespace is None else wrong_label("namespace", namespace)
    if wrong is not None:
        raise InvalidRequest((wrong,))

    def key(one: FederatedWorkload) -> str:
        return f"{one.namespace}/{one.kind}/{one.name}"

    found = await call.ask(lambda connection: list_federated(connection, namespace))
    page, following = page_of(sorted(found, key=key), key, limit, cursor)
    items = [FederatedWorkloadDocument.model_validate(one, from_attributes=True) for one in page]
    return call.page(PageDocument(items=items, next=following))


async def preview_federated_workload(call: Admitted, cluster: str, body: WantedFederated) -> Response:
    """What applying would do, tried by the federation itself."""
    return answer(deployed_document(await _deploy(call, body, dry_run=True), []))


async def apply_federated_workload(call: Admitted, cluster: str, body: WantedFederated) -> Response:
    """Make a workload with the policies that place it, or change the one of that name.

    What its pods pull with travels along to the members where they may be.
    """
    done = await _deploy(call, body, dry_run=False)
    said = [f"{kind_of(one.object)} {namespace_of(one.object)}/{name_of(one.object)}" for one in done]
    await call.note({"objects": said, "members": sorted(body.placement.members)})
    return answer(deployed_document(done, []))


async def show_federated_workload(
    call: Admitted, cluster: str, namespace: str, kind: str, workload: str
) -> Response:
    """How the workload fares: in all, in each member, and the secrets that travel with it."""
    _require_federation(call)
    it = named_in(call)
    found = await call.ask(lambda connection: look_federated(connection, it.kind, it.name, it.namespace))
    return answer(
        FederatedStatusDocument(
            workload=workload_document(found.workload),
            shares=_shares(found.shares),
            secrets={name: _shares(shares) for name, shares in found.secrets.items()},
        )
    )


async def delete_federated_workload(
    call: Admitted, cluster: str, namespace: str, kind: str, workload: str
) -> Response:
    """Delete the workload from the federation, and so from all members, with its policies."""
    _require_federation(call)
    it = named_in(call)
    done = await call.ask(lambda connection: delete_federated(connection, it.kind, it.name, it.namespace))
    await call.note({"deleted": str(it), "services": list(done.services)})
    return answer(deletion_document(done))


async def _deploy(call: Call, body: WantedFederated, *, dry_run: bool) -> tuple[Deployed, ...]:
    _require_federation(call)
    request: Workload = form_of(Workload, body.workload)
    check(request)
    placement: Placement = form_of(Placement, body.placement)

    async def ask(connection: ClusterConnection) -> tuple[Deployed, ...]:
        return await deploy_federated(connection, request, placement, force=body.force, dry_run=dry_run)

    return await call.ask(ask)


def _require_federation(call: Call) -> None:
    if call.cluster.kind is not ClusterKind.KARMADA:
        raise InvalidRequest((f"the cluster {call.cluster.name} is no federation",))


def _shares(shares: tuple[Share, ...]) -> list[ShareDocument]:
    return [ShareDocument.model_validate(one, from_attributes=True) for one in shares]


_ALL = "/clusters/{cluster}/federated-workloads"
_ONE = "/clusters/{cluster}/namespaces/{namespace}/federated-workloads/{kind}/{workload}"
_SEE, _DEPLOY = Action.CLUSTER_SEE, Action.CLUSTER_DEPLOY
_MORE: dict[str, Any] = {"tag": "federations", "errors": AWAY}
OPERATIONS = (
    Operation(
        "GET",
        "/clusters/{cluster}/members",
        _SEE,
        list_federation_members,
        PageDocument[MemberDocument],
        **_MORE,
    ),
    Operation("GET", _ALL, _SEE, list_federated_workloads, PageDocument[FederatedWorkloadDocument], **_MORE),
    Operation("POST", _ALL, _DEPLOY, apply_federated_workload, DeployedDocument, **_MORE),
    Operation(
        "POST",
        "/clusters/{cluster}/federated-workload-previews",
        _DEPLOY,
        preview_federated_workload,
        DeployedDocument,
        audit=Audit.NOTHING,
        **_MORE,
    ),
    Operation("GET", _ONE, _SEE, show_federated_workload, FederatedStatusDocument, **_MORE),
    Operation("DELETE", _ONE, _DEPLOY, delete_federated_workload, DeletionDocument, **_MORE),
)
