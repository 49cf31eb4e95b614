"""Errors of the domains in the form of this face: problem+json (RFC 9457) with a `code` for programs."""

import json
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from wherry.access import errors as access_errors
from wherry.blobs import errors as blob_errors
from wherry.clusters import errors as cluster_errors
from wherry.clusters.yaml_text import InvalidYaml
from wherry.db.errors import DatabaseFull, DatabaseUnavailable
from wherry.identity import errors as identity_errors
from wherry.kit.secrets import UnreadableSecret
from wherry.oci.errors import InvalidValue
from wherry.registry import errors as registry_errors
from wherry.triggers import errors as trigger_errors
from wherry.web.authentication import BadCredentials
from wherry.web.body import BodyTooLong, BodyTooSlow, ClientGone
from wherry.web.sessions import CrossSite
from wherry.webhooks import errors as webhook_errors

MEDIA_TYPE = "application/problem+json"
_RETRY_SOON = {"retry-after": "5"}


class FieldProblem(BaseModel):
    """What is wrong with one part of a request."""

    where: str = Field(description="The part, such as `body.name` or `query.limit`.")
    message: str


class ProblemDocument(BaseModel):
    """How every error is answered (RFC 9457)."""

    type: str = Field(description="Always `about:blank`; `code` tells one problem from another.")
    title: str = Field(description="The status in words.")
    status: int
    code: str = Field(description="For programs: stays the same, whatever the words.")
    detail: str = Field(description="For people: what is wrong and what would help.")
    request_id: str = Field(description="Finds the request in the server's log.")
    errors: list[FieldProblem] = Field(default=[], description="The parts of the request that are wrong.")


class Problem(Exception):
    """An error as this face answers it. Handlers raise it for what only this face knows."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldProblem] = (),
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = list(errors)
        self.headers = dict(headers)
        super().__init__(detail)

    def response(self, request_id: str) -> Response:
        document = ProblemDocument(
            type="about:blank",
            title=HTTPStatus(self.status).phrase,
            status=self.status,
            code=self.code,
            detail=self.detail,
            request_id=request_id,
            errors=self.errors,
        )
        body = json.dumps(document.model_dump(exclude_defaults=True))
        return Response(body, self.status, self.headers, media_type=MEDIA_TYPE)


# The first class that fits wins; the detail is the exception's own text, the code its class's name.
_STATUSES: tuple[tuple[type[Exception], int], ...] = (
    (identity_errors.UserUnknown, 404),
    (identity_errors.OrganizationUnknown, 404),
    (identity_errors.AccessKeyUnknown, 404),
    (identity_errors.TeamUnknown, 404),
    (identity_errors.RobotUnknown, 404),
    (identity_errors.InvalidLink, 404),
    (identity_errors.UserExists, 409),
    (identity_errors.OrganizationExists, 409),
    (identity_errors.TeamExists, 409),
    (identity_errors.LastAdministrator, 409),
    (identity_errors.TooManyAccessKeys, 409),
    (access_errors.ShareExists, 409),
    (access_errors.ShareUnknown, 404),
    (registry_errors.OrganizationNotEmpty, 409),
    (registry_errors.RepositoryExists, 409),
    (registry_errors.TagExists, 409),
    (registry_errors.StillReferenced, 409),
    (registry_errors.RepositoryUnknown, 404),
    (registry_errors.ManifestUnknown, 404),
    (registry_errors.RegistryError, 422),
    (identity_errors.IdentityError, 422),
    (access_errors.AccessError, 422),
    (cluster_errors.ClusterUnknown, 404),
    (cluster_errors.FleetUnknown, 404),
    (cluster_errors.FleetWorkloadUnknown, 404),
    (cluster_errors.FleetExists, 409),
    (cluster_errors.FleetForbidden, 403),
    (cluster_errors.ClusterExists, 409),
    (cluster_errors.ClusterForbidden, 403),
    (InvalidYaml, 422),
    (cluster_errors.PullSecretUnknown, 404),
    (cluster_errors.ObjectUnknown, 404),
    (cluster_errors.ObjectExists, 409),
    (cluster_errors.ApplyConflict, 409),
    (cluster_errors.ClusterRefused, 422),
    (cluster_errors.ClusterCallFailed, 502),
    (cluster_errors.ClusterError, 422),
    (trigger_errors.TriggerUnknown, 404),
    (trigger_errors.RunUnknown, 404),
    (trigger_errors.TriggerExists, 409),
    (trigger_errors.RunNotOpen, 409),
    (trigger_errors.TriggerForbidden, 403),
    (trigger_errors.TriggerError, 422),
    (webhook_errors.WebhookUnknown, 404),
    (webhook_errors.SenderUnknown, 404),
    (webhook_errors.DeliveryUnknown, 404),
    (webhook_errors.WebhookExists, 409),
    (webhook_errors.SenderExists, 409),
    (webhook_errors.WebhookError, 422),
    (InvalidValue, 422),
    (BodyTooLong, 413),
    (BodyTooSlow, 408),
    (ClientGone, 400),
    (CrossSite, 403),
)


def problem_of(error: Exception) -> Problem | None:
    """The form of an error; None for one that nobody foresaw."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, RequestValidationError):
        return _invalid(error)
    if isinstance(error, HTTPException):
        return Problem(error.status_code, _STATUS_CODES.get(error.status_code, "refused"), str(error.detail))
    if isinstance(error, BadCredentials):
        return unauthenticated(str(error))
    if isinstance(error, identity_errors.TooManyLogins):
        return Problem(429, "too_many_logins", str(error), headers={"retry-after": str(error.retry_after)})
    if isinstance(error, (blob_errors.StoreFull, DatabaseFull)):
        return Problem(507, "no_room", "the registry has no room left", headers=_RETRY_SOON)
    if isinstance(error, (blob_errors.StoreUnavailable, DatabaseUnavailable)):
        message = "the registry's storage does not answer; try again"
        return Problem(503, "unavailable", message, headers=_RETRY_SOON)
    if isinstance(error, UnreadableSecret):
        return Problem(503, "unavailable", "the server has another master key than the one that sealed this")
    if isinstance(error, cluster_errors.ClusterRefused) and error.reason == "Conflict":
        return Problem(409, "changed_meanwhile", str(error))
    for kind, status in _STATUSES:
        if isinstance(error, kind):
            return Problem(status, _snake(type(error).__name__), str(error), errors=_parts_of(error))
    return None


def _parts_of(error: Exception) -> list[FieldProblem]:
    """What an error says of each part of the request, in the words of whoever found it."""
    if isinstance(error, (cluster_errors.InvalidRequest, trigger_errors.InvalidTrigger)):
        return [FieldProblem(where="body", message=problem) for problem in error.problems]
    if isinstance(error, webhook_errors.InvalidWebhook):
        return [FieldProblem(where=f"body.{error.field}", message=str(error))]
    if isinstance(error, cluster_errors.ApplyConflict):
        return [
            FieldProblem(where=owner.field, message=f"belongs to {owner.owner}") for owner in error.owners
        ]
    if isinstance(error, cluster_errors.ClusterRefused):
        return [FieldProblem(where="cluster", message=cause) for cause in error.causes]
    return []


def unauthenticated(message: str) -> Problem:
    """401, with the ways to log in; a browser shows no password box of its own for `Bearer`."""
    return Problem(401, "not_logged_in", message, headers={"www-authenticate": 'Bearer realm="wherry"'})


_STATUS_CODES = {404: "path_unknown", 405: "method_unknown"}


def _invalid(error: RequestValidationError) -> Problem:
    found = [
        FieldProblem(where=".".join(str(part) for part in each["loc"])[:200], message=str(each["msg"])[:500])
        for each in error.errors()[:20]
    ]
    first = found[0]
    return Problem(422, "invalid_request", f"{first.where}: {first.message}", errors=found)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
