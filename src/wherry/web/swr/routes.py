"""The operations of this face with route, action and state; docs/reference/swr.md is made from them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from starlette.responses import Response

from wherry.access.actions import Action
from wherry.web.routes import Audit, Route
from wherry.web.swr import (
    absent,
    accessories,
    account,
    logins,
    namespaces,
    permissions,
    repositories,
    sharing,
    tags,
    triggers,
    versions,
)
from wherry.web.swr.call import Call

Handler = Callable[[Call], Awaitable[Response]]


class State(StrEnum):
    """How far an operation is."""

    WORKS = "works"
    SHAPE = "answers as if there were none"
    LATER = "not yet available"


@dataclass(frozen=True, slots=True)
class Operation:
    """`name` is the SDK's method."""

    name: str
    route: Route[Call, Response]
    state: State = State.WORKS


_NAMESPACES = "/v2/manage/namespaces"
_NS = f"{_NAMESPACES}/{{namespace}}"
_REPO = f"{_NS}/repos/{{repository}}"
_DOMAINS = f"{_NS}/repositories/{{repository}}/access-domains"
_DOMAIN = f"{_DOMAINS}/{{access_domain}}"
_TRIGGER = f"{_REPO}/triggers/{{trigger}}"
_RETENTIONS = f"{_REPO}/retentions"
_RETENTION = f"{_RETENTIONS}/{{retention_id}}"
_V3 = "/v3/manage"


def _op(
    method: str, template: str, action: Action, handler: Handler, state: State = State.WORKS, name: str = ""
) -> Operation:
    called: str = getattr(handler, "__name__", "")
    return Operation(name or called, Route(method, template, action, handler), state)


A, SHAPE, LATER = Action, State.SHAPE, State.LATER

# The first template that fits wins: histories before a retention's id, tags before accessories.
OPERATIONS: tuple[Operation, ...] = (
    _op("POST", _NAMESPACES, A.ORGANIZATION_CREATE, namespaces.create_namespace),
    _op("GET", _NAMESPACES, A.ORGANIZATION_LIST, namespaces.list_namespaces),
    _op("GET", _NS, A.ORGANIZATION_SEE, namespaces.show_namespace),
    _op("DELETE", _NS, A.ORGANIZATION_DELETE, namespaces.delete_namespaces),
    _op("POST", f"{_NS}/access", A.ORGANIZATION_GRANT, permissions.create_namespace_auth),
    _op("GET", f"{_NS}/access", A.ORGANIZATION_SEE, permissions.show_namespace_auth),
    _op("PATCH", f"{_NS}/access", A.ORGANIZATION_GRANT, permissions.update_namespace_auth),
    _op("DELETE", f"{_NS}/access", A.ORGANIZATION_GRANT, permissions.delete_namespace_auth),
    _op("POST", f"{_REPO}/access", A.IMAGE_GRANT, permissions.create_user_repository_auth),
    _op("GET", f"{_REPO}/access", A.IMAGE_SEE, permissions.show_user_repository_auth),
    _op("PATCH", f"{_REPO}/access", A.IMAGE_GRANT, permissions.update_user_repository_auth),
    _op("DELETE", f"{_REPO}/access", A.IMAGE_GRANT, permissions.delete_user_repository_auth),
    _op("POST", f"{_NS}/repos", A.IMAGE_CREATE, repositories.create_repo),
    _op("GET", _REPO, A.IMAGE_SEE, repositories.show_repository),
    _op("PATCH", _REPO, A.IMAGE_CHANGE, repositories.update_repo),
    _op("DELETE", _REPO, A.IMAGE_DELETE, repositories.delete_repo),
    _op("GET", "/v2/manage/repos", A.IMAGE_LIST, repositories.list_repos_details),
    _op("GET", f"{_V3}/repos", A.IMAGE_LIST, repositories.list_repo_details),
    _op("GET", "/v2/manage/shared-repositories", A.IMAGE_LIST, sharing.list_shared_repos_details),
    _op("GET", f"{_V3}/shared-repositories", A.IMAGE_LIST, sharing.list_shared_repo_details),
    _op("POST", f"{_REPO}/tags", A.IMAGE_PUSH, tags.create_repo_tag),
    _op("GET", f"{_REPO}/tags", A.IMAGE_SEE, tags.list_repository_tags),
    _op(
        "GET",
        f"{_V3}/namespaces/{{namespace}}/repos/{{repository}}/tags",
        A.IMAGE_SEE,
        tags.list_repository_tag,
    ),
    _op("GET", f"{_REPO}/tags/{{tag}}", A.IMAGE_SEE, tags.show_repo_tag),
    _op("DELETE", f"{_REPO}/tags/{{tag}}", A.IMAGE_DELETE, tags.delete_repo_tag),
    _op("POST", _DOMAINS, A.IMAGE_SHARE, sharing.create_repo_domains),
    _op("GET", _DOMAINS, A.IMAGE_SHARES_SEE, sharing.list_repo_domains),
    _op("GET", _DOMAIN, A.IMAGE_SHARES_SEE, sharing.show_access_domain),
    _op("PATCH", _DOMAIN, A.IMAGE_SHARE, sharing.update_repo_domains),
    _op("DELETE", _DOMAIN, A.IMAGE_SHARE, sharing.delete_repo_domains),
    _op("POST", f"{_REPO}/triggers", A.IMAGE_TRIGGER, triggers.create_trigger),
    _op("GET", f"{_REPO}/triggers", A.IMAGE_TRIGGERS_SEE, triggers.list_triggers_details),
    _op("GET", _TRIGGER, A.IMAGE_TRIGGERS_SEE, triggers.show_trigger),
    _op("PATCH", _TRIGGER, A.IMAGE_TRIGGER, triggers.update_trigger),
    _op("DELETE", _TRIGGER, A.IMAGE_TRIGGER, triggers.delete_trigger),
    _op("POST", _RETENTIONS, A.IMAGE_RETAIN, absent.create_retention, LATER),
    _op("GET", _RETENTIONS, A.IMAGE_SEE, absent.list_retentions, SHAPE),
    _op("GET", f"{_RETENTIONS}/histories", A.IMAGE_SEE, absent.list_retention_histories, SHAPE),
    _op("GET", _RETENTION, A.IMAGE_SEE, absent.missing_retention, SHAPE, "show_retention"),
    _op("PATCH", _RETENTION, A.IMAGE_RETAIN, absent.missing_retention, SHAPE, "update_retention"),
    _op("DELETE", _RETENTION, A.IMAGE_RETAIN, absent.missing_retention, SHAPE, "delete_retention"),
    _op("GET", "/v2/manage/regions", A.ACCOUNT_SEE, absent.list_sync_regions, SHAPE),
    _op("POST", f"{_REPO}/sync_repo", A.IMAGE_SYNC, absent.create_image_sync_repo, LATER),
    _op("GET", f"{_REPO}/sync_repo", A.IMAGE_SEE, absent.list_image_auto_sync_repos_details, SHAPE),
    _op("DELETE", f"{_REPO}/sync_repo", A.IMAGE_SYNC, absent.delete_image_sync_repo, SHAPE),
    _op("POST", f"{_REPO}/sync_images", A.IMAGE_SYNC, absent.create_manual_image_sync_repo, LATER),
    _op("GET", f"{_REPO}/sync_job", A.IMAGE_SEE, absent.show_sync_job, SHAPE),
    _op("GET", f"{_REPO}/{{tag}}/accessories", A.IMAGE_SEE, accessories.list_repo_accessories),
    _op("GET", f"{_REPO}/{{tag}}/references", A.IMAGE_SEE, accessories.list_references),
    _op("POST", "/v2/manage/utils/secret", A.LOGIN_MAKE, logins.create_secret),
    _op("POST", "/v2/manage/utils/authorizationtoken", A.LOGIN_MAKE, logins.create_authorization_token),
    _op("GET", "/v2/manage/projects/{project_id}/quotas", A.ACCOUNT_SEE, account.list_quotas),
    _op(
        "GET",
        "/v2/manage/projects/{project_id}/feature-gates",
        A.ACCOUNT_SEE,
        account.show_share_feature_gates,
    ),
    _op("GET", "/v2/manage/overview", A.ACCOUNT_SEE, account.show_domain_overview),
    _op(
        "GET",
        "/v2/manage/reports/{resource_type}/{frequency}",
        A.ACCOUNT_SEE,
        account.show_domain_resource_reports,
    ),
    _op("GET", "/v2/manage/agency", A.ACCOUNT_SEE, account.check_agency),
    _op("POST", "/v2/manage/agency", A.ACCOUNT_SEE, account.create_agency),
    _op("GET", "/", A.VERSIONS_SEE, versions.list_api_versions),
    _op("GET", "/{api_version}", A.VERSIONS_SEE, versions.show_api_version),
)

_PROJECT = "/v2/{project_id}"
_RESOURCE = f"{_PROJECT}/{{resource_type}}"
_SUB_RESOURCE = f"{_RESOURCE}/{{resource_id}}/{{sub_resource_type}}"
_ENTERPRISE_TEMPLATES = (
    f"{_PROJECT}/instances",
    f"{_PROJECT}/instances/{{rest:path}}",
    "/v2/instances/{rest:path}",
    f"{_PROJECT}/repositories",
    f"{_PROJECT}/feature-gates",
    f"{_PROJECT}/jobs",
    f"{_PROJECT}/jobs/{{job_id}}",
    *(
        f"{place}/{{last_id}}/tags{end}"
        for place in (_RESOURCE, _SUB_RESOURCE)
        for end in ("", "/create", "/delete")
    ),
    *(
        f"{place}/resource-instances/{end}"
        for place in (_RESOURCE, _SUB_RESOURCE)
        for end in ("filter", "count")
    ),
)

ENTERPRISE_ROUTES: tuple[Route[Call, Response], ...] = tuple(
    Route(method, template, A.ENTERPRISE_USE, absent.enterprise, Audit.NOTHING)
    for template in _ENTERPRISE_TEMPLATES
    for method in ("GET", "POST", "PUT", "DELETE")
)

ROUTES: tuple[Route[Call, Response], ...] = (
    *(operation.route for operation in OPERATIONS),
    Route("GET", "/v3/projects", A.ACCOUNT_SEE, account.list_projects),
    *ENTERPRISE_ROUTES,
)
