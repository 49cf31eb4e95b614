"""Images over the official SDK."""

from __future__ import annotations

import pytest

from tests.web.swr.site import BOTH, Site, document, is_moment, refusal, swr
from wherry.access.levels import Level

pytestmark = BOTH


def _create(organization: str, repository: str, is_public: object = False, **more: str):
    body = swr.CreateRepoRequestBody(repository=repository, is_public=is_public, **more)
    return swr.CreateRepoRequest(namespace=organization, body=body)


def _show(organization: str, repository: str):
    return swr.ShowRepositoryRequest(namespace=organization, repository=repository)


@pytest.mark.parametrize(("created_as", "asked_as"), [("app/web", "app$web"), ("app$web", "app/web")])
def test_an_image_is_made_shown_changed_and_deleted(
    site: Site, organization: str, created_as: str, asked_as: str
):
    admin = site.admin
    request = _create(organization, created_as, category="linux", description="The web's face")
    assert admin.create_repo(request).status_code == 201
    pushed = site.push(f"{organization}/app/web", "1")
    site.push(f"{organization}/app/web", "2")
    shown = admin.show_repository(_show(organization, asked_as))
    path = f"{site.host}/{organization}/app/web"
    fields = document(shown)
    assert shown.status_code == 200
    assert is_moment(fields.pop("created"))
    assert is_moment(fields.pop("updated"))
    assert fields.pop("id") > 0
    assert fields.pop("ns_id") == admin.show_namespace(swr.ShowNamespaceRequest(organization)).id
    assert fields.pop("domain_id") == str(shown.ns_id)
    assert fields == {
        "name": "app/web",
        "category": "linux",
        "description": "The web's face",
        "creator_id": "1",
        "creator_name": "admin",
        "size": pushed.size,
        "is_public": False,
        "num_images": 2,
        "num_download": 0,
        "url": path,
        "path": path,
        "internal_path": path,
        "priority": 0,
    }
    body = swr.UpdateRepoRequestBody(is_public=True, category="database", description="Other")
    request = swr.UpdateRepoRequest(namespace=organization, repository=asked_as, body=body)
    assert admin.update_repo(request).status_code == 201
    shown = admin.show_repository(_show(organization, created_as))
    assert (shown.is_public, shown.category, shown.description) == (True, "database", "Other")
    assert site.pull(f"{organization}/app/web", "1") == 200, "public images are pulled without login"
    request = swr.DeleteRepoRequest(namespace=organization, repository=asked_as)
    assert admin.delete_repo(request).status_code == 204
    assert refusal(admin.show_repository, _show(organization, asked_as)) == (404, "4040010")
    assert refusal(admin.delete_repo, request) == (404, "4040010")
    assert site.pull(f"{organization}/app/web", "1") == 401


def test_what_is_wrong_is_refused(site: Site, organization: str):
    admin = site.admin
    admin.create_repo(_create(organization, "app"))
    assert refusal(admin.create_repo, _create(organization, "app")) == (409, "4090006")
    assert refusal(admin.create_repo, _create("nowhere", "app")) == (404, "4040058")
    for name in ("App", "a..b", "-a", "a//b", "a" * 129):
        assert refusal(admin.create_repo, _create(organization, name)) == (400, "4001029")
    assert refusal(admin.create_repo, _create(organization, "b", category="pets")) == (400, "4000014")
    long = "x" * 30_001
    assert refusal(admin.create_repo, _create(organization, "b", description=long)) == (413, "4131012")
    assert refusal(admin.create_repo, _create(organization, "b", "yes")) == (400, "4000014")
    body = swr.UpdateRepoRequestBody(is_public=False)
    request = swr.UpdateRepoRequest(namespace=organization, repository="b", body=body)
    assert refusal(admin.update_repo, request) == (404, "4040010")


def test_levels(site: Site, organization: str, user: str):
    site.push(f"{organization}/app", "1")
    client = site.client_of(user)
    show, delete = _show(organization, "app"), swr.DeleteRepoRequest(organization, "app")

    def update(is_public: bool):
        body = swr.UpdateRepoRequestBody(is_public=is_public, description="new")
        return swr.UpdateRepoRequest(namespace=organization, repository="app", body=body)

    refused = (403, "4030170")
    for call, request in (
        (client.show_repository, show),
        (client.update_repo, update(False)),
        (client.delete_repo, delete),
        (client.create_repo, _create(organization, "new")),
        # Not told apart from one that is there.
        (client.show_repository, _show(organization, "missing")),
    ):
        assert refusal(call, request) == refused
    site.grant(user, f"{organization}/app", Level.READ)
    assert client.show_repository(show).name == "app"
    assert refusal(client.update_repo, update(False)) == refused
    site.grant(user, f"{organization}/app", Level.WRITE)
    assert client.update_repo(update(False)).status_code == 201
    assert refusal(client.update_repo, update(True)) == refused, "visibility takes the right to edit"
    assert refusal(client.delete_repo, delete) == refused
    assert refusal(client.create_repo, _create(organization, "new")) == refused
    site.grant(user, organization, Level.WRITE)
    assert client.create_repo(_create(organization, "new")).status_code == 201
    assert refusal(client.create_repo, _create(organization, "open", is_public=True)) == refused
    site.grant(user, f"{organization}/app", Level.EDIT)
    assert client.update_repo(update(True)).status_code == 201
    assert client.delete_repo(delete).status_code == 204


def _names(answer) -> list[str]:
    return [found.name for found in answer.body or []]


def test_lists_of_v2(site: Site, organization: str):
    admin = site.admin
    admin.create_repo(_create(organization, "app/web", category="linux", description="d"))
    admin.create_repo(_create(organization, "db", is_public=True, category="database"))
    admin.create_repo(_create(organization, "empty"))
    pushed = site.push(f"{organization}/app/web", "1")
    site.push(f"{organization}/app/web", "2")
    site.push(f"{organization}/db", "1")

    def page(**parameters):
        return admin.list_repos_details(swr.ListReposDetailsRequest(namespace=organization, **parameters))

    (found,) = document(page(name="app"))
    path = f"{site.host}/{organization}/app/web"
    assert is_moment(found.pop("created_at"))
    assert is_moment(found.pop("updated_at"))
    assert found == {
        "name": "app/web",
        "category": "linux",
        "description": "d",
        "size": pushed.size,
        "is_public": False,
        "num_images": 2,
        "num_download": 0,
        "logo": "",
        "url": path,
        "path": path,
        "internal_path": path,
        "domain_name": organization,
        "namespace": organization,
        "tags": ["2", "1"],
        "status": True,
        "total_range": 1,
    }
    assert _names(page()) == ["db", "app/web", "empty"], "what changed last comes first"
    assert page().content_range == "0-3/3"
    assert _names(page(order_column="name", order_type="asc")) == ["app/web", "db", "empty"]
    assert _names(page(order_column="tag_count", order_type="desc")) == ["app/web", "db", "empty"]
    assert _names(page(order_column="updated_time", order_type="asc")) == ["empty", "app/web", "db"]
    second = page(order_column="name", order_type="asc", offset="1", limit="1")
    assert (_names(second), second.content_range, second.body[0].total_range) == (["db"], "1-1/3", 3)
    assert _names(page(category="database")) == ["db"]
    assert _names(page(name="app$web")) == _names(page(name="p/w")) == ["app/web"]
    assert _names(page(name=organization)) == [], "the organization is not part of the name"
    assert _names(page(name="%")) == _names(page(name="_")) == []
    assert page(name="nothing").body is None
    by_filter = admin.list_repos_details(
        swr.ListReposDetailsRequest(
            namespace="other", filter=f"namespace::{organization}|name::d|limit::10|offset::0"
        )
    )
    assert _names(by_filter) == ["db"]


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"order_column": "color", "order_type": "asc"}, "4001096"),
        ({"order_column": "name", "order_type": "up"}, "4001096"),
        ({"limit": "0", "offset": "0"}, "4000014"),
        ({"limit": "1001", "offset": "0"}, "4000014"),
        ({"limit": "ten", "offset": "0"}, "4000014"),
        ({"limit": "10", "offset": "-1"}, "4000014"),
        ({"limit": "10", "offset": "99999999999999999999"}, "4000014"),
        ({"filter": "size::3"}, "4001035"),
    ],
)
def test_lists_refuse_what_they_do_not_know(site: Site, parameters: dict[str, str], code: str):
    request = swr.ListReposDetailsRequest(**parameters)
    assert refusal(site.admin.list_repos_details, request) == (400, code)


def test_lists_of_v3(site: Site, organization: str):
    admin = site.admin
    admin.create_repo(_create(organization, "app/web", category="linux", description="d"))
    admin.create_repo(_create(organization, "db", is_public=True))
    pushed = site.push(f"{organization}/app/web", "1")

    def page(**parameters):
        return admin.list_repo_details(swr.ListRepoDetailsRequest(namespace=organization, **parameters))

    first = page(limit=1)
    (found,) = document(first)["repos"]
    assert is_moment(found.pop("created_at"))
    assert is_moment(found.pop("updated_at"))
    assert found.pop("id") == first.next_marker
    assert found == {
        "name": "app/web",
        "category": "linux",
        "description": "d",
        "size": pushed.size,
        "is_public": False,
        "num_images": 1,
        "num_download": 0,
        "domain_name": organization,
        "namespace_name": organization,
        "status": True,
    }
    last = page(limit=1, marker=first.next_marker)
    assert ([repo.name for repo in last.repos], last.next_marker) == (["db"], 0)
    assert [repo.name for repo in page(is_public=True).repos] == ["db"]
    assert [repo.name for repo in page(is_public=False).repos] == ["app/web"]
    assert [repo.name for repo in page(category="linux").repos] == ["app/web"]
    assert [repo.name for repo in page(name="WEB").repos] == ["app/web"]


def test_lists_show_what_one_may_see(site: Site, organization: str, user: str):
    for name in ("one", "two", "three"):
        site.push(f"{organization}/{name}", "1")
    site.admin.create_repo(_create(organization, "open", is_public=True))
    site.grant(user, f"{organization}/one", Level.READ)
    by_name = {"namespace": organization, "order_column": "name", "order_type": "asc"}
    request = swr.ListReposDetailsRequest(**by_name)
    assert _names(site.client_of(user).list_repos_details(request)) == ["one", "open"]
    robot = site.client_of("admin", scope={f"{organization}/two": 1})
    answer = robot.list_repos_details(request)
    assert (_names(answer), answer.content_range) == (["two"], "0-1/1")
    v3 = robot.list_repo_details(swr.ListRepoDetailsRequest())
    assert [repo.name for repo in v3.repos] == ["two"]
    site.grant(user, organization, Level.READ)
    assert len(_names(site.client_of(user).list_repos_details(request))) == 4
