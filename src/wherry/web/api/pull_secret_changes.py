"""Pull secrets that are there: given another login, mended, rotated everywhere; `default-secret` switched."""

from collections.abc import Callable

from sqlalchemy import Connection
from starlette.responses import Response

from wherry.access.actions import Action
from wherry.clusters.connection import ClusterConnection
from wherry.clusters.errors import ClusterError, InvalidRequest
from wherry.clusters.kinds import NAMESPACE, Object
from wherry.clusters.pull_secrets.create import (
    PullSecret,
    SecretRequest,
    get_secret,
    list_secrets,
    put_secret,
    request_of,
)
from wherry.clusters.pull_secrets.default_secret import NAME as DEFAULT_SECRET
from wherry.clusters.pull_secrets.default_secret import OFF, SWITCH, Reconciled, look_and_plan, reconcile
from wherry.clusters.pull_secrets.keys import PullLogins, current_logins, end_retired, rolled_out
from wherry.clusters.pull_secrets.logins import begin_rotation, exchange_login, may_rotate
from wherry.web.api.call import Admitted, Call
from wherry.web.api.clusters import AWAY
from wherry.web.api.documents import answer
from wherry.web.api.operations import Operation
from wherry.web.api.pull_secret_documents import (
    DefaultSecretDocument,
    DefaultSecretSwitch,
    MadeSecretDocument,
    RotatedDocument,
    WantedSecretRotation,
)
from wherry.web.api.pull_secret_logins import Place, login_in, require_may_hand_out
from wherry.web.api.pull_secrets import ONE, TAG, made_document, remember, secret_in, told_of
from wherry.web.api.workload_requests import namespace_in

Renew = Callable[[Connection, PullSecret], SecretRequest]


async def rotate_pull_secret(
    call: Admitted,
    cluster: str,
    namespace: str,
    secret: str,
    body: WantedSecretRotation | None = None,
) -> Response:
    """Give a pull secret a new key, or another login. A key that was made for it works for an hour more."""
    if body is None or body == WantedSecretRotation():
        return await _put_again(call, _rotated(call), "rotated")
    wanted = body
    await require_may_hand_out(call, wanted)

    def renew(tx: Connection, known: PullSecret) -> SecretRequest:
        place = Place(known.namespace, known.name, known.registry)
        login = login_in(tx, call, wanted, place)
        return exchange_login(tx, call.services.sealer, call.cluster, known, login, call.now)

    return await _put_again(call, renew, "rotated")


async def mend_pull_secret(call: Admitted, cluster: str, namespace: str, secret: str) -> Response:
    """Put a pull secret back as it was made, whatever somebody did to it; what is another's by now stays."""
    sealer = call.services.sealer
    return await _put_again(call, lambda tx, known: request_of(tx, sealer, known), "mended")


async def rotate_pull_secrets(call: Admitted, cluster: str) -> Response:
    """Give every secret of the cluster a new key where the key is Wherry's: default ones and own ones.

    Old keys work for an hour more, so that no pull fails.
    """
    await call.services.database.write(lambda tx: end_retired(tx, call.now, call.cluster))
    rotated, left, failed = await _rotate_default_secrets(call)
    for one in await call.read(lambda tx: list_secrets(tx, call.cluster)):
        name = f"{one.namespace}/{one.name}"
        if not may_rotate(one.source):
            left.append(name)
            continue
        try:
            await _put(call, one, _rotated(call), "rotated")
        except ClusterError as error:
            failed[name] = str(error)
        else:
            rotated.append(name)
    await call.note({"rotated": len(rotated), "left": len(left), "failed": len(failed)})
    return answer(RotatedDocument(rotated=rotated, left=left, failed=failed))


async def switch_default_secret(
    call: Admitted, cluster: str, namespace: str, body: DefaultSecretSwitch
) -> Response:
    """Have a `default-secret` made in a namespace, or taken away. It follows within seconds."""
    name = namespace_in(call)
    marks = {"labels": {SWITCH: None if body.is_on else OFF}, "annotations": {SWITCH: None}}
    change: Object = {"metadata": marks}
    await call.ask(lambda connection: connection.patch(NAMESPACE, name, None, change))
    await call.note({"on": f"{name}/{DEFAULT_SECRET}", "made": body.is_on})
    return answer(DefaultSecretDocument(namespace=name, is_on=body.is_on))


async def _rotate_default_secrets(call: Call) -> tuple[list[str], list[str], dict[str, str]]:
    cluster, host = call.cluster, call.services.clusters.registry.host
    if not cluster.makes_default_secret:
        return [], [], {}
    if not host:
        raise InvalidRequest(("this registry does not know its own address, which secrets would be for",))
    sealer = call.services.sealer

    def issue(tx: Connection) -> PullLogins:
        return current_logins(tx, sealer, cluster, host, call.now, rotate=True)

    logins = await call.services.database.write(issue)

    async def put(connection: ClusterConnection) -> Reconciled:
        return await reconcile(connection, await look_and_plan(connection, logins))

    done = await call.ask(put)
    if done.is_whole and logins.source:
        await call.services.database.write(lambda tx: rolled_out(tx, cluster, logins.source, call.now))

    def named(namespaces: tuple[str, ...]) -> list[str]:
        return [f"{namespace}/{DEFAULT_SECRET}" for namespace in namespaces]

    failed = {f"{namespace}/{DEFAULT_SECRET}": why for namespace, why in done.failed.items()}
    return named(done.written), named(done.foreign), failed


async def _put_again(call: Call, renew: Renew, word: str) -> Response:
    namespace, name = namespace_in(call), secret_in(call)
    known = await call.read(lambda tx: get_secret(tx, call.cluster, namespace, name))
    return answer(made_document(await _put(call, known, renew, word)))


async def _put(call: Call, known: PullSecret, renew: Renew, word: str) -> SecretRequest:
    """Remembered, put, settled: what is broken off in between shows as drifted, and can be mended."""
    request = await call.services.database.write(lambda tx: renew(tx, known))
    await call.ask(lambda connection: put_secret(connection, request))
    await call.write(lambda tx: remember(tx, call, request), {word: True, **told_of(request)})
    return request


def _rotated(call: Call) -> Renew:
    sealer = call.services.sealer
    return lambda tx, known: begin_rotation(tx, sealer, call.cluster, known, call.now)


_CHANGE = Action.PULL_SECRET_CHANGE
OPERATIONS = (
    Operation(
        "POST", f"{ONE}/rotation", _CHANGE, rotate_pull_secret, MadeSecretDocument, tag=TAG, errors=AWAY
    ),
    Operation("POST", f"{ONE}/mending", _CHANGE, mend_pull_secret, MadeSecretDocument, tag=TAG, errors=AWAY),
    Operation(
        "POST",
        "/clusters/{cluster}/pull-secret-rotations",
        _CHANGE,
        rotate_pull_secrets,
        RotatedDocument,
        tag=TAG,
        errors=AWAY,
    ),
    Operation(
        "PUT",
        "/clusters/{cluster}/namespaces/{namespace}/default-secret",
        _CHANGE,
        switch_default_secret,
        DefaultSecretDocument,
        tag=TAG,
        errors=AWAY,
    ),
)
