"""Every list in pages: one after the other they are the whole list, by parameters and by `filter`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.web.swr.site import BOTH, Site, refusal, swr
from wherry.access.levels import Level

pytestmark = BOTH

NAMES = ["api", "app/web", "db", "web-2", "web_1"]


class Lists:
    """An organization with images, shared with another; `app/web` has tags, and signatures on one of them."""

    def __init__(self, site: Site) -> None:
        self.organization, self.partner, self.user = site.organization(), site.organization(), site.user()
        self.whole = f"{self.organization}/app/web"
        image = site.push(self.whole, "a", b"image")
        for tag in ("b", "c", "d"):
            site.push(self.whole, tag, b"image")
        for number in range(3):
            site.push(self.whole, f"sig{number}", b"%d" % number, subject=image)
        for name in NAMES:
            if name != "app/web":
                site.push(f"{self.organization}/{name}", "1")
            body = swr.CreateRepoDomainsRequestBody(
                access_domain=self.partner, permit="read", deadline="forever"
            )
            site.admin.create_repo_domains(swr.CreateRepoDomainsRequest(self.organization, name, body))
        site.grant(self.user, self.partner, Level.READ)
        self.theirs = site.client_of(self.user)


@pytest.fixture(scope="module")
def lists(site: Site) -> Lists:
    return Lists(site)


def _names(found: Any) -> list[str]:
    return [
        item if isinstance(item, str) else getattr(item, "tag", None) or item.name for item in found or []
    ]


V2 = {
    "list_repos_details": ("ListReposDetailsRequest", {}, "name", NAMES),
    "list_shared_repos_details": ("ListSharedReposDetailsRequest", {"center": "self"}, "name", NAMES),
    "list_repository_tags": (
        "ListRepositoryTagsRequest",
        {"repository": "app$web"},
        "tag",
        ["a", "b", "c", "d", "sig0", "sig1", "sig2"],
    ),
}


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize("by_filter", [False, True], ids=["parameters", "filter"])
@pytest.mark.parametrize("operation", V2)
def test_pages_of_v2(site: Site, lists: Lists, operation: str, by_filter: bool, size: int):
    request_class, more, column, expected = V2[operation]
    order = {"order_column": column, "order_type": "asc"}

    def page(offset: int) -> Any:
        asked = {**order, "offset": str(offset), "limit": str(size)}
        if by_filter:
            words = {**asked, "center": "self"} if "shared" in operation else asked
            if operation != "list_repository_tags":
                words["namespace"] = lists.organization
            asked = {"filter": "|".join(f"{key}::{value}" for key, value in words.items())}
        request = getattr(swr, request_class)(namespace=lists.organization, **more, **asked)
        return getattr(site.admin, operation)(request)

    found: list[str] = []
    for offset in range(0, len(expected) + size, size):
        answer = page(offset)
        names = _names(answer.body)
        assert answer.content_range == f"{offset}-{len(names)}/{len(expected)}"
        found += names
    assert found == expected


def _all(ask: Callable[[Any], Any], items: str, marker_of: Callable[[Any], Any]) -> list[str]:
    found, marker = [], None
    for _ in range(20):
        answer = ask(marker)
        found += _names(getattr(answer, items))
        marker = marker_of(answer)
        if not marker:
            return found
    raise AssertionError("the pages have no end")


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_pages_of_v3(site: Site, lists: Lists, size: int):
    where = {"namespace": lists.organization}

    def images(marker: Any) -> Any:
        return site.admin.list_repo_details(swr.ListRepoDetailsRequest(**where, limit=size, marker=marker))

    def shared(marker: Any) -> Any:
        request = swr.ListSharedRepoDetailsRequest(shared_by="thirdparty", limit=size, marker=marker)
        return lists.theirs.list_shared_repo_details(request)

    for ask in (images, shared):
        in_order = _all(ask, "repos", lambda answer: answer.next_marker)
        assert in_order == ["app/web", *[name for name in NAMES if name != "app/web"]]

    def tags(marker: Any) -> Any:
        request = swr.ListRepositoryTagRequest(
            **where, repository="app/web", limit=size, marker=marker, order_column="tag", order_type="desc"
        )
        answer = site.admin.list_repository_tag(request)
        assert answer.has_more is bool(answer.next_marker)
        return answer

    found = _all(tags, "tags", lambda answer: answer.next_marker)
    assert found == ["sig2", "sig1", "sig0", "d", "c", "b", "a"]


@pytest.mark.parametrize("size", [1, 2, 10])
def test_pages_of_accessories_and_references(site: Site, lists: Lists, size: int):
    where = {"namespace": lists.organization, "repository": "app/web"}
    found = []
    for offset in range(0, 3 + size, size):
        request = swr.ListRepoAccessoriesRequest(**where, tag="a", limit=size, offset=offset)
        answer = site.admin.list_repo_accessories(request)
        assert answer.total == 3
        found += [item.sig_tag for item in answer.accessories]
    assert found == ["sig0", "sig1", "sig2"]

    def references(marker: Any) -> Any:
        request = swr.ListReferencesRequest(**where, tag="sig1", limit=size, marker=marker)
        answer = site.admin.list_references(request)
        assert answer.has_more is bool(answer.next_marker)
        return answer

    assert _all(references, "tags", lambda answer: answer.next_marker) == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("column", "direction", "expected"),
    [
        ("name", "asc", NAMES),
        ("name", "desc", NAMES[::-1]),
        ("namespace", "asc", NAMES),
        ("tag_count", "desc", ["app/web", "api", "db", "web-2", "web_1"]),
        ("updated_time", "asc", ["app/web", "api", "db", "web-2", "web_1"]),
        ("updated_at", "desc", ["web_1", "web-2", "db", "api", "app/web"]),
    ],
)
def test_orders(site: Site, lists: Lists, column: str, direction: str, expected: list[str]):
    request = swr.ListReposDetailsRequest(
        namespace=lists.organization, order_column=column, order_type=direction
    )
    assert _names(site.admin.list_repos_details(request).body) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"name": "web"}, ["app/web", "web-2", "web_1"]),
        ({"name": "WEB"}, ["app/web", "web-2", "web_1"]),
        ({"name": "web_"}, ["web_1"]),
        ({"name": "p$w"}, ["app/web"]),
        ({"name": "web", "category": "other", "is_public": "false"}, ["app/web", "web-2", "web_1"]),
        ({"category": "linux"}, []),
        ({"is_public": "true"}, []),
        # A key with nothing behind it narrows nothing.
        ({"name": "", "category": ""}, NAMES),
    ],
)
def test_filters(site: Site, lists: Lists, words: dict[str, str], expected: list[str]):
    pairs = {"namespace": lists.organization, "order_column": "name", "order_type": "asc", **words}
    request = swr.ListReposDetailsRequest(
        # With a filter the plain parameters do not count.
        namespace="nowhere",
        name="nothing",
        filter="|".join(f"{key}::{value}" for key, value in pairs.items()),
    )
    assert _names(site.admin.list_repos_details(request).body) == expected


@pytest.mark.parametrize(("part", "expected"), [("sig", 3), ("SIG", 3), ("2", 1), ("%", 0), ("_", 0)])
def test_tags_are_found_by_a_part_of_their_name(site: Site, lists: Lists, part: str, expected: int):
    where = {"namespace": lists.organization, "repository": "app/web"}
    answers = (
        site.admin.list_repository_tags(swr.ListRepositoryTagsRequest(**where, tag=part)).body,
        site.admin.list_repository_tags(swr.ListRepositoryTagsRequest(**where, filter=f"tag::{part}")).body,
        site.admin.list_repository_tag(swr.ListRepositoryTagRequest(**where, tag=part)).tags,
    )
    assert [len(found or []) for found in answers] == [expected] * 3


@pytest.mark.parametrize("text", ["name", "name:web", "::", "name::a|", "|", "nome::a", "name::a||name::b"])
def test_filters_that_are_none(site: Site, lists: Lists, text: str):
    request = swr.ListReposDetailsRequest(namespace=lists.organization, filter=text)
    assert refusal(site.admin.list_repos_details, request) == (400, "4001035")
