"""Which paths are whose: the registry keeps its own, whatever images and organizations are called."""

from __future__ import annotations

import httpx
import pytest

from tests.web.swr.site import Site, code_of, refusal, swr
from wherry.web.swr.paths import concerns_swr


def _concerns(path: str, *headers: tuple[bytes, bytes]) -> bool:
    return concerns_swr({"type": "http", "path": path, "headers": list(headers)})


@pytest.mark.parametrize(
    "path",
    [
        "/v2/",
        "/v2/_catalog",
        "/v2/acme/web/manifests/1",
        "/v2/acme/web/blobs/sha256:0",
        "/v2/acme/web/blobs/uploads/",
        "/v2/acme/web/blobs/uploads/1",
        "/v2/acme/web/tags/list",
        "/v2/acme/web/referrers/sha256:0",
        # Images with names out of the other API.
        "/v2/acme/instances/manifests/1",
        "/v2/acme/instances/tags/list",
        "/v2/acme/instances/web/referrers/sha256:0",
        "/v2/acme/repositories/blobs/sha256:0",
        "/v2/instances/web/blobs/uploads/1",
        "/v2/acme/jobs/tags/list",
        "/token",
        "/",
        "/v2",
        "/healthz",
        "/metrics",
        "/v30",
        "/v2/manager/web/manifests/1",
        "/v2/manage-it/tags/list",
        # Somebody pushes to the name that is reserved for this face.
        "/v2/manage",
        "/v2/manage/app/manifests/1",
        "/v2/manage/app/blobs/uploads/",
    ],
)
def test_the_registrys(path: str):
    assert not _concerns(path)


@pytest.mark.parametrize(
    "path",
    [
        "/v2/manage/namespaces",
        "/v2/manage/namespaces/a/repos/manifests/b/tags",
        "/v3/manage/repos",
        "/v3/projects",
        "/v3",
    ],
)
def test_this_faces(path: str):
    assert _concerns(path)


@pytest.mark.parametrize(
    "path",
    [
        "/v2/manage/blobs/x",
        "/v2/manage",
        "/v2/p/instances",
        "/v2/p/instances/i/endpoint-policy",
        "/v2/instances/i/namespaces/n/repositories/r/tags/t",
        "/v2/p/repositories",
        "/v2/p/feature-gates",
        "/v2/p/jobs/j",
        "/v2/p/type/id/tags",
        "/v2/p/type/id/sub/id/tags/create",
        "/v2/p/type/resource-instances/filter",
    ],
)
def test_this_faces_when_they_are_signed(path: str):
    assert _concerns(path, (b"authorization", b"SDK-HMAC-SHA256 Access=A"))
    assert not _concerns(path)


@pytest.mark.parametrize("path", ["/", "/v2"])
def test_of_what_both_have_the_headers_tell(path: str):
    assert _concerns(path, (b"content-type", b"application/json"))
    assert _concerns(path, (b"authorization", b"SDK-HMAC-SHA256 Access=A"))
    assert not _concerns(path, (b"authorization", b"Basic YTpi"), (b"accept", b"application/json"))


def test_the_registry_answers_as_before(site: Site, organization: str):
    assert site.registry.get("/v2/").json() == {}
    assert site.registry.get("/v2").json() == {}
    assert httpx.get(f"{site.url}/v2/").status_code == 401
    for name in ("instances", "jobs/x", "repositories", "instances/a/b/tags"):
        image = f"{organization}/{name}"
        pushed = site.push(image, "1")
        assert site.pull(image, pushed.digest, site.key("admin")) == 200
        assert site.registry.get(f"/v2/{image}/tags/list").json() == {"name": image, "tags": ["1"]}
        assert site.registry.get(f"/v2/{image}/referrers/{pushed.digest}").status_code == 200


@pytest.mark.parametrize("name", ["manifests/x", "blobs/uploads/x", "tags/list", "access", "histories"])
def test_images_with_names_of_either_api(site: Site, organization: str, name: str):
    body = swr.CreateRepoRequestBody(repository=name, is_public=False)
    site.admin.create_repo(swr.CreateRepoRequest(namespace=organization, body=body))
    for spelled in (name, name.replace("/", "$")):
        shown = site.admin.show_repository(swr.ShowRepositoryRequest(organization, spelled))
        assert shown.name == name
        request = swr.ListRepositoryTagsRequest(namespace=organization, repository=spelled)
        assert site.admin.list_repository_tags(request).body is None


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/v2/manage/nothing", (404, "4040083")),
        ("GET", "/v2/manage/", (404, "4040083")),
        ("GET", "/v3/nothing", (404, "4040083")),
        ("GET", "/v2/manage/instances", (404, "4040083")),
        ("GET", "/v2/manage/namespaces/a/repos/b/c/tags", (404, "4040083")),
        ("PUT", "/v2/manage/namespaces", (405, "4050000")),
        ("GET", "/v2/manage/namespaces/A", (400, "4001028")),
        ("GET", "/v2/manage/namespaces/a%2Fb", (400, "4001028")),
        ("GET", "/v2/manage/namespaces/a%00", (400, "4000014")),
        ("GET", "/v2/manage/namespaces/%FF", (400, "4000014")),
        ("GET", "/v2/manage/namespaces/a/repos/B", (400, "4001029")),
        ("GET", "/v2/manage/namespaces/a/repos/..%2Fb", (400, "4001029")),
        ("GET", "/v2/manage/namespaces/library/repos/a%2Fb", (400, "4001029")),
        ("GET", "/v2/manage/namespaces/a/repos/b/tags/-x", (404, "4040058")),
    ],
)
def test_paths_that_lead_nowhere(site: Site, method: str, path: str, expected: tuple[int, str]):
    key = site.key(site.user())
    assert code_of(site.send(site.signed(key, method, path))) == expected


def test_head_has_no_body(site: Site):
    answer = httpx.head(f"{site.url}/v2/manage/namespaces", timeout=60)
    assert (answer.status_code, answer.content) == (405, b"")


def test_images_without_an_organization_are_in_library(site: Site):
    site.push("plain", "1")
    shown = site.admin.show_repository(swr.ShowRepositoryRequest("library", "plain"))
    assert (shown.name, shown.path) == ("plain", f"{site.host}/plain")
    client = site.client_of(site.user())
    request = swr.ShowRepositoryRequest("library", "plain")
    assert refusal(client.show_repository, request) == (403, "4030170")


def test_a_browser_and_a_probe_are_not_taken_for_an_sdk(site: Site):
    browser = httpx.get(site.url, headers={"accept": "text/html"})
    assert (browser.status_code, browser.headers["location"]) == (303, "/console/")
    assert httpx.get(f"{site.url}/healthz").text == "ok\n"
