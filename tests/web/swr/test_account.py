"""Quotas, switches, figures and versions over the official SDK."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest

from tests.web.swr.site import Site, code_of, document, refusal, swr
from wherry.access.levels import Level


def test_quotas(site: Site, user: str):
    client = site.client_of(user)

    def quotas():
        return document(client.list_quotas(swr.ListQuotasRequest()))

    expected = {"quota_key": "namespace", "quota_limit": -1, "unit": ""}
    assert quotas() == {"quotas": [expected | {"used": 0}]}
    body = swr.CreateNamespaceRequestBody(namespace=f"{user}-org")
    client.create_namespace(swr.CreateNamespaceRequest(body=body))
    assert quotas() == {"quotas": [expected | {"used": 1}]}


def test_feature_gates(site: Site, user: str):
    answer = site.client_of(user).show_share_feature_gates(swr.ShowShareFeatureGatesRequest())
    on = {"enable_authorization_token", "enable_list_v3"}
    for name in answer.openapi_types:
        assert getattr(answer, name) is (name in on), name
    live = {"enable_cosign_signature": True, "enable_enterprise_edition_link": False}
    assert document(answer).items() >= live.items()


def test_the_overview_of_a_user_has_what_the_user_may_see(site: Site, organization: str, user: str):
    one = site.push(f"{organization}/one", "1")
    site.push(f"{organization}/one", "2")
    site.push(f"{organization}/two", "1")
    site.grant(user, f"{organization}/one", Level.READ)
    answer = site.client_of(user).show_domain_overview(swr.ShowDomainOverviewRequest())
    public = site.admin.list_repos_details(swr.ListReposDetailsRequest(filter="is_public::true")).body or []
    fields = document(answer)
    assert fields == {
        "domain_id": site.user_id(user),
        "domain_name": user,
        "namspace_num": 1,
        "repo_num": 1 + len(public),
        "image_num": 2 + sum(repo.num_images for repo in public),
        "store_space": float(one.size + sum(repo.size for repo in public)),
        "downflow_size": 0.0,
    }
    assert answer.repo_num == fields["repo_num"]
    report = site.client_of(user).show_domain_resource_reports(
        swr.ShowDomainResourceReportsRequest(resource_type="store", frequency="daily")
    )
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    assert document(report) == [{"date": today, "value": fields["store_space"]}]


def test_the_overview_of_the_administrator_has_everything(site: Site, organization: str):
    request = swr.ShowDomainOverviewRequest()
    before = site.admin.show_domain_overview(request)
    pushed = site.push(f"{organization}/app", "1", organization.encode())
    after = site.admin.show_domain_overview(request)
    assert after.namspace_num >= 1
    assert after.repo_num == before.repo_num + 1
    assert after.image_num == before.image_num + 1
    assert after.store_space == before.store_space + pushed.size
    assert (after.domain_id, after.domain_name) == ("1", "admin")


def test_reports(site: Site, user: str):
    client = site.client_of(user)

    def report(kind: str, frequency: str):
        return swr.ShowDomainResourceReportsRequest(resource_type=kind, frequency=frequency)

    assert client.show_domain_resource_reports(report("downflow", "weekly")).body is None
    for kind, frequency in (("store", "hourly"), ("mood", "daily")):
        assert refusal(client.show_domain_resource_reports, report(kind, frequency)) == (400, "4000014")


def test_versions_need_no_key(site: Site):
    listed = site.admin.list_api_versions(swr.ListApiVersionsRequest())
    expected = {
        name: {
            "id": name,
            "links": {"href": f"{site.url}/{name}", "rel": "self"},
            "version": number,
            "status": status,
            "updated": "2026-11-23T00:00:00Z",
            "min_version": number,
        }
        for name, number, status in (("v2", "2.0", "SUPPORTED"), ("v3", "3.0", "CURRENT"))
    }
    assert document(listed) == {"versions": list(expected.values())}
    for name, version in expected.items():
        shown = site.admin.show_api_version(swr.ShowApiVersionRequest(api_version=name))
        assert document(shown) == {"version": version}
        assert shown.version.links.href == f"{site.url}/{name}"
        plain = httpx.get(f"{site.url}/{name}", headers={"content-type": "application/json"})
        assert plain.json() == {"version": version}
    assert len(httpx.get(site.url, headers={"content-type": "application/json"}).json()["versions"]) == 2


def test_agency(site: Site, user: str):
    client = site.client_of(user)
    answer = client.check_agency(swr.CheckAgencyRequest())
    assert document(answer) == {"domain_id": site.user_id(user), "is_agency": False}
    assert answer.is_agency is False
    assert refusal(client.create_agency, swr.CreateAgencyRequest()) == (501, "5010001")


@pytest.mark.parametrize("name", [None, "eu-1"])
def test_the_list_of_projects_has_one(site: Site, name: str | None):
    query = {"name": name} if name else {}
    answer = site.send(site.signed(site.key("admin"), "GET", "/v3/projects", query))
    (project,) = answer.json()["projects"]
    assert (project["name"], len(project["id"])) == (name or "default", 32)
    assert code_of(httpx.get(f"{site.url}/v3/projects")) == (401, "4010000")
