"""Quotas, switches, figures and versions over the official SDK."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

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


@pytest.mark.parametrize(
    ("frequency", "back", "start"),
    [
        ("daily", (0, 3, 31, 32), lambda day: day),
        ("weekly", (0, 7, 8, 182, 183), lambda day: day - timedelta(days=day.weekday())),
        ("monthly", (0, 40, 366, 367), lambda day: day.replace(day=1)),
    ],
)
def test_what_was_pulled_is_summed_by_day_week_and_month(
    site: Site, organization: str, frequency: str, back: tuple[int, ...], start: Callable[[date], date]
):
    """The last of `back` is too long ago to be shown."""
    image, today = f"{organization}/app", datetime.now(UTC).date()
    site.push(image, "1")
    for days in back:
        site.add_pulls(image, datetime.now(UTC) - timedelta(days=days), 100 + days)
    client = site.client_of("admin", scope={image: 1})
    request = swr.ShowDomainResourceReportsRequest(resource_type="downflow", frequency=frequency)
    expected: dict[str, float] = {}
    for days in sorted(back[:-1], reverse=True):
        when = start(today - timedelta(days=days)).isoformat()
        expected[when] = expected.get(when, 0.0) + 100 + days
    answer = document(client.show_domain_resource_reports(request))
    assert answer == [{"date": when, "value": value} for when, value in expected.items()]
    overview = client.show_domain_overview(swr.ShowDomainOverviewRequest())
    assert overview.downflow_size == sum(100 + days for days in back)


def test_an_auditor_sees_the_figures_of_everything(site: Site, organization: str):
    site.push(f"{organization}/app", "1", organization.encode())
    auditor = site.client_of(site.user(is_auditor=True))
    request = swr.ShowDomainOverviewRequest()
    ours, theirs = (document(client.show_domain_overview(request)) for client in (site.admin, auditor))
    assert ours.pop("domain_name") != theirs.pop("domain_name")
    assert ours.pop("domain_id") != theirs.pop("domain_id")
    assert ours == theirs


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
    assert document(answer) == {"domain_id": site.user_id(user), "is_agency": True}
    assert answer.is_agency is True
    assert client.create_agency(swr.CreateAgencyRequest()).status_code == 201


@pytest.mark.parametrize("name", [None, "eu-1"])
def test_the_list_of_projects_has_one(site: Site, name: str | None):
    query = {"name": name} if name else {}
    answer = site.send(site.signed(site.key("admin"), "GET", "/v3/projects", query))
    (project,) = answer.json()["projects"]
    assert (project["name"], len(project["id"])) == (name or "default", 32)
    assert code_of(httpx.get(f"{site.url}/v3/projects")) == (401, "4010000")
