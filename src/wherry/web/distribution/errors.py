"""Errors of the domains in the form of this face: the OCI error envelope, its codes and statuses."""

import json
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from starlette.responses import Response

from wherry.blobs import errors as blob_errors
from wherry.db.errors import DatabaseFull, DatabaseUnavailable
from wherry.identity.errors import InvalidOrganizationName, OrganizationReserved, TooManyLogins
from wherry.oci import errors as oci_errors
from wherry.registry import errors as registry_errors
from wherry.web.body import BodyTooLong, BodyTooSlow, ClientGone


class Code(StrEnum):
    """The codes of the distribution-spec, and two of the CNCF registry's where the spec has none."""

    BLOB_UNKNOWN = "BLOB_UNKNOWN"
    BLOB_UPLOAD_INVALID = "BLOB_UPLOAD_INVALID"
    BLOB_UPLOAD_UNKNOWN = "BLOB_UPLOAD_UNKNOWN"
    DIGEST_INVALID = "DIGEST_INVALID"
    MANIFEST_BLOB_UNKNOWN = "MANIFEST_BLOB_UNKNOWN"
    MANIFEST_INVALID = "MANIFEST_INVALID"
    MANIFEST_UNKNOWN = "MANIFEST_UNKNOWN"
    NAME_INVALID = "NAME_INVALID"
    NAME_UNKNOWN = "NAME_UNKNOWN"
    SIZE_INVALID = "SIZE_INVALID"
    UNAUTHORIZED = "UNAUTHORIZED"
    DENIED = "DENIED"
    UNSUPPORTED = "UNSUPPORTED"
    TOOMANYREQUESTS = "TOOMANYREQUESTS"
    UNAVAILABLE = "UNAVAILABLE"
    UNKNOWN = "UNKNOWN"


class Problem(Exception):
    """An error as this face answers it. Handlers raise it for what only this face knows."""

    def __init__(
        self,
        status: int,
        code: Code,
        message: str,
        detail: Mapping[str, object] = MappingProxyType({}),
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.status = status
        self.code = code
        self.message = message
        self.detail = dict(detail)
        self.headers = dict(headers)
        super().__init__(message)

    def response(self, *, with_body: bool = True) -> Response:
        error = {"code": self.code.value, "message": self.message, "detail": self.detail}
        body = json.dumps({"errors": [error]}).encode()
        headers = {**self.headers, "content-length": str(len(body))}
        return Response(body if with_body else b"", self.status, headers, media_type="application/json")


_RETRY_SOON = {"retry-after": "5"}

# The first class that fits wins; the message is the exception's own text.
_FORMS: tuple[tuple[type[Exception], int, Code], ...] = (
    (oci_errors.InvalidName, 400, Code.NAME_INVALID),
    (oci_errors.InvalidDigest, 400, Code.DIGEST_INVALID),
    (oci_errors.InvalidValue, 400, Code.MANIFEST_INVALID),
    (OrganizationReserved, 400, Code.NAME_INVALID),
    (InvalidOrganizationName, 400, Code.NAME_INVALID),
    (registry_errors.RepositoryUnknown, 404, Code.NAME_UNKNOWN),
    (registry_errors.ManifestUnknown, 404, Code.MANIFEST_UNKNOWN),
    (registry_errors.BlobUnknown, 404, Code.BLOB_UNKNOWN),
    (registry_errors.UploadUnknown, 404, Code.BLOB_UPLOAD_UNKNOWN),
    (registry_errors.UploadBusy, 409, Code.BLOB_UPLOAD_INVALID),
    (registry_errors.ChunkOutOfOrder, 416, Code.BLOB_UPLOAD_INVALID),
    (registry_errors.ChunkLengthWrong, 400, Code.SIZE_INVALID),
    (registry_errors.UploadTooLarge, 413, Code.SIZE_INVALID),
    (registry_errors.ManifestTooLarge, 413, Code.SIZE_INVALID),
    (registry_errors.ContentMismatch, 400, Code.DIGEST_INVALID),
    (registry_errors.ReferencesUnknown, 400, Code.MANIFEST_BLOB_UNKNOWN),
    (registry_errors.ReferenceSizeWrong, 400, Code.SIZE_INVALID),
    (registry_errors.StillReferenced, 409, Code.DENIED),
    (registry_errors.TooManyTags, 414, Code.MANIFEST_INVALID),
    (blob_errors.DigestMismatch, 400, Code.DIGEST_INVALID),
    (blob_errors.UploadBusy, 409, Code.BLOB_UPLOAD_INVALID),
    (blob_errors.StagedBytesMissing, 404, Code.BLOB_UPLOAD_UNKNOWN),
    (blob_errors.BlobBytesMissing, 404, Code.BLOB_UNKNOWN),
    # Seen by a client whose framing was broken; one that is gone sees nothing.
    (ClientGone, 400, Code.SIZE_INVALID),
    (BodyTooSlow, 408, Code.BLOB_UPLOAD_INVALID),
    (BodyTooLong, 413, Code.SIZE_INVALID),
)


def problem_of(error: Exception) -> Problem | None:
    """The form of a domain's error; None for one that nobody foresaw."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, TooManyLogins):
        return Problem(429, Code.TOOMANYREQUESTS, str(error), headers={"retry-after": str(error.retry_after)})
    if isinstance(error, (blob_errors.StoreFull, DatabaseFull)):
        message = (
            "the registry has no room left; nothing was lost, and the same push works once there is room"
        )
        return Problem(507, Code.UNAVAILABLE, message, headers=_RETRY_SOON)
    if isinstance(error, (blob_errors.StoreUnavailable, DatabaseUnavailable)):
        return Problem(
            503, Code.UNAVAILABLE, "the registry's storage does not answer; try again", headers=_RETRY_SOON
        )
    for kind, status, code in _FORMS:
        if isinstance(error, kind):
            # The rest of a body that stood still is not waited for (RFC 9110 §15.5.9).
            headers = {"connection": "close"} if status == 408 else {}
            return Problem(status, code, str(error), _detail(error), headers)
    return None


def _detail(error: Exception) -> dict[str, object]:
    if isinstance(error, registry_errors.ReferencesUnknown):
        return {"missing": [str(digest) for digest in error.missing[:100]]}
    fields = {name: value for name, value in vars(error).items() if name in _DETAILS}
    return {name: value if isinstance(value, int) else str(value) for name, value in fields.items()}


_DETAILS = frozenset(
    {"digest", "expected", "actual", "name", "reference", "received", "start", "limit", "stated"}
)
