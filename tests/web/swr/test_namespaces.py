"""Organizations over the official SDK."""

from __future__ import annotations

import pytest

from tests.web.swr.site import BOTH, Site, document, refusal, swr
from wherry.access.levels import Level

pytestmark = BOTH


def _create(name: str):
    return swr.CreateNamespaceRequest(body=swr.CreateNamespaceRequestBody(namespace=name))


def _names(answer) -> dict[str, int]:
    return {found.name: found.auth for found in answer.namespaces or []}


def test_the_maker_of_an_organization_manages_it(site: Site, user: str):
    client = site.client_of(user)
    answer = client.create_namespace(_create(f"{user}-org"))
    assert answer.status_code == 201
    (found,) = client.list_namespaces(swr.ListNamespacesRequest()).namespaces
    assert (found.name, found.creator_name, found.auth) == (f"{user}-org", user, 7)
    shown = client.show_namespace(swr.ShowNamespaceRequest(namespace=f"{user}-org"))
    assert (shown.status_code, shown.id, shown.name, shown.creator_name, shown.auth) == (
        200,
        found.id,
        f"{user}-org",
        user,
        7,
    )
    assert set(document(shown)) == {"id", "name", "creator_name", "auth"}
    assert client.delete_namespaces(swr.DeleteNamespacesRequest(namespace=f"{user}-org")).status_code == 204
    assert client.list_namespaces(swr.ListNamespacesRequest()).namespaces == []


def test_a_name_that_is_taken_is_refused(site: Site, organization: str, user: str):
    assert refusal(site.client_of(user).create_namespace, _create(organization)) == (409, "4090060")


@pytest.mark.parametrize("name", ["1abc", "Abc", "a..b", "a-", "a" * 65, "a___b", "a b", "a/b", "", "a\0"])
def test_a_name_that_breaks_the_rules_is_refused(site: Site, name: str):
    status, code = refusal(site.admin.create_namespace, _create(name))
    assert status == 400
    assert code in ("4001028", "4000014")


@pytest.mark.parametrize("name", ["library", "manage", "v2", "v3", "token"])
def test_reserved_names_are_refused(site: Site, name: str):
    assert refusal(site.admin.create_namespace, _create(name)) == (400, "4001028")


@pytest.mark.parametrize("name", ["a1", "a" * 64, "a.b-c__d", "a--b"])
def test_names_at_the_edge_of_the_rules_are_taken(site: Site, name: str):
    assert site.admin.create_namespace(_create(name)).status_code == 201
    assert site.admin.delete_namespaces(swr.DeleteNamespacesRequest(namespace=name)).status_code == 204


def test_an_organization_with_images_is_not_deleted(site: Site, organization: str):
    site.push(f"{organization}/app", "1")
    request = swr.DeleteNamespacesRequest(namespace=organization)
    assert refusal(site.admin.delete_namespaces, request) == (406, "4060074")


def test_what_is_not_there(site: Site, user: str):
    for client in (site.admin, site.client_of(user)):
        show = swr.ShowNamespaceRequest(namespace="nowhere")
        assert refusal(client.show_namespace, show) == (404, "4040058")
        delete = swr.DeleteNamespacesRequest(namespace="nowhere")
        assert refusal(client.delete_namespaces, delete) == (404, "4040058")


def test_lists_show_what_one_has_a_right_on(site: Site, organization: str, user: str):
    only_image, none = site.organization(), site.organization()
    site.grant(user, organization, Level.WRITE)
    site.grant(user, f"{only_image}/app", Level.EDIT)
    client = site.client_of(user)
    assert _names(client.list_namespaces(swr.ListNamespacesRequest())) == {organization: 3}
    visible = client.list_namespaces(swr.ListNamespacesRequest(filter="mode::visible"))
    assert _names(visible) == {organization: 3, only_image: 0}
    everything = _names(site.admin.list_namespaces(swr.ListNamespacesRequest()))
    assert everything[organization] == everything[only_image] == everything[none] == 7


def test_lists_are_narrowed_by_parameter_and_by_filter(site: Site, organization: str):
    other = site.organization()
    by_name = site.admin.list_namespaces(swr.ListNamespacesRequest(namespace=organization))
    assert _names(by_name) == {organization: 7}
    by_filter = site.admin.list_namespaces(
        swr.ListNamespacesRequest(namespace=organization, filter=f"namespace::{other}|mode::visible")
    )
    assert _names(by_filter) == {other: 7}, "with a filter the plain parameters do not count"
    for text in ("namespace", "color::red", "namespace:x"):
        request = swr.ListNamespacesRequest(filter=text)
        assert refusal(site.admin.list_namespaces, request) == (400, "4001035")
    request = swr.ListNamespacesRequest(filter="mode::secret")
    assert refusal(site.admin.list_namespaces, request) == (400, "4000014")


@pytest.mark.parametrize(
    ("level", "may_see", "may_delete"),
    [(None, False, False), (Level.READ, True, False), (Level.WRITE, True, False), (Level.EDIT, True, True)],
)
def test_levels(
    site: Site, organization: str, user: str, level: Level | None, may_see: bool, may_delete: bool
):
    if level is not None:
        site.grant(user, organization, level)
    client = site.client_of(user)
    show = swr.ShowNamespaceRequest(namespace=organization)
    delete = swr.DeleteNamespacesRequest(namespace=organization)
    if may_see:
        assert client.show_namespace(show).auth == int(level or 0)
    else:
        assert refusal(client.show_namespace, show) == (403, "4030170")
    if may_delete:
        assert client.delete_namespaces(delete).status_code == 204
    else:
        assert refusal(client.delete_namespaces, delete) == (403, "4030170")


def test_a_key_for_some_images_makes_no_organization_and_sees_no_other(site: Site, organization: str):
    other = site.organization()
    client = site.client_of("admin", scope={organization: 1, f"{other}/app": 3})
    assert refusal(client.create_namespace, _create("robots")) == (403, "4030170")
    assert _names(client.list_namespaces(swr.ListNamespacesRequest())) == {organization: 1}
    visible = client.list_namespaces(swr.ListNamespacesRequest(filter="mode::visible"))
    assert _names(visible) == {organization: 1, other: 0}
    delete = swr.DeleteNamespacesRequest(namespace=organization)
    assert refusal(client.delete_namespaces, delete) == (403, "4030170")
