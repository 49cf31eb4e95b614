"""Errors of the domains in SWR's form: both shapes of the body at once, a code that has the status in it.

The SDK reads `error_code` and `error_msg`, older programs the list `errors`.
"""

import json
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from starlette.responses import Response

from wherry.access import errors as access_errors
from wherry.clusters import errors as cluster_errors
from wherry.db.errors import DatabaseFull, DatabaseUnavailable
from wherry.identity import errors as identity_errors
from wherry.oci import errors as oci_errors
from wherry.registry import errors as registry_errors
from wherry.triggers import errors as trigger_errors
from wherry.web.authentication import BadCredentials
from wherry.web.body import BodyTooLong, BodyTooSlow, ClientGone


class Code(StrEnum):
    """SWR's codes where it has one; the others, such as those of 405 and 501, are ours."""

    INVALID_PARAMETER = "SVCSTG.SWR.4000014"
    INVALID_ORGANIZATION_NAME = "SVCSTG.SWR.4001028"
    INVALID_IMAGE_NAME = "SVCSTG.SWR.4001029"
    INVALID_FILTER = "SVCSTG.SWR.4001035"
    INVALID_LEVEL = "SVCSTG.SWR.4001065"
    INVALID_USER = "SVCSTG.SWR.4001067"
    INVALID_ORDER = "SVCSTG.SWR.4001096"
    NOT_AUTHENTICATED = "SVCSTG.SWR.4010000"
    NOT_ALLOWED = "SVCSTG.SWR.4030170"
    ORGANIZATION_UNKNOWN = "SVCSTG.SWR.4040058"
    IMAGE_UNKNOWN = "SVCSTG.SWR.4040010"
    TAG_UNKNOWN = "SVCSTG.SWR.4040048"
    GRANT_UNKNOWN = "SVCSTG.SWR.4040091"
    ORGANIZATION_GRANT_UNKNOWN = "SVCSTG.SWR.4040078"
    SHARE_UNKNOWN = "SVCSTG.SWR.4040092"
    TRIGGER_UNKNOWN = "SVCSTG.SWR.4040126"
    RETENTION_UNKNOWN = "SVCSTG.SWR.4040127"
    SYNC_UNKNOWN = "SVCSTG.SWR.4040128"
    PATH_UNKNOWN = "SVCSTG.SWR.4040083"
    METHOD_UNKNOWN = "SVCSTG.SWR.4050000"
    ORGANIZATION_NOT_EMPTY = "SVCSTG.SWR.4060074"
    BODY_TOO_SLOW = "SVCSTG.SWR.4080000"
    ORGANIZATION_EXISTS = "SVCSTG.SWR.4090060"
    IMAGE_EXISTS = "SVCSTG.SWR.4090006"
    GRANT_EXISTS = "SVCSTG.SWR.4090089"
    ORGANIZATION_GRANT_EXISTS = "SVCSTG.SWR.4090076"
    TAG_EXISTS = "SVCSTG.SWR.4090048"
    SHARE_EXISTS = "SVCSTG.SWR.4090092"
    BODY_TOO_LARGE = "SVCSTG.SWR.4131001"
    DESCRIPTION_TOO_LARGE = "SVCSTG.SWR.4131012"
    ENTERPRISE_ONLY = "SVCSTG.SWR.5010000"
    NOT_YET = "SVCSTG.SWR.5010001"
    UNAVAILABLE = "SVCSTG.SWR.5030000"
    NO_ROOM = "SVCSTG.SWR.5070000"

    @property
    def status(self) -> int:
        """The HTTP status, which is part of the code."""
        return int(self.value.rpartition(".")[2][:3])


class Problem(Exception):
    """What a request is answered with instead of what it asked for."""

    def __init__(self, code: Code, message: str, headers: Mapping[str, str] = MappingProxyType({})) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.headers = dict(headers)

    def response(self) -> Response:
        old = {
            "errorCode": self.code.value,
            "errorMessage": self.message,
            "detail": "",
            "encoded_authorization_message": "",
        }
        body = json.dumps(
            {
                "errors": [old],
                "error_code": self.code.value,
                "error_msg": self.message,
                "details": [{"error_code": self.code.value, "error_msg": self.message}],
            }
        )
        return Response(body, self.code.status, self.headers, "application/json")


_RETRY_SOON = {"retry-after": "5"}

# The first class that fits wins; the message is the exception's own text.
_CODES: tuple[tuple[type[Exception], Code], ...] = (
    (identity_errors.InvalidOrganizationName, Code.INVALID_ORGANIZATION_NAME),
    (identity_errors.OrganizationReserved, Code.INVALID_ORGANIZATION_NAME),
    (identity_errors.OrganizationExists, Code.ORGANIZATION_EXISTS),
    (identity_errors.OrganizationUnknown, Code.ORGANIZATION_UNKNOWN),
    (identity_errors.UserUnknown, Code.INVALID_USER),
    # Deleted while its request was under way.
    (identity_errors.AccessKeyUnknown, Code.NOT_AUTHENTICATED),
    (identity_errors.InvalidAccessKey, Code.INVALID_PARAMETER),
    (access_errors.InvalidGrant, Code.INVALID_USER),
    (access_errors.ShareDescriptionTooLong, Code.DESCRIPTION_TOO_LARGE),
    (access_errors.InvalidShare, Code.INVALID_PARAMETER),
    (access_errors.ShareExists, Code.SHARE_EXISTS),
    (access_errors.ShareUnknown, Code.SHARE_UNKNOWN),
    (oci_errors.InvalidName, Code.INVALID_IMAGE_NAME),
    (oci_errors.InvalidValue, Code.INVALID_PARAMETER),
    (registry_errors.RepositoryUnknown, Code.IMAGE_UNKNOWN),
    (registry_errors.RepositoryExists, Code.IMAGE_EXISTS),
    (registry_errors.ManifestUnknown, Code.TAG_UNKNOWN),
    (registry_errors.TagExists, Code.TAG_EXISTS),
    (registry_errors.DescriptionTooLong, Code.DESCRIPTION_TOO_LARGE),
    (registry_errors.InvalidAttribute, Code.INVALID_PARAMETER),
    (registry_errors.OrganizationNotEmpty, Code.ORGANIZATION_NOT_EMPTY),
    # As SWR does: a name that is taken and a cluster that is not there are invalid parameters.
    (trigger_errors.TriggerUnknown, Code.TRIGGER_UNKNOWN),
    (trigger_errors.TriggerForbidden, Code.NOT_ALLOWED),
    (cluster_errors.ClusterForbidden, Code.NOT_ALLOWED),
    (trigger_errors.TriggerError, Code.INVALID_PARAMETER),
    (cluster_errors.ClusterUnknown, Code.INVALID_PARAMETER),
    (BadCredentials, Code.NOT_AUTHENTICATED),
    # Seen by a client whose framing was broken; one that is gone sees nothing.
    (ClientGone, Code.INVALID_PARAMETER),
    (BodyTooSlow, Code.BODY_TOO_SLOW),
    (BodyTooLong, Code.BODY_TOO_LARGE),
)


def problem_of(error: Exception) -> Problem | None:
    """The form of a domain's error; None for one that nobody foresaw."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, identity_errors.TooManyLogins):
        # Not 429: of that the SDK shows neither code nor text.
        return Problem(Code.UNAVAILABLE, str(error), {"retry-after": str(error.retry_after)})
    if isinstance(error, DatabaseFull):
        return Problem(Code.NO_ROOM, "the registry has no room left", _RETRY_SOON)
    if isinstance(error, DatabaseUnavailable):
        return Problem(Code.UNAVAILABLE, "the registry's database does not answer; try again", _RETRY_SOON)
    for kind, code in _CODES:
        if isinstance(error, kind):
            return Problem(code, str(error))
    return None
