"""Pull secrets of a cluster: listed by its watch, previewed and made, shown, deleted."""

from dataclasses import replace
from typing import Annotated

from fastapi import Query
from sqlalchemy import Connection
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.clusters.errors import ClusterError, ObjectExists, PullSecretUnknown
from wherry.clusters.pull_secrets.create import (
    SecretRequest,
    Sync,
    check_secret,
    list_secrets,
    put_secret,
    record_secret,
    take_secret,
)
from wherry.clusters.pull_secrets.documents import without_values
from wherry.clusters.pull_secrets.logins import drop_secret, drop_unused_keys, settle_keys
from wherry.clusters.pull_secrets.survey import SurveyedSecret, look_by_watch, survey, what_was_made
from wherry.clusters.watching.cluster_watch import ClusterWatch
from wherry.clusters.watching.mirror import Mirror
from wherry.clusters.workloads.names import wrong_object_name
from wherry.clusters.yaml_text import write_yaml
from wherry.web.api.call import Admitted, Call
from wherry.web.api.cluster_seen import NOT_SEEN, SeenPageDocument, seen, seen_page
from wherry.web.api.clusters import AWAY
from wherry.web.api.documents import DEFAULT_PAGE, Cursor, Limit, answer, no_content
from wherry.web.api.operations import Operation
from wherry.web.api.problems import Problem
from wherry.web.api.pull_secret_documents import (
    MadeSecretDocument,
    PullSecretDocument,
    Role,
    SecretPreviewDocument,
    WantedPullSecret,
    pull_secret_document,
)
from wherry.web.api.pull_secret_logins import (
    Place,
    login_in,
    registry_in,
    require_may_hand_out,
    stand_in,
)
from wherry.web.api.workload_requests import namespace_in
from wherry.web.routes import Audit

InNamespace = Annotated[str | None, Query(max_length=63, description="Only of this namespace.")]
WithRole = Annotated[Role | None, Query(description="Only `default`, `own` or `foreign` ones.")]
WithSync = Annotated[Sync | None, Query(description="Only those that stand so to what was made.")]
Contains = Annotated[str, Query(max_length=253, description="A part of the name.")]


async def list_pull_secrets(
    call: Admitted,
    cluster: str,
    namespace: InNamespace = None,
    role: WithRole = None,
    sync: WithSync = None,
    contains: Contains = "",
    limit: Limit = DEFAULT_PAGE,
    cursor: Cursor = None,
) -> Response:
    """The pull secrets of the cluster, by name: whose key, until when, used by whom, and is it as made?"""
    watch, found = await _surveyed(call, namespace)
    fitting = [
        one for one in found if role in (None, one.role) and sync in (None, one.sync) and contains in one.name
    ]
    return seen_page(call, _secrets(watch), fitting, pull_secret_document, _key, limit, cursor)


async def show_pull_secret(call: Admitted, cluster: str, namespace: str, secret: str) -> Response:
    """One pull secret, without what is in it."""
    name = secret_in(call)
    _, found = await _surveyed(call, namespace_in(call))
    for one in found:
        if one.name == name:
            return answer(pull_secret_document(one))
    raise PullSecretUnknown(call.cluster.name, call.parameters["namespace"], name)


async def preview_pull_secret(call: Admitted, cluster: str, body: WantedPullSecret) -> Response:
    """The YAML of a pull secret, its values hidden. Nothing is made, and the cluster is not asked."""
    await require_may_hand_out(call, body)
    return answer(SecretPreviewDocument(yaml=_yaml(_tried(call, body))))


async def create_pull_secret(call: Admitted, cluster: str, body: WantedPullSecret) -> Response:
    """Make a pull secret, for this registry or for any other.

    It logs in with what you give, with one of your access keys, or with a new key that may only pull. Whoever
    may deploy to the namespace can use it.
    """
    async with call.alone() as done:
        return await _create(call, body) if done is None else done


async def _create(call: Call, body: WantedPullSecret) -> Response:
    await require_may_hand_out(call, body)
    tried = _tried(call, body)
    place = Place(tried.namespace, tried.name, tried.login.registry)

    def begin(tx: Connection) -> SecretRequest:
        known = list_secrets(tx, call.cluster, place.namespace)
        if any(one.name == place.name for one in known):
            said = f"there is a secret {place.name} in {place.namespace}; it can be given another login"
            raise ObjectExists(call.cluster.name, said)
        login = login_in(tx, call, body, place)
        return replace(tried, login=login.login, source=login.source, expires_at=login.expires_at)

    request = await call.services.database.write(begin)
    try:
        await call.ask(lambda connection: put_secret(connection, request))
    except ClusterError:
        await call.services.database.write(
            lambda tx: drop_unused_keys(tx, call.cluster, place.namespace, place.name)
        )
        raise
    return await call.create(
        lambda tx: remember(tx, call, request),
        lambda _: made_document(request),
        location=lambda _: (
            f"/api/v1/clusters/{call.cluster.name}/namespaces/{place.namespace}/pull-secrets/{place.name}"
        ),
        detail=told_of(request),
    )


async def delete_pull_secret(call: Admitted, cluster: str, namespace: str, secret: str) -> Response:
    """Delete a pull secret that Wherry made, with the key that was made for it."""
    namespace, name = namespace_in(call), secret_in(call)
    was_there = await call.ask(lambda connection: take_secret(connection, name, namespace))
    was_known = await call.write(
        lambda tx: drop_secret(tx, call.cluster, namespace, name), {"deleted": f"{namespace}/{name}"}
    )
    if not (was_there or was_known):
        raise PullSecretUnknown(call.cluster.name, namespace, name)
    return no_content()


def secret_in(call: Call) -> str:
    """The secret of the path. Raises `Problem` for what cannot be one's name."""
    name = call.parameters["secret"]
    # Anything else would be another place in the cluster's API.
    wrong = wrong_object_name("secret", name)
    if wrong is not None:
        raise Problem(404, "object_unknown", wrong)
    return name


def remember(tx: Connection, call: Call, request: SecretRequest) -> None:
    """The cluster has it: it is known here as well, and keys of before end after an hour."""
    record_secret(tx, call.services.sealer, call.cluster, request, call.user_id, call.now)
    settle_keys(tx, call.cluster, request.namespace, request.name, call.now)


def made_document(request: SecretRequest) -> MadeSecretDocument:
    """What was made, its values hidden."""
    return MadeSecretDocument(
        yaml=_yaml(request),
        namespace=request.namespace,
        name=request.name,
        registry=request.login.registry,
        user_name=request.login.user,
        source=request.source,
        expires_at=request.expires_at,
    )


def told_of(request: SecretRequest) -> dict[str, object]:
    """For the audit trail, which shows nothing that is called a secret."""
    return {
        "on": f"{request.namespace}/{request.name}",
        "registry": request.login.registry,
        "user": request.login.user,
        "source": request.source,
    }


def _tried(call: Call, body: WantedPullSecret) -> SecretRequest:
    """With a login that is none: no key is made for a request that is wrong. Raises `InvalidRequest`."""
    login = stand_in(body, registry_in(call, body.registry))
    request = SecretRequest(
        body.name, login.login, body.namespace, body.description, login.source, body.labels
    )
    check_secret(request)
    return request


def _yaml(request: SecretRequest) -> str:
    return write_yaml(without_values(request.object()))


async def _surveyed(call: Call, namespace: str | None) -> tuple[ClusterWatch, tuple[SurveyedSecret, ...]]:
    watch = seen(call, _secrets)
    sealer = call.services.sealer
    known = await call.read(lambda tx: what_was_made(tx, sealer, call.cluster, namespace))
    return watch, survey(known, look_by_watch(watch), namespace)


def _secrets(watch: ClusterWatch) -> tuple[Mirror[object], ...]:
    return (watch.pull_secrets,)  # type: ignore[return-value]  # read only here


def _key(one: SurveyedSecret) -> str:
    return f"{one.namespace}/{one.name}"


_ALL = "/clusters/{cluster}/pull-secrets"
ONE = "/clusters/{cluster}/namespaces/{namespace}/pull-secrets/{secret}"
_SEE, _CHANGE = Action.PULL_SECRET_SEE, Action.PULL_SECRET_CHANGE
TAG = "pull secrets"
OPERATIONS = (
    Operation(
        "GET", _ALL, _SEE, list_pull_secrets, SeenPageDocument[PullSecretDocument], tag=TAG, errors=NOT_SEEN
    ),
    Operation(
        "POST", _ALL, _CHANGE, create_pull_secret, MadeSecretDocument, status=201, tag=TAG, errors=AWAY
    ),
    Operation(
        "POST",
        "/clusters/{cluster}/pull-secret-previews",
        _CHANGE,
        preview_pull_secret,
        SecretPreviewDocument,
        tag=TAG,
        audit=Audit.NOTHING,
    ),
    Operation("GET", ONE, _SEE, show_pull_secret, PullSecretDocument, tag=TAG, errors=NOT_SEEN),
    Operation("DELETE", ONE, _CHANGE, delete_pull_secret, status=204, tag=TAG, errors=AWAY),
)
