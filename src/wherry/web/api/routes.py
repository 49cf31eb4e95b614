"""All operations of this face. The reference page and the OpenAPI document are made from this table."""

from wherry.web.api import images, organizations, permissions, shares
from wherry.web.api.operations import Operation

PREFIX = "/api/v1"

OPERATIONS: tuple[Operation, ...] = (
    *organizations.OPERATIONS,
    *images.OPERATIONS,
    *permissions.OPERATIONS,
    *shares.OPERATIONS,
)
