"""All operations of this face. The reference page and the OpenAPI document are made from this table."""

from wherry.web.api import (
    access_keys,
    account,
    audit,
    cluster_openings,
    clusters,
    explanations,
    images,
    links,
    login_commands,
    manifests,
    organizations,
    overview,
    permissions,
    robot_keys,
    robots,
    sessions,
    shares,
    tags,
    teams,
    tokens,
    user_keys,
    users,
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
    *explanations.OPERATIONS,
    *overview.OPERATIONS,
    *audit.OPERATIONS,
    *access_keys.OPERATIONS,
    *login_commands.OPERATIONS,
    *tokens.OPERATIONS,
    *links.OPERATIONS,
    *teams.OPERATIONS,
    *robots.OPERATIONS,
    *robot_keys.OPERATIONS,
    *user_keys.OPERATIONS,
    *users.OPERATIONS,
    *sessions.OPERATIONS,
    *account.OPERATIONS,
    *clusters.OPERATIONS,
    *cluster_openings.OPERATIONS,
)
