"""Tags and what belongs to them, over the official SDK."""

from __future__ import annotations

import json

import pytest

from tests.web.swr.site import BOTH, Site, document, is_moment, refusal, swr
from wherry.access.levels import Level

pytestmark = BOTH


def _bare(digest: str) -> str:
    return digest.removeprefix("sha256:")


def _retag(organization: str, source: str, destination: str, override: bool | None = None):
    body = swr.CreateRepoTagRequestBody(source_tag=source, destination_tag=destination, override=override)
    return swr.CreateRepoTagRequest(namespace=organization, repository="app/web", body=body)


@pytest.mark.parametrize("repository", ["app/web", "app$web"])
def test_one_tag(site: Site, organization: str, repository: str):
    pushed = site.push(f"{organization}/app/web", "1.0")
    where = {"namespace": organization, "repository": repository}
    shown = site.admin.show_repo_tag(swr.ShowRepoTagRequest(**where, tag="1.0"))
    image = site.admin.show_repository(swr.ShowRepositoryRequest(**where))
    fields = document(shown)
    path = f"{site.host}/{organization}/app/web:1.0"
    assert shown.status_code == 200
    assert is_moment(fields.pop("created"))
    assert is_moment(fields.pop("updated"))
    assert isinstance(fields.pop("id"), int)
    assert fields == {
        "repo_id": image.id,
        "tag": "1.0",
        "image_id": _bare(pushed.config),
        "manifest": pushed.content.decode(),
        "digest": pushed.digest,
        "schema": 2,
        "path": path,
        "internal_path": path,
        "size": pushed.size,
        "is_trusted": False,
        "domain_id": image.domain_id,
        "tag_type": 0,
    }
    assert shown.tag == "1.0"
    request = swr.DeleteRepoTagRequest(**where, tag="1.0")
    assert site.admin.delete_repo_tag(request).status_code == 204
    assert refusal(site.admin.delete_repo_tag, request) == (404, "4040048")
    show = swr.ShowRepoTagRequest(**where, tag="1.0")
    assert refusal(site.admin.show_repo_tag, show) == (404, "4040048")


def test_lists_of_v2(site: Site, organization: str):
    one = site.push(f"{organization}/app/web", "one", b"1")
    two = site.push(f"{organization}/app/web", "two", b"22")
    both = site.push_index(f"{organization}/app/web", "both", [one, two])
    where = {"namespace": organization, "repository": "app$web"}

    def page(**parameters):
        return site.admin.list_repository_tags(swr.ListRepositoryTagsRequest(**where, **parameters))

    answer = page()
    assert answer.content_range == "0-3/3"
    assert [tag.tag for tag in answer.body] == ["both", "two", "one"], "what moved last comes first"
    raw = {found["Tag"]: found for found in document(answer)}
    image = site.admin.show_repository(swr.ShowRepositoryRequest(**where))
    for name, pushed in (("one", one), ("two", two), ("both", both)):
        fields, path = raw[name], f"{site.host}/{organization}/app/web:{name}"
        assert is_moment(fields.pop("created"))
        assert is_moment(fields.pop("updated"))
        assert fields.pop("id") != image.id
        assert fields == {
            "repo_id": image.id,
            "Tag": name,
            "image_id": _bare(pushed.config or pushed.digest),
            "manifest": pushed.content.decode(),
            "digest": pushed.digest,
            "schema": 2,
            "path": path,
            "internal_path": path,
            "size": pushed.size,
            "is_trusted": False,
            "deleted": None,
            "domain_id": image.domain_id,
            "scanned": False,
            "tag_type": 1 if pushed is both else 0,
        }
    assert len({tag.id for tag in answer.body}) == 3
    oldest = page(order_column="updated_at", order_type="asc", offset="0", limit="1")
    assert ([tag.tag for tag in oldest.body], oldest.content_range) == (["one"], "0-1/3")
    assert [tag.tag for tag in page(tag="o", offset="1", limit="2").body] == ["two", "one"]
    assert [tag.tag for tag in page(filter="tag::tw|limit::10|offset::0").body] == ["two"]
    assert page(tag="none").body is None
    assert refusal(
        site.admin.list_repository_tags,
        swr.ListRepositoryTagsRequest(**where, order_column="size", order_type="asc"),
    ) == (400, "4001096")


def test_lists_of_v3(site: Site, organization: str):
    pushed = [site.push(f"{organization}/app/web", f"v{number}") for number in range(3)]

    def page(**parameters):
        return site.admin.list_repository_tag(
            swr.ListRepositoryTagRequest(namespace=organization, repository="app/web", **parameters)
        )

    first = page(limit=2, order_column="tag", order_type="asc")
    assert ([tag.tag for tag in first.tags], first.has_more) == (["v0", "v1"], True)
    rest = page(limit=2, order_column="tag", order_type="asc", marker=first.next_marker)
    assert ([tag.tag for tag in rest.tags], rest.has_more, rest.next_marker) == (["v2"], False, "")
    (found,) = document(page(tag="v1", with_manifest=True))["tags"]
    path = f"{site.host}/{organization}/app/web:v1"
    for name in ("created", "updated"):
        assert is_moment(found.pop(name))
    image = site.admin.show_repository(swr.ShowRepositoryRequest(organization, "app/web"))
    assert isinstance(found.pop("id"), int)
    assert found == {
        "repo_id": image.id,
        "tag": "v1",
        "image_id": _bare(pushed[1].config),
        "manifest": pushed[1].content.decode(),
        "digest": pushed[1].digest,
        "schema": 2,
        "path": path,
        "internal_path": path,
        "size": pushed[1].size,
        "is_trusted": False,
        "domain_id": image.domain_id,
        "tag_type": 0,
    }
    assert {tag.manifest for tag in page().tags} == {""}
    for marker in ("x", "1", "1.", ".v1", "-1.v1", "9" * 18 + ".v1"):
        request = swr.ListRepositoryTagRequest(namespace=organization, repository="app/web", marker=marker)
        assert refusal(site.admin.list_repository_tag, request) == (400, "4000014")


@pytest.mark.parametrize("order", [{}, {"order_column": "tag", "order_type": "desc"}])
def test_a_list_of_v3_goes_on_where_it_was_whatever_came_and_went(
    site: Site, organization: str, order: dict[str, str]
):
    for number in range(5):
        site.push(f"{organization}/app/web", f"v{number}")
    where = {"namespace": organization, "repository": "app/web"}

    def page(marker: str | None):
        request = swr.ListRepositoryTagRequest(**where, limit=2, marker=marker, **order)
        return site.admin.list_repository_tag(request)

    first = page(None)
    assert [tag.tag for tag in first.tags] == ["v4", "v3"]
    site.push(f"{organization}/app/web", "v9")
    site.admin.delete_repo_tag(swr.DeleteRepoTagRequest(**where, tag="v3"))
    second = page(first.next_marker)
    assert [tag.tag for tag in second.tags] == ["v2", "v1"]
    assert [tag.tag for tag in page(second.next_marker).tags] == ["v0"]


def test_a_further_tag(site: Site, organization: str):
    one = site.push(f"{organization}/app/web", "one", b"1")
    two = site.push(f"{organization}/app/web", "two", b"2")
    admin = site.admin
    assert admin.create_repo_tag(_retag(organization, "one", "latest")).status_code == 201

    def latest() -> str:
        request = swr.ShowRepoTagRequest(namespace=organization, repository="app/web", tag="latest")
        digest: str = admin.show_repo_tag(request).digest
        return digest

    assert latest() == one.digest
    assert refusal(admin.create_repo_tag, _retag(organization, "two", "latest")) == (409, "4090048")
    assert refusal(admin.create_repo_tag, _retag(organization, "two", "latest", False)) == (409, "4090048")
    assert latest() == one.digest
    assert admin.create_repo_tag(_retag(organization, "two", "latest", True)).status_code == 201
    assert latest() == two.digest
    assert refusal(admin.create_repo_tag, _retag(organization, "none", "x")) == (404, "4040048")
    assert refusal(admin.create_repo_tag, _retag(organization, "one", "a b")) == (400, "4000014")


def test_levels(site: Site, organization: str, user: str):
    site.push(f"{organization}/app/web", "one")
    client, refused = site.client_of(user), (403, "4030170")
    where = {"namespace": organization, "repository": "app/web"}
    reads = (
        (client.list_repository_tags, swr.ListRepositoryTagsRequest(**where)),
        (client.list_repository_tag, swr.ListRepositoryTagRequest(**where)),
        (client.show_repo_tag, swr.ShowRepoTagRequest(**where, tag="one")),
        (client.list_repo_accessories, swr.ListRepoAccessoriesRequest(**where, tag="one")),
        (client.list_references, swr.ListReferencesRequest(**where, tag="one")),
    )
    retag, delete = _retag(organization, "one", "two"), swr.DeleteRepoTagRequest(**where, tag="one")
    for call, request in reads:
        assert refusal(call, request) == refused
    site.grant(user, f"{organization}/app/web", Level.READ)
    for call, request in reads:
        assert call(request).status_code == 200
    assert refusal(client.create_repo_tag, retag) == refused
    site.grant(user, f"{organization}/app/web", Level.WRITE)
    assert client.create_repo_tag(retag).status_code == 201
    assert refusal(client.delete_repo_tag, delete) == refused
    site.grant(user, f"{organization}/app/web", Level.EDIT)
    assert client.delete_repo_tag(delete).status_code == 204


def test_accessories_and_what_they_are_of(site: Site, organization: str):
    name = f"{organization}/app/web"
    image = site.push(name, "1.0")
    site.push(name, "stable")
    signature = site.push(name, f"sha256-{_bare(image.digest)}.sig", b"signature")
    referrer = site.push(name, "sbom", b"sbom", image, artifactType="application/spdx+json")
    where = {"namespace": organization, "repository": "app/web"}
    answer = site.admin.list_repo_accessories(
        swr.ListRepoAccessoriesRequest(**where, tag="1.0", limit=10, offset=0)
    )
    assert answer.status_code == 200
    assert answer.total == 2
    first, second = document(answer)["accessories"]
    repository = site.admin.show_repository(swr.ShowRepositoryRequest(**where))
    for found, pushed, tag, kind in (
        (first, signature, f"sha256-{_bare(image.digest)}.sig", "application/vnd.oci.image.config.v1+json"),
        (second, referrer, "sbom", "application/spdx+json"),
    ):
        assert is_moment(found.pop("created_at"))
        assert is_moment(found.pop("updated_at"))
        assert isinstance(found.pop("id"), int)
        assert found == {
            "domain_id": repository.domain_id,
            "namespace_name": organization,
            "repo_name": "app/web",
            "sig_tag": tag,
            "sig_digest": pushed.digest,
            "target_digest": image.digest,
            "size": len(pushed.content),
            "type": kind,
        }
    page = site.admin.list_repo_accessories(
        swr.ListRepoAccessoriesRequest(**where, tag="1.0", limit=10, offset=1)
    )
    assert ([found.sig_tag for found in page.accessories], page.total) == (["sbom"], 2)
    for tag in ("sbom", f"sha256-{_bare(image.digest)}.sig"):
        of = site.admin.list_references(swr.ListReferencesRequest(**where, tag=tag, limit=1))
        assert (of.tags, of.has_more, of.next_marker) == (["1.0"], True, "1.0")
        of = site.admin.list_references(swr.ListReferencesRequest(**where, tag=tag, marker="1.0"))
        assert (of.tags, of.has_more, of.next_marker) == (["stable"], False, "")
    assert (
        json.loads(site.admin.list_references(swr.ListReferencesRequest(**where, tag="1.0")).raw_content)[
            "tags"
        ]
        == []
    )
    request = swr.ListRepoAccessoriesRequest(**where, tag="none")
    assert refusal(site.admin.list_repo_accessories, request) == (404, "4040048")
    request = swr.ListReferencesRequest(**where, tag="1.0", limit=11)
    assert refusal(site.admin.list_references, request) == (400, "4000014")
