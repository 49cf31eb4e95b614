"""Retention and sync before they are there, and the enterprise edition: shapes, clear refusals."""

from __future__ import annotations

import inspect
from typing import Any

import httpx
import pytest

from tests.web.swr.site import Site, document, refusal, swr
from wherry.access.levels import Level

_RULE = {
    "template": "date_rule",
    "params": {"days": "30"},
    "tag_selectors": [{"kind": "label", "pattern": "x"}],
}
_SYNC = {"remoteRegionId": "eu-1", "remoteNamespace": "group"}

_EMPTY = [
    (swr.ListRetentionsRequest, "list_retentions", {}, []),
    (
        swr.ListRetentionHistoriesRequest,
        "list_retention_histories",
        {"offset": "0", "limit": "10"},
        {"retention_log": [], "total": 0},
    ),
    (swr.ListImageAutoSyncReposDetailsRequest, "list_image_auto_sync_repos_details", {}, []),
    (swr.ShowSyncJobRequest, "show_sync_job", {"filter": "limit::10|offset::0|order::desc"}, []),
]
_NOT_YET = [
    (swr.CreateRetentionRequest, "create_retention", {"body": {"algorithm": "or", "rules": [_RULE]}}),
    (swr.CreateImageSyncRepoRequest, "create_image_sync_repo", {"body": _SYNC}),
    (
        swr.CreateManualImageSyncRepoRequest,
        "create_manual_image_sync_repo",
        {"body": {**_SYNC, "imageTag": ["1"]}},
    ),
]
_MISSING = [
    (swr.ShowRetentionRequest, "show_retention", {"retention_id": 1}, "4040127"),
    (
        swr.UpdateRetentionRequest,
        "update_retention",
        {"retention_id": 1, "body": {"algorithm": "or", "rules": [_RULE]}},
        "4040127",
    ),
    (swr.DeleteRetentionRequest, "delete_retention", {"retention_id": 1}, "4040127"),
    (swr.DeleteImageSyncRepoRequest, "delete_image_sync_repo", {"body": _SYNC}, "4040128"),
]


@pytest.mark.parametrize(("request_class", "operation", "more", "expected"), _EMPTY)
def test_lists_are_empty(
    site: Site, organization: str, request_class: Any, operation: str, more: dict[str, Any], expected: Any
):
    site.push(f"{organization}/app/web", "1")
    for repository in ("app/web", "app$web"):
        request = request_class(namespace=organization, repository=repository, **more)
        answer = getattr(site.admin, operation)(request)
        assert answer.status_code == 200
        assert document(answer) == expected
        if "content_range" in answer.openapi_types:
            assert answer.content_range == "0-0/0"
    missing = request_class(namespace=organization, repository="none", **more)
    assert refusal(getattr(site.admin, operation), missing) == (404, "4040010")


@pytest.mark.parametrize(("request_class", "operation", "more"), _NOT_YET)
def test_what_cannot_be_made_yet_says_so(
    site: Site, organization: str, user: str, request_class: Any, operation: str, more: dict[str, Any]
):
    site.push(f"{organization}/app/web", "1")
    request = request_class(namespace=organization, repository="app/web", **more)
    assert refusal(getattr(site.admin, operation), request) == (501, "5010001")
    site.grant(user, organization, Level.READ)
    assert refusal(getattr(site.client_of(user), operation), request) == (403, "4030170")


@pytest.mark.parametrize(("request_class", "operation", "more", "code"), _MISSING)
def test_what_is_not_there_is_not_found(
    site: Site, organization: str, request_class: Any, operation: str, more: dict[str, Any], code: str
):
    site.push(f"{organization}/app/web", "1")
    request = request_class(namespace=organization, repository="app/web", **more)
    assert refusal(getattr(site.admin, operation), request) == (404, code)


def test_there_are_no_other_regions(site: Site, user: str):
    answer = site.client_of(user).list_sync_regions(swr.ListSyncRegionsRequest())
    assert document(answer) == []


def _enterprise() -> list[str]:
    """The SDK's methods that take an instance's id, or a resource's."""
    named = []
    for name, _ in inspect.getmembers(swr.SwrClient, inspect.isfunction):
        request = getattr(swr, "".join(part.title() for part in name.split("_")) + "Request", None)
        if request is None or name.endswith("_invoker"):
            continue
        info = inspect.getsource(getattr(swr.SwrClient, f"_{name}_http_info"))
        if "/v2/manage" not in info and "/v3/manage" not in info and name not in _VERSIONS:
            named.append(name)
    return named


_VERSIONS = ("list_api_versions", "show_api_version")


def test_the_enterprise_edition_has_115_operations():
    assert len(_enterprise()) == 115


@pytest.mark.parametrize("name", _enterprise())
def test_enterprise_operations_say_that_they_are_not_served(site: Site, name: str):
    request = getattr(swr, "".join(part.title() for part in name.split("_")) + "Request")()
    for field in request.openapi_types:
        if field != "body":
            setattr(request, field, "x1")
    if "body" in request.openapi_types:
        request.body = {}
    assert refusal(getattr(site.admin, name), request) == (501, "5010000")


@pytest.mark.parametrize("path", ["/v2/p/instances", "/v2/p/instances/i/namespaces", "/v2/p/jobs/1"])
def test_without_a_signature_they_are_nothing_to_the_registry(site: Site, path: str):
    answer = httpx.get(site.url + path)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "UNSUPPORTED")
