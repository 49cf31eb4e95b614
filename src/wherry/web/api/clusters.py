"""Clusters: registered by a kubeconfig, listed, shown, changed, given another login, removed."""

from typing import Annotated

from fastapi import Query
from sqlalchemy import Connection
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.access.levels import Level
from wherry.audit.entries import Kind, Target
from wherry.clusters.cluster import Cluster, ClusterKind, get_cluster, open_login
from wherry.clusters.errors import ClusterError
from wherry.clusters.kubeconfig import ClusterLogin, Kubeconfig, read_kubeconfig
from wherry.clusters.probe import Probed, probe
from wherry.clusters.pull_secrets.removal import remove_default_secrets
from wherry.clusters.register import (
    Registration,
    change_cluster,
    check_server,
    register_cluster,
    remove_cluster,
    renew_login,
)
from wherry.clusters.rights import list_clusters as find_clusters
from wherry.kit.secrets import Sealer, UnreadableSecret
from wherry.web.api.call import Admitted, Call
from wherry.web.api.cluster_documents import (
    ChangedCluster,
    ClusterDocument,
    ContextDocument,
    ContextsDocument,
    ListedClusterDocument,
    WantedCluster,
    WantedClusterLogin,
    WantedKubeconfig,
    cluster_document,
    listed_document,
    registration_of,
)
from wherry.web.api.documents import (
    DEFAULT_PAGE,
    NAME_CHARACTERS,
    Cursor,
    Limit,
    PageDocument,
    answer,
    cursor_after,
    etag_of,
    key_of,
    no_content,
)
from wherry.web.api.operations import Operation
from wherry.web.routes import Audit

Contains = Annotated[str, Query(max_length=63, description="A part of the name.")]
LeaveSecrets = Annotated[
    bool, Query(description="Whether the default secrets stay in the cluster, where nobody renews them.")
]
# A cluster that is gone for good holds up its own removal no longer.
PATIENCE = 10.0
OfOrganization = Annotated[
    str | None,
    Query(max_length=255, pattern=NAME_CHARACTERS, description="Only clusters of this organization."),
]


async def read_contexts(call: Admitted, body: WantedKubeconfig) -> Response:
    """Which contexts a kubeconfig has, and of each that cannot be used why not. Nothing is kept or tried."""
    read = read_kubeconfig(body.kubeconfig, call.now)
    items = [ContextDocument.model_validate(one, from_attributes=True) for one in read.contexts]
    return answer(ContextsDocument(items=items))


async def list_clusters(
    call: Admitted,
    organization: OfOrganization = None,
    contains: Contains = "",
    limit: Limit = DEFAULT_PAGE,
    cursor: Cursor = None,
) -> Response:
    """The clusters that you may see, by name, with their state."""
    after = key_of(cursor)
    found = await call.read(
        lambda tx: find_clusters(
            tx, call.actor, after=after, size=limit, contains=contains, organization=organization
        )
    )
    following = cursor_after(found.items[-1].name) if found.more else None
    items = [listed_document(call, one) for one in found.items]
    return call.page(PageDocument(items=items, next=following))


async def register_organization_cluster(call: Admitted, organization: str, body: WantedCluster) -> Response:
    """Register a cluster of the organization: its members see it, deploy and change it by their levels."""
    return await _register(call, body, call.organization)


async def register_site_cluster(call: Admitted, body: WantedCluster) -> Response:
    """Register a cluster of the whole site, which is its administrators' until it is opened to others."""
    return await _register(call, body, None)


async def show_cluster(call: Admitted, cluster: str) -> Response:
    """One cluster: what was registered, how it is, and your own level on it."""
    return _shown(call, call.cluster, call.level)


async def change_one_cluster(call: Admitted, cluster: str, body: ChangedCluster) -> Response:
    """Rename or describe a cluster anew, or switch its default secrets on or off."""

    def work(tx: Connection) -> Cluster:
        call.require_match(registration_of(get_cluster(tx, call.cluster.name)))
        return change_cluster(
            tx,
            call.cluster.name,
            call.now,
            new_name=body.name,
            description=body.description,
            makes_default_secret=body.makes_default_secret,
        )

    told = {"name": body.name, "description": body.description, "pulls_by_default": body.makes_default_secret}
    detail = {name: value for name, value in told.items() if value is not None}
    return _shown(call, await call.write(work, detail), call.level)


async def renew_cluster_login(call: Admitted, cluster: str, body: WantedClusterLogin) -> Response:
    """Give a cluster another login, for one that was revoked or ends soon. It has to be the same cluster."""
    read, found = await _looked_at(call, call.cluster.name, body)
    uid = None if found is None else found.uid
    services = call.services

    def work(tx: Connection) -> Cluster:
        call.require_match(registration_of(get_cluster(tx, call.cluster.name)))
        return renew_login(
            tx,
            services.sealer,
            services.clusters.rules,
            call.cluster.name,
            read,
            body.context,
            uid=uid,
            now=call.now,
        )

    detail = {"login": "renewed", "server": read.login(body.context).server}
    return _shown(call, await call.write(work, detail), call.level)


async def remove_one_cluster(call: Admitted, cluster: str, leave_secrets: LeaveSecrets = False) -> Response:
    """End a cluster's registration, and the keys that it pulls with. What runs in it goes on.

    Its default secrets are taken away as far as the cluster answers; what stays is in the audit trail.
    """
    name, services = call.cluster.name, call.services
    login: ClusterLogin | None = None
    if not leave_secrets:

        def switch_off(tx: Connection) -> ClusterLogin | None:
            call.require_match(registration_of(get_cluster(tx, name)))
            # First of all nobody makes them anew.
            change_cluster(tx, name, call.now, makes_default_secret=False)
            return _login_of(tx, services.sealer, name)

        login = await services.database.write(switch_off)
    left = {} if login is None else await _take_secrets(call, name, login)

    def work(tx: Connection) -> None:
        if leave_secrets:
            call.require_match(registration_of(get_cluster(tx, name)))
        remove_cluster(tx, name)

    await call.write(work, {"left_behind": sorted(left)} if left else {})
    return no_content()


def _login_of(tx: Connection, sealer: Sealer, name: str) -> ClusterLogin | None:
    """None where it cannot be read any more: the cluster can be removed all the same."""
    try:
        return open_login(tx, sealer, name)
    except UnreadableSecret:
        return None


async def _take_secrets(call: Call, name: str, login: ClusterLogin) -> dict[str, str]:
    """What stays, by namespace, and why; by an empty one the whole cluster."""
    try:
        async with call.services.clusters.connected_by(name, login) as connection:
            return (await remove_default_secrets(connection, PATIENCE)).left
    except ClusterError as error:
        return {"": str(error)}


async def _register(call: Call, body: WantedCluster, organization: str | None) -> Response:
    call.target = Target(Kind.CLUSTER, body.name, organization)
    read, found = await _looked_at(call, body.name, body)
    asked = Registration(
        body.name, read, body.context, organization, body.description, body.makes_default_secret
    )
    services = call.services

    def work(tx: Connection) -> Cluster:
        return register_cluster(
            tx,
            services.sealer,
            services.clusters.rules,
            asked,
            uid=None if found is None else found.uid,
            created_by=call.user_id,
            now=call.now,
            kind=ClusterKind.KUBERNETES if found is None else found.kind,
        )

    return await call.create(
        work,
        lambda made: cluster_document(call, made, Level.EDIT),
        location=lambda made: f"/api/v1/clusters/{made.name}",
        detail=lambda made: {"server": read.login(body.context).server},
    )


async def _looked_at(call: Call, name: str, body: WantedClusterLogin) -> tuple[Kubeconfig, Probed | None]:
    """The kubeconfig, which has a login that may be tried, and what the cluster said to it."""
    read = read_kubeconfig(body.kubeconfig, call.now)
    login = read.login(body.context)
    check_server(call.services.clusters.rules, login.server)
    if not body.probe:
        return read, None
    async with call.services.clusters.connected_by(name, login) as connection:
        return read, await probe(connection)


def _shown(call: Call, cluster: Cluster, level: Level) -> Response:
    return answer(cluster_document(call, cluster, level), headers={"etag": etag_of(registration_of(cluster))})


_ALL, _ONE = "/clusters", "/clusters/{cluster}"
_CHANGE = Action.CLUSTER_CHANGE
# What a cluster that does not answer makes of an operation.
AWAY = (502,)
OPERATIONS = (
    Operation(
        "POST",
        "/kubeconfigs",
        Action.KUBECONFIG_READ,
        read_contexts,
        ContextsDocument,
        tag="clusters",
        audit=Audit.NOTHING,
    ),
    Operation("GET", _ALL, Action.CLUSTER_LIST, list_clusters, PageDocument[ListedClusterDocument]),
    Operation(
        "POST",
        _ALL,
        Action.CLUSTER_REGISTER_FOR_SITE,
        register_site_cluster,
        ClusterDocument,
        status=201,
        errors=AWAY,
    ),
    Operation(
        "POST",
        "/organizations/{organization}/clusters",
        Action.CLUSTER_REGISTER,
        register_organization_cluster,
        ClusterDocument,
        status=201,
        tag="clusters",
        errors=AWAY,
    ),
    Operation("GET", _ONE, Action.CLUSTER_SEE, show_cluster, ClusterDocument),
    Operation("PATCH", _ONE, _CHANGE, change_one_cluster, ClusterDocument),
    Operation("PUT", f"{_ONE}/login", _CHANGE, renew_cluster_login, ClusterDocument, errors=AWAY),
    Operation("DELETE", _ONE, _CHANGE, remove_one_cluster, status=204),
)
