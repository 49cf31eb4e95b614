"""Sharing images over the official SDK; an account, which SWR shares with, is an organization here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.web.swr.site import BOTH, Site, document, is_moment, refusal, swr
from wherry.access.levels import Level

pytestmark = BOTH


def _tomorrow() -> str:
    return (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _share(organization: str, partner: str, deadline: str = "forever", **more: str):
    body = swr.CreateRepoDomainsRequestBody(
        access_domain=partner, permit=more.pop("permit", "read"), deadline=deadline, **more
    )
    return swr.CreateRepoDomainsRequest(namespace=organization, repository="app/web", body=body)


def _change(organization: str, partner: str, deadline: str, description: str = ""):
    body = swr.UpdateRepoDomainsRequestBody(permit="read", deadline=deadline, description=description)
    return swr.UpdateRepoDomainsRequest(
        namespace=organization, repository="app/web", access_domain=partner, body=body
    )


@pytest.fixture
def partner(site: Site) -> str:
    """Another organization."""
    return site.organization()


def test_a_share_is_made_shown_changed_and_ended(site: Site, organization: str, partner: str, user: str):
    admin, key = site.admin, site.key(user)
    site.push(f"{organization}/app/web", "1")
    site.grant(user, partner, Level.READ)
    where = {"namespace": organization, "repository": "app$web"}
    one = {**where, "access_domain": partner}
    assert site.pull(f"{organization}/app/web", "1", key) == 403
    until = _tomorrow()
    assert admin.create_repo_domains(_share(organization, partner, until, description="d")).status_code == 201
    assert site.pull(f"{organization}/app/web", "1", key) == 200
    expected = {
        "namespace": organization,
        "repository": "app/web",
        "access_domain": partner,
        "permit": "read",
        "deadline": until,
        "description": "d",
        "creator_id": "1",
        "creator_name": "admin",
        "status": True,
    }
    shown = admin.show_access_domain(swr.ShowAccessDomainRequest(**one))
    (listed,) = document(admin.list_repo_domains(swr.ListRepoDomainsRequest(**where)))
    for fields, more in ((document(shown), {"exist": True}), (listed, {})):
        assert is_moment(fields.pop("created"))
        assert is_moment(fields.pop("updated"))
        assert fields == expected | more
    assert shown.access_domain == partner
    assert admin.update_repo_domains(_change(organization, partner, "forever", "new")).status_code == 201
    shown = admin.show_access_domain(swr.ShowAccessDomainRequest(**one))
    assert (shown.deadline, shown.description, shown.status, shown.exist) == ("forever", "new", True, True)
    assert admin.delete_repo_domains(swr.DeleteRepoDomainsRequest(**one)).status_code == 204
    assert site.pull(f"{organization}/app/web", "1", key) == 403
    gone = admin.show_access_domain(swr.ShowAccessDomainRequest(**one))
    assert (gone.exist, gone.status, gone.access_domain) == (False, False, partner)
    assert admin.list_repo_domains(swr.ListRepoDomainsRequest(**where)).body is None


def test_what_is_wrong_is_refused(site: Site, organization: str, partner: str):
    admin = site.admin
    assert refusal(admin.create_repo_domains, _share(organization, partner)) == (404, "4040010")
    site.push(f"{organization}/app/web", "1")
    assert refusal(admin.create_repo_domains, _share(organization, "nowhere")) == (404, "4040058")
    assert refusal(admin.create_repo_domains, _share(organization, organization)) == (400, "4000014")
    for deadline in ("2020-01-01T00:00:00Z", "soon", ""):
        assert refusal(admin.create_repo_domains, _share(organization, partner, deadline)) == (400, "4000014")
    write = _share(organization, partner, permit="write")
    assert refusal(admin.create_repo_domains, write) == (400, "4001065")
    long = _share(organization, partner, description="x" * 1001)
    assert refusal(admin.create_repo_domains, long) == (413, "4131012")
    admin.create_repo_domains(_share(organization, partner))
    assert refusal(admin.create_repo_domains, _share(organization, partner)) == (409, "4090092")
    other = site.organization()
    assert refusal(admin.update_repo_domains, _change(organization, other, "forever")) == (404, "4040092")
    request = swr.DeleteRepoDomainsRequest(organization, "app/web", other)
    assert refusal(admin.delete_repo_domains, request) == (404, "4040092")


def test_only_private_images_are_shared(site: Site, organization: str, partner: str):
    site.push(f"{organization}/app/web", "1")

    def publish(is_public: bool) -> None:
        body = swr.UpdateRepoRequestBody(is_public=is_public)
        site.admin.update_repo(swr.UpdateRepoRequest(organization, "app/web", body))

    publish(True)
    assert refusal(site.admin.create_repo_domains, _share(organization, partner)) == (400, "4000014")
    publish(False)
    assert site.admin.create_repo_domains(_share(organization, partner)).status_code == 201


@pytest.mark.parametrize("level", [None, Level.READ, Level.WRITE])
def test_sharing_takes_the_right_to_edit(
    site: Site, organization: str, partner: str, user: str, level: Level | None
):
    site.push(f"{organization}/app/web", "1")
    if level is not None:
        site.grant(user, f"{organization}/app/web", level)
    client = site.client_of(user)
    where = {"namespace": organization, "repository": "app/web"}
    one = {**where, "access_domain": partner}
    for call, request in (
        (client.create_repo_domains, _share(organization, partner)),
        (client.list_repo_domains, swr.ListRepoDomainsRequest(**where)),
        (client.show_access_domain, swr.ShowAccessDomainRequest(**one)),
        (client.update_repo_domains, _change(organization, partner, "forever")),
        (client.delete_repo_domains, swr.DeleteRepoDomainsRequest(**one)),
    ):
        assert refusal(call, request) == (403, "4030170")


def test_lists_of_what_is_shared(site: Site, organization: str, partner: str, user: str):
    pushed = site.push(f"{organization}/app/web", "1")
    site.push(f"{organization}/kept", "1")
    site.admin.create_repo_domains(_share(organization, partner))
    site.grant(user, partner, Level.READ)
    client, path = site.client_of(user), f"{site.host}/{organization}/app/web"
    request = swr.ListSharedReposDetailsRequest(center="thirdparty")
    answer = client.list_shared_repos_details(request)
    assert answer.content_range == "0-1/1"
    (found,) = document(answer)
    assert is_moment(found.pop("created_at"))
    assert is_moment(found.pop("updated_at"))
    assert found == {
        "name": "app/web",
        "category": "other",
        "description": "",
        "size": pushed.size,
        "is_public": False,
        "num_images": 1,
        "num_download": 0,
        "logo": "",
        "url": path,
        "path": path,
        "internal_path": path,
        "domain_name": organization,
        "namespace": organization,
        "tags": ["1"],
        "status": True,
        "total_range": 1,
    }
    v3 = client.list_shared_repo_details(swr.ListSharedRepoDetailsRequest(shared_by="thirdparty"))
    assert [(repo.name, repo.status) for repo in v3.repos] == [("app/web", True)]
    assert v3.next_marker == 0
    request = swr.ListSharedReposDetailsRequest(center="self", namespace=organization)
    assert client.list_shared_repos_details(request).body is None
    assert [repo.name for repo in site.admin.list_shared_repos_details(request).body] == ["app/web"]
    request = swr.ListSharedReposDetailsRequest(center="", filter="center::thirdparty|name::none")
    assert client.list_shared_repos_details(request).body is None
    request = swr.ListSharedReposDetailsRequest(center="everybody")
    assert refusal(client.list_shared_repos_details, request) == (400, "4000014")


def test_an_expired_share_is_listed_as_such_and_opens_nothing(
    site: Site, organization: str, partner: str, user: str
):
    site.push(f"{organization}/app/web", "1")
    site.admin.create_repo_domains(_share(organization, partner, _tomorrow()))
    site.expire_share(f"{organization}/app/web", partner)
    site.grant(user, partner, Level.READ)
    client = site.client_of(user)
    (found,) = client.list_shared_repos_details(swr.ListSharedReposDetailsRequest(center="thirdparty")).body
    assert (found.status, found.tags) == (False, [])

    def names(status: bool) -> list[str]:
        request = swr.ListSharedRepoDetailsRequest(shared_by="thirdparty", status=status)
        return [repo.name for repo in client.list_shared_repo_details(request).repos or []]

    assert (names(True), names(False)) == ([], ["app/web"])
    show = swr.ShowRepositoryRequest(organization, "app/web")
    assert refusal(client.show_repository, show) == (403, "4030170")
    request = swr.ListRepoDomainsRequest(organization, "app/web")
    assert [share.status for share in site.admin.list_repo_domains(request).body] == [False]
