"""All operations of this face. The reference page and the OpenAPI document are made from this table."""

from wherry.web.api import (
    access_keys,
    images,
    login_commands,
    manifests,
    organizations,
    permissions,
    shares,
    tags,
    tokens,
)
from wherry.web.api.operations import Operation

PREFIX = "/api/v1"

OPERATIONS: tuple[Operation, ...] = (
    *organizations.OPERATIONS,
    *images.OPERATIONS,
    *tags.OPERATIONS,
    *manifests.OPERATIONS,
    *permissions.OPERATIONS,
    *shares.OPERATIONS,
    *access_keys.OPERATIONS,
    *login_commands.OPERATIONS,
    *tokens.OPERATIONS,
)
