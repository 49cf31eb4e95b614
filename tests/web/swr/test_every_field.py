"""Every operation over the official SDK, after real pushes: every attribute of its answer has its value.

A check is a function of the operation's name; what it expects is compared as a whole with what the SDK read,
so an attribute more, or one that is not set, fails it. An operation without a check fails too.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.web.swr.every_field import Check, Scene, Span, Text, asked
from tests.web.swr.site import BOTH, Pushed, Site, document, refusal, swr, unpacked
from wherry.access.levels import Level
from wherry.triggers.runs import State as RunState
from wherry.web.swr.routes import OPERATIONS, Operation, State
from wherry.web.swr.tags import derived_id

CHECKS: dict[str, Callable[[Scene], Check]] = {}
DESCRIPTION = "The web's face: <b>ä 漢字</b>"
UNTIL = "2099-12-31T23:59:59Z"


def check(function: Callable[[Scene], Check]) -> Callable[[Scene], Check]:
    CHECKS[function.__name__] = function
    return function


@BOTH
@pytest.mark.parametrize("spelling", ["app/web", "app$web"])
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_field(site: Site, organization: str, user: str, operation: Operation, spelling: str):
    made = CHECKS[operation.name](Scene(site, organization, user, spelling))
    answer, status, fields = asked(made.by or site.admin, operation.name, made.request)
    assert fields == made.fields
    assert status == made.status
    if operation.state is State.WORKS and operation.route.method != "GET":
        assert made.then is not None, "a change is looked at"
    if made.then is not None:
        made.then(answer)


def test_every_operation_of_the_sdk_has_a_check():
    """The SDK's own methods, without those of the enterprise edition, which test_absent.py calls."""
    from tests.web.swr.test_absent import _enterprise

    methods = {
        name.removeprefix("_").removesuffix("_http_info")
        for name in vars(swr.SwrClient)
        if name.endswith("_http_info")
    }
    assert methods - set(_enterprise()) == set(CHECKS)
    assert len(CHECKS) == 59


# Organizations


@check
def create_namespace(scene: Scene) -> Check:
    name, client = f"{scene.user}-made", scene.site.client_of(scene.user)

    def then(_: Any) -> None:
        shown = client.show_namespace(swr.ShowNamespaceRequest(namespace=name))
        assert (shown.name, shown.creator_name, shown.auth) == (name, scene.user, 7)
        client.delete_namespaces(swr.DeleteNamespacesRequest(namespace=name))

    body = swr.CreateNamespaceRequestBody(namespace=name)
    return Check(swr.CreateNamespaceRequest(body=body), 201, by=client, then=then)


@check
def list_namespaces(scene: Scene) -> Check:
    scene.site.push(scene.image, "1")
    own, _ = scene.partner()
    scene.site.grant(scene.user, own, Level.WRITE)
    scene.site.grant(scene.user, scene.image, Level.READ)
    client = scene.site.client_of(scene.user)
    (listed,) = client.list_namespaces(swr.ListNamespacesRequest()).namespaces
    assert (listed.name, listed.auth) == (own, 3), "a right on an image lists no organization"
    one = client.list_namespaces(swr.ListNamespacesRequest(namespace=scene.organization)).namespaces
    assert one == []
    found = {"id": scene.organization_id, "name": scene.organization, "creator_name": "admin", "auth": 0}
    by_filter = swr.ListNamespacesRequest(filter=f"namespace::{scene.organization}|mode::visible")
    return Check(by_filter, 200, {"namespaces": [found]}, by=client)


@check
def show_namespace(scene: Scene) -> Check:
    scene.site.grant(scene.user, scene.organization, Level.WRITE)
    shown = {"id": scene.organization_id, "name": scene.organization, "creator_name": "admin", "auth": 3}
    request = swr.ShowNamespaceRequest(namespace=scene.organization)
    return Check(request, 200, shown, by=scene.site.client_of(scene.user))


@check
def delete_namespaces(scene: Scene) -> Check:
    scene.site.push(scene.image, "1")
    request = swr.DeleteNamespacesRequest(namespace=scene.organization)
    assert refusal(scene.admin.delete_namespaces, request) == (406, "4060074"), "it has an image"
    scene.admin.delete_repo(swr.DeleteRepoRequest(**scene.where))

    def then(_: Any) -> None:
        show = swr.ShowNamespaceRequest(namespace=scene.organization)
        assert refusal(scene.admin.show_namespace, show) == (404, "4040058")
        assert refusal(scene.admin.delete_namespaces, request) == (404, "4040058")

    return Check(request, 204, then=then)


# Rights


def _on_organization(scene: Scene) -> dict[str, int]:
    shown = scene.admin.show_namespace_auth(swr.ShowNamespaceAuthRequest(namespace=scene.organization))
    return {auth.user_name: auth.auth for auth in shown.others_auths}


def _on_image(scene: Scene) -> dict[str, int]:
    shown = scene.admin.show_user_repository_auth(swr.ShowUserRepositoryAuthRequest(**scene.where))
    return {auth.user_name: auth.auth for auth in shown.others_auths or []}


@check
def create_namespace_auth(scene: Scene) -> Check:
    other = scene.site.user()
    body = [scene.auth(scene.user, 7), scene.auth(other, 1)]

    def then(_: Any) -> None:
        assert _on_organization(scene) == {scene.user: 7, other: 1}

    return Check(swr.CreateNamespaceAuthRequest(namespace=scene.organization, body=body), 200, then=then)


@check
def show_namespace_auth(scene: Scene) -> Check:
    other = scene.site.user()
    scene.site.grant(scene.user, scene.organization, Level.EDIT)
    scene.site.grant(other, scene.organization, Level.READ)
    shown = {
        "id": scene.organization_id,
        "name": scene.organization,
        "creator_name": "admin",
        "self_auth": scene.plain_auth(scene.user, 7),
        "others_auths": [scene.plain_auth("admin", 7), scene.plain_auth(other, 1)],
    }
    request = swr.ShowNamespaceAuthRequest(namespace=scene.organization)
    return Check(request, 200, shown, by=scene.site.client_of(scene.user))


@check
def update_namespace_auth(scene: Scene) -> Check:
    scene.site.grant(scene.user, scene.organization, Level.EDIT)

    def then(_: Any) -> None:
        assert _on_organization(scene) == {scene.user: 3}

    body = [scene.auth(scene.user, 3)]
    return Check(swr.UpdateNamespaceAuthRequest(namespace=scene.organization, body=body), 201, then=then)


@check
def delete_namespace_auth(scene: Scene) -> Check:
    scene.site.grant(scene.user, scene.organization, Level.EDIT)

    def then(_: Any) -> None:
        assert _on_organization(scene) == {}

    body = [scene.site.user_id(scene.user)]
    return Check(swr.DeleteNamespaceAuthRequest(namespace=scene.organization, body=body), 204, then=then)


@check
def create_user_repository_auth(scene: Scene) -> Check:
    scene.make_image()
    other = scene.site.user()

    def then(_: Any) -> None:
        assert _on_image(scene) == {scene.user: 7, other: 3}

    body = [scene.auth(scene.user, 7), scene.auth(other, 3)]
    return Check(swr.CreateUserRepositoryAuthRequest(**scene.where, body=body), 201, then=then)


@check
def show_user_repository_auth(scene: Scene) -> Check:
    scene.make_image()
    other = scene.site.user()
    scene.site.grant(scene.user, scene.image, Level.EDIT)
    scene.site.grant(other, scene.image, Level.WRITE)
    shown = {
        "id": scene.image_id,
        "name": "app/web",
        "self_auth": scene.plain_auth(scene.user, 7),
        "others_auths": [scene.plain_auth(other, 3)],
    }
    request = swr.ShowUserRepositoryAuthRequest(**scene.where)
    return Check(request, 200, shown, by=scene.site.client_of(scene.user))


@check
def update_user_repository_auth(scene: Scene) -> Check:
    scene.make_image()
    scene.site.grant(scene.user, scene.image, Level.EDIT)

    def then(_: Any) -> None:
        assert _on_image(scene) == {scene.user: 1}

    body = [scene.auth(scene.user, 1)]
    return Check(swr.UpdateUserRepositoryAuthRequest(**scene.where, body=body), 201, then=then)


@check
def delete_user_repository_auth(scene: Scene) -> Check:
    scene.make_image()
    scene.site.grant(scene.user, scene.image, Level.EDIT)

    def then(_: Any) -> None:
        assert _on_image(scene) == {}

    body = [scene.site.user_id(scene.user)]
    return Check(swr.DeleteUserRepositoryAuthRequest(**scene.where, body=body), 204, then=then)


# Images


def _shown(scene: Scene, made: Span, changed: Span, **more: object) -> dict[str, object]:
    return {
        "id": scene.image_id,
        "ns_id": scene.organization_id,
        "name": "app/web",
        "category": "other",
        "description": "",
        "creator_id": "1",
        "creator_name": "admin",
        "size": 0,
        "is_public": False,
        "num_images": 0,
        "num_download": 0,
        "url": scene.path,
        "path": scene.path,
        "internal_path": scene.path,
        "created": made,
        "updated": changed,
        "domain_id": str(scene.organization_id),
        "priority": 0,
        **more,
    }


def _listed(scene: Scene, made: Span, changed: Span, **more: object) -> dict[str, object]:
    return {
        "name": "app/web",
        "category": "linux",
        "description": DESCRIPTION,
        "size": 0,
        "is_public": False,
        "num_images": 0,
        "num_download": 0,
        "created_at": made,
        "updated_at": changed,
        "logo": "",
        "url": scene.path,
        "path": scene.path,
        "internal_path": scene.path,
        "domain_name": scene.organization,
        "namespace": scene.organization,
        "tags": [],
        "status": True,
        "total_range": 1,
        **more,
    }


def _listed_v3(scene: Scene, made: Span, changed: Span, **more: object) -> dict[str, object]:
    fields = _listed(scene, made, changed) | {"id": scene.image_id, "namespace_name": scene.organization}
    for name in ("logo", "url", "path", "internal_path", "namespace", "tags", "total_range"):
        del fields[name]
    return fields | more


def _filled(scene: Scene) -> tuple[Pushed, Span, Span]:
    """The image with two tags of one manifest and one of another: what was pushed first, and when."""
    with Span() as made:
        scene.make_image(category="linux", description=DESCRIPTION)
    pushed = scene.site.push(scene.image, "1", b"one")
    scene.site.push(scene.image, "1.0", b"one")
    with Span() as changed:
        scene.site.push(scene.image, "2", b"two!")
    return pushed, made, changed


@check
def create_repo(scene: Scene) -> Check:
    def then(_: Any) -> None:
        _, status, fields = asked(scene.admin, "show_repository", swr.ShowRepositoryRequest(**scene.where))
        made.__exit__()
        more = {"category": "arm", "description": DESCRIPTION, "is_public": True}
        assert (status, fields) == (200, _shown(scene, made, made, **more))

    made = Span()
    body = swr.CreateRepoRequestBody(
        repository=scene.spelling, is_public=True, category="arm", description=DESCRIPTION
    )
    return Check(swr.CreateRepoRequest(namespace=scene.organization, body=body), 201, then=then)


@check
def show_repository(scene: Scene) -> Check:
    pushed, made, changed = _filled(scene)
    two = len(b"two!") - len(b"one")
    for _ in range(3):
        assert scene.site.pull(scene.image, "1", scene.site.key("admin")) == 200
    more = {
        "category": "linux",
        "description": DESCRIPTION,
        # The config of the second image has its layer in hexadecimal.
        "size": 2 * pushed.size + two + 2 * two,
        "num_images": 3,
        "num_download": 3,
    }
    return Check(swr.ShowRepositoryRequest(**scene.where), 200, _shown(scene, made, changed, **more))


@check
def update_repo(scene: Scene) -> Check:
    with Span() as made:
        scene.make_image(category="linux", description="before")

    def then(_: Any) -> None:
        shown = scene.admin.show_repository(swr.ShowRepositoryRequest(**scene.where))
        assert (shown.is_public, shown.category, shown.description) == (True, "lang", DESCRIPTION)
        assert made == shown.created
        # What is not sent stays.
        body = swr.UpdateRepoRequestBody(is_public=False)
        scene.admin.update_repo(swr.UpdateRepoRequest(**scene.where, body=body))
        shown = scene.admin.show_repository(swr.ShowRepositoryRequest(**scene.where))
        assert (shown.is_public, shown.category, shown.description) == (False, "lang", DESCRIPTION)

    body = swr.UpdateRepoRequestBody(is_public=True, category="lang", description=DESCRIPTION)
    return Check(swr.UpdateRepoRequest(**scene.where, body=body), 201, then=then)


@check
def delete_repo(scene: Scene) -> Check:
    scene.site.push(scene.image, "1")

    def then(_: Any) -> None:
        show = swr.ShowRepositoryRequest(**scene.where)
        assert refusal(scene.admin.show_repository, show) == (404, "4040010")
        assert scene.site.registry.get(f"/v2/{scene.image}/manifests/1").status_code == 404

    return Check(swr.DeleteRepoRequest(**scene.where), 204, then=then)


@check
def list_repos_details(scene: Scene) -> Check:
    _, made, changed = _filled(scene)
    scene.site.pull(scene.image, "2", scene.site.key("admin"))
    more = {"size": _size_of(scene), "num_images": 3, "num_download": 1, "tags": ["2", "1.0", "1"]}
    found = _listed(scene, made, changed, **more)
    request = swr.ListReposDetailsRequest(namespace=scene.organization, name=scene.spelling)
    return Check(request, 200, {"body": [found], "content_range": "0-1/1"})


@check
def list_repo_details(scene: Scene) -> Check:
    _, made, changed = _filled(scene)
    scene.site.push(f"{scene.organization}/second", "1")
    scene.site.pull(scene.image, "2", scene.site.key("admin"))
    found = _listed_v3(scene, made, changed, size=_size_of(scene), num_images=3, num_download=1)
    request = swr.ListRepoDetailsRequest(namespace=scene.organization, limit=1)
    return Check(request, 200, {"repos": [found], "next_marker": scene.image_id})


@check
def list_shared_repos_details(scene: Scene) -> Check:
    _, made, changed = _filled(scene)
    partner, client = scene.partner()
    scene.share(partner)
    found = _listed(scene, made, changed, size=_size_of(scene), num_images=3, tags=["2", "1.0", "1"])
    request = swr.ListSharedReposDetailsRequest(center="thirdparty", name=scene.spelling)
    return Check(request, 200, {"body": [found], "content_range": "0-1/1"}, by=client)


@check
def list_shared_repo_details(scene: Scene) -> Check:
    _, made, changed = _filled(scene)
    partner, client = scene.partner()
    scene.share(partner, UNTIL)
    scene.site.expire_share(scene.image, partner)
    found = _listed_v3(scene, made, changed, size=_size_of(scene), num_images=3, status=False)
    request = swr.ListSharedRepoDetailsRequest(shared_by="thirdparty", status=False)
    return Check(request, 200, {"repos": [found], "next_marker": 0}, by=client)


def _size_of(scene: Scene) -> int:
    return int(scene.admin.show_repository(swr.ShowRepositoryRequest(**scene.where)).size)


# Tags


def _tag(
    scene: Scene, name: str, pushed: Pushed, made: Span, moved: Span, **more: object
) -> dict[str, object]:
    path = f"{scene.path}:{name}"
    return {
        "id": derived_id(scene.image_id, name),
        "repo_id": scene.image_id,
        "tag": name,
        "image_id": (pushed.config or pushed.digest).removeprefix("sha256:"),
        "manifest": pushed.content.decode(),
        "digest": pushed.digest,
        "schema": 2,
        "path": path,
        "internal_path": path,
        "size": pushed.size,
        "is_trusted": False,
        "created": made,
        "updated": moved,
        "domain_id": str(scene.organization_id),
        "tag_type": 0,
        **more,
    }


@check
def create_repo_tag(scene: Scene) -> Check:
    with Span() as made:
        pushed = scene.site.push(scene.image, "1")
    moved = Span()

    def then(_: Any) -> None:
        _, _, fields = asked(scene.admin, "show_repo_tag", swr.ShowRepoTagRequest(**scene.where, tag="new"))
        assert fields == _tag(scene, "new", pushed, made, moved)
        assert refusal(scene.admin.create_repo_tag, request) == (409, "4090048")

    body = swr.CreateRepoTagRequestBody(source_tag="1", destination_tag="new")
    request = swr.CreateRepoTagRequest(**scene.where, body=body)
    return Check(request, 201, then=then)


@check
def list_repository_tags(scene: Scene) -> Check:
    with Span() as first:
        one = scene.site.push(scene.image, "amd", b"1")
    with Span() as second:
        two = scene.site.push(scene.image, "arm", b"22")
    with Span() as third:
        both = scene.site.push_index(scene.image, "both", [one, two])
    extra = {"deleted": None, "scanned": False}
    found = [
        _tag(scene, "both", both, third, third, tag_type=1, **extra),
        _tag(scene, "arm", two, second, second, **extra),
        _tag(scene, "amd", one, first, first, **extra),
    ]
    request = swr.ListRepositoryTagsRequest(**scene.where)
    return Check(request, 200, {"body": found, "content_range": "0-3/3"})


@check
def list_repository_tag(scene: Scene) -> Check:
    with Span() as made:
        pushed = scene.site.push(scene.image, "a")
    with Span() as moved:
        scene.site.push(scene.image, "b")
    request = swr.ListRepositoryTagRequest(
        **scene.where, limit=1, order_column="tag", order_type="desc", with_manifest=True
    )
    first = scene.admin.list_repository_tag(request)
    assert (first.has_more, len(first.tags)) == (True, 1)
    request.marker = first.next_marker
    rest = scene.admin.list_repository_tag(request)
    assert [tag.tag for tag in rest.tags] == ["a"]
    assert (rest.has_more, rest.next_marker) == (False, "")
    found = _tag(scene, "b", pushed, made, moved)
    request.marker = None
    return Check(request, 200, {"tags": [found], "has_more": True, "next_marker": first.next_marker})


@check
def show_repo_tag(scene: Scene) -> Check:
    with Span() as made:
        pushed = scene.site.push(scene.image, "1.0", b"layer")
    return Check(
        swr.ShowRepoTagRequest(**scene.where, tag="1.0"), 200, _tag(scene, "1.0", pushed, made, made)
    )


@check
def delete_repo_tag(scene: Scene) -> Check:
    pushed = scene.site.push(scene.image, "1")
    scene.site.push(scene.image, "2")

    def then(_: Any) -> None:
        show = swr.ShowRepoTagRequest(**scene.where, tag="1")
        assert refusal(scene.admin.show_repo_tag, show) == (404, "4040048")
        for reference, status in (("1", 404), ("2", 200), (pushed.digest, 200)):
            path = f"/v2/{scene.image}/manifests/{reference}"
            assert scene.site.registry.get(path).status_code == status

    return Check(swr.DeleteRepoTagRequest(**scene.where, tag="1"), 204, then=then)


@check
def list_repo_accessories(scene: Scene) -> Check:
    image = scene.site.push(scene.image, "1", b"image")
    kind = "application/vnd.example.signature"
    with Span() as made:
        signed = scene.site.push(scene.image, "", b"sig", subject=image, artifactType=kind)
    found = {
        "id": derived_id(scene.image_id, signed.digest, None),
        "domain_id": str(scene.organization_id),
        "namespace_name": scene.organization,
        "repo_name": "app/web",
        "sig_tag": "",
        "sig_digest": signed.digest,
        "target_digest": image.digest,
        "size": len(signed.content),
        "type": kind,
        "created_at": made,
        "updated_at": made,
    }
    request = swr.ListRepoAccessoriesRequest(**scene.where, tag="1", limit=10, offset=0)
    return Check(request, 200, {"total": 1, "accessories": [found]})


@check
def list_references(scene: Scene) -> Check:
    image = scene.site.push(scene.image, "1", b"image")
    for tag in ("2", "3"):
        scene.site.push(scene.image, tag, b"image")
    scene.site.push(scene.image, "signature", b"sig", subject=image)
    request = swr.ListReferencesRequest(**scene.where, tag="signature", limit=2)
    return Check(request, 200, {"tags": ["1", "2"], "has_more": True, "next_marker": "2"})


# Sharing


def _share(scene: Scene, partner: str, made: Span, changed: Span, **more: object) -> dict[str, object]:
    return {
        "namespace": scene.organization,
        "repository": "app/web",
        "access_domain": partner,
        "permit": "read",
        "deadline": UNTIL,
        "description": DESCRIPTION,
        "creator_id": "1",
        "creator_name": "admin",
        "created": made,
        "updated": changed,
        "status": True,
        "exist": True,
        **more,
    }


def _shown_share(scene: Scene, partner: str) -> dict[str, object]:
    request = swr.ShowAccessDomainRequest(**scene.where, access_domain=partner)
    _, status, fields = asked(scene.admin, "show_access_domain", request)
    assert status == 200
    return fields


@check
def create_repo_domains(scene: Scene) -> Check:
    scene.site.push(scene.image, "1")
    partner, client = scene.partner()
    made = Span()

    def then(_: Any) -> None:
        assert _shown_share(scene, partner) == _share(scene, partner, made, made)
        assert client.show_repository(swr.ShowRepositoryRequest(**scene.where)).name == "app/web"

    body = swr.CreateRepoDomainsRequestBody(
        access_domain=partner, permit="read", deadline=UNTIL, description=DESCRIPTION
    )
    return Check(swr.CreateRepoDomainsRequest(**scene.where, body=body), 201, then=then)


@check
def list_repo_domains(scene: Scene) -> Check:
    scene.make_image()
    partners = sorted(scene.partner()[0] for _ in range(2))
    with Span() as made:
        scene.share(partners[0], UNTIL, DESCRIPTION)
        scene.share(partners[1], "forever")
    scene.site.expire_share(scene.image, partners[0])
    found = [
        _share(scene, partners[0], made, made, status=False, deadline="1970-01-01T00:00:01Z"),
        _share(scene, partners[1], made, made, description="", deadline="forever"),
    ]
    for share in found:
        # The SDK reads the elements as the answer of show_access_domain; in a list it has no `exist`.
        del share["exist"]
    return Check(swr.ListRepoDomainsRequest(**scene.where), 200, {"body": found})


@check
def show_access_domain(scene: Scene) -> Check:
    scene.make_image()
    partner, _ = scene.partner()
    nothing = _shown_share(scene, partner)
    assert nothing == {
        **dict.fromkeys(nothing, ""),
        "namespace": scene.organization,
        "repository": "app/web",
        "access_domain": partner,
        "status": False,
        "exist": False,
    }
    with Span() as made:
        scene.share(partner, UNTIL, DESCRIPTION)
    request = swr.ShowAccessDomainRequest(**scene.where, access_domain=partner)
    return Check(request, 200, _share(scene, partner, made, made))


@check
def update_repo_domains(scene: Scene) -> Check:
    scene.make_image()
    partner, _ = scene.partner()
    with Span() as made:
        scene.share(partner, UNTIL, DESCRIPTION)
    changed = Span()

    def then(_: Any) -> None:
        expected = _share(scene, partner, made, changed, deadline="forever", description="new")
        assert _shown_share(scene, partner) == expected

    body = swr.UpdateRepoDomainsRequestBody(permit="read", deadline="forever", description="new")
    request = swr.UpdateRepoDomainsRequest(**scene.where, access_domain=partner, body=body)
    return Check(request, 201, then=then)


@check
def delete_repo_domains(scene: Scene) -> Check:
    scene.make_image()
    partner, client = scene.partner()
    scene.share(partner)

    def then(_: Any) -> None:
        assert _shown_share(scene, partner)["exist"] is False
        show = swr.ShowRepositoryRequest(**scene.where)
        assert refusal(client.show_repository, show) == (403, "4030170")

    return Check(swr.DeleteRepoDomainsRequest(**scene.where, access_domain=partner), 204, then=then)


# Triggers


def _trigger(scene: Scene, **more: str) -> tuple[dict[str, str], dict[str, Any]]:
    """What is asked for, and what is shown of it."""
    cluster = scene.site.cluster(scene.organization)
    body = {
        "name": "t",
        "action": "update",
        "app_type": "statefulsets",
        "application": "web",
        "cluster_id": scene.site.cluster_id(cluster),
        "cluster_name": cluster,
        "cluster_ns": "shop",
        "container": "app",
        "trigger_mode": "cce",
        "trigger_type": "tag",
        "condition": "1;2",
        "enable": "true",
        **more,
    }
    return body, {**body, "creator_name": "admin", "created_at": Span(), "trigger_history": []}


def _make_trigger(scene: Scene) -> dict[str, Any]:
    """A trigger that has fired twice; answers what is shown of it."""
    body, shown = _trigger(scene)
    scene.make_image()
    scene.admin.create_trigger(
        swr.CreateTriggerRequest(**scene.where, body=swr.CreateTriggerRequestBody(**body))
    )
    fired = Span()
    scene.site.run_trigger(scene.image, "t", "1", RunState.SUCCESS, "2 of 2 pods run it")
    scene.site.run_trigger(scene.image, "t", "2", RunState.ROLLED_BACK, "it does not start")
    told: dict[str, Any] = {
        key: value
        for key, value in body.items()
        if key not in ("name", "enable", "trigger_type", "trigger_mode")
    }
    told |= {"creator_name": "ann", "created_at": fired}
    shown["trigger_history"] = [
        {**told, "tag": "2", "result": "failed", "detail": "rolled back: it does not start"},
        {**told, "tag": "1", "result": "success", "detail": "2 of 2 pods run it"},
    ]
    return shown


@check
def create_trigger(scene: Scene) -> Check:
    body, shown = _trigger(scene)
    scene.make_image()

    def then(_: Any) -> None:
        answered = scene.admin.show_trigger(swr.ShowTriggerRequest(**scene.where, trigger="t"))
        assert document(answered) == shown

    request = swr.CreateTriggerRequest(**scene.where, body=swr.CreateTriggerRequestBody(**body))
    return Check(request, 201, then=then)


@check
def list_triggers_details(scene: Scene) -> Check:
    return Check(swr.ListTriggersDetailsRequest(**scene.where), 200, {"body": [_make_trigger(scene)]})


@check
def show_trigger(scene: Scene) -> Check:
    shown = _make_trigger(scene)
    return Check(swr.ShowTriggerRequest(**scene.where, trigger="t"), 200, shown)


@check
def update_trigger(scene: Scene) -> Check:
    _make_trigger(scene)

    def then(_: Any) -> None:
        assert scene.admin.show_trigger(swr.ShowTriggerRequest(**scene.where, trigger="t")).enable == "false"

    body = swr.UpdateTriggerRequestBody(enable="false")
    return Check(swr.UpdateTriggerRequest(**scene.where, trigger="t", body=body), 201, then=then)


@check
def delete_trigger(scene: Scene) -> Check:
    _make_trigger(scene)

    def then(_: Any) -> None:
        shown = swr.ShowTriggerRequest(**scene.where, trigger="t")
        assert refusal(scene.admin.show_trigger, shown) == (404, "4040126")

    return Check(swr.DeleteTriggerRequest(**scene.where, trigger="t"), 204, then=then)


# Retention, sync: what is not there yet


def _error(code: str, message: str) -> dict[str, Any]:
    return {
        "error_code": f"SVCSTG.SWR.{code}",
        "error_msg": message,
        "request_id": Text("[0-9a-f]{32}"),
        "encoded_auth_msg": None,
    }


def _rules() -> list[Any]:
    selector = swr.TagSelector(kind="label", pattern="x")
    return [swr.Rule(template="date_rule", params={"days": "30"}, tag_selectors=[selector])]


@check
def create_retention(scene: Scene) -> Check:
    scene.make_image()
    body = swr.CreateRetentionRequestBody(algorithm="or", rules=_rules())
    request = swr.CreateRetentionRequest(**scene.where, body=body)
    return Check(request, 501, _error("5010001", "retention not yet available"))


@check
def list_retentions(scene: Scene) -> Check:
    scene.make_image()
    return Check(swr.ListRetentionsRequest(**scene.where), 200, {"body": None}, then=_is_empty_array)


@check
def list_retention_histories(scene: Scene) -> Check:
    scene.make_image()
    request = swr.ListRetentionHistoriesRequest(**scene.where, filter="limit::10|offset::0")
    nothing = {"retention_log": [], "total": 0, "content_range": "0-0/0"}
    return Check(request, 200, nothing)


@check
def show_retention(scene: Scene) -> Check:
    scene.make_image()
    request = swr.ShowRetentionRequest(**scene.where, retention_id=1)
    return Check(request, 404, _error("4040127", "there is no such retention rule"))


@check
def update_retention(scene: Scene) -> Check:
    scene.make_image()
    body = swr.UpdateRetentionRequestBody(algorithm="or", rules=_rules())
    request = swr.UpdateRetentionRequest(**scene.where, retention_id=1, body=body)
    return Check(request, 404, _error("4040127", "there is no such retention rule"))


@check
def delete_retention(scene: Scene) -> Check:
    scene.make_image()
    request = swr.DeleteRetentionRequest(**scene.where, retention_id=1)
    return Check(request, 404, _error("4040127", "there is no such retention rule"))


@check
def list_sync_regions(scene: Scene) -> Check:
    return Check(swr.ListSyncRegionsRequest(), 200, {"body": None}, then=_is_empty_array)


@check
def create_image_sync_repo(scene: Scene) -> Check:
    scene.make_image()
    body = swr.CreateImageSyncRepoRequestBody(remote_region_id="eu-1", remote_namespace="group")
    request = swr.CreateImageSyncRepoRequest(**scene.where, body=body)
    return Check(request, 501, _error("5010001", "sync to other registries not yet available"))


@check
def list_image_auto_sync_repos_details(scene: Scene) -> Check:
    scene.make_image()
    request = swr.ListImageAutoSyncReposDetailsRequest(**scene.where)
    return Check(request, 200, {"body": None}, then=_is_empty_array)


@check
def delete_image_sync_repo(scene: Scene) -> Check:
    scene.make_image()
    body = swr.DeleteImageSyncRepoRequestBody(remote_region_id="eu-1", remote_namespace="group")
    request = swr.DeleteImageSyncRepoRequest(**scene.where, body=body)
    return Check(request, 404, _error("4040128", "the image is not synced there"))


@check
def create_manual_image_sync_repo(scene: Scene) -> Check:
    scene.site.push(scene.image, "1")
    body = swr.CreateManualImageSyncRepoRequestBody(
        image_tag=["1"], remote_region_id="eu-1", remote_namespace="group"
    )
    request = swr.CreateManualImageSyncRepoRequest(**scene.where, body=body)
    return Check(request, 501, _error("5010001", "sync to other registries not yet available"))


@check
def show_sync_job(scene: Scene) -> Check:
    scene.make_image()
    request = swr.ShowSyncJobRequest(**scene.where, filter="limit::10|offset::0|order::desc")
    return Check(request, 200, {"body": None, "content_range": "0-0/0"}, then=_is_empty_array)


def _is_empty_array(answer: Any) -> None:
    assert document(answer) == []


# Logins


def _login(
    scene: Scene, project: str, lifetime: timedelta
) -> tuple[dict[str, object], Callable[[Any], None]]:
    scene.site.push(scene.image, "1")
    scene.site.grant(scene.user, scene.image, Level.READ)
    host = scene.site.host

    def then(answer: Any) -> None:
        user, password = unpacked(answer.auths[host].auth)
        assert answer.x_swr_dockerlogin == f"docker login -u {user} -p {password} {host}"
        assert base64.b64encode(f"{user}:{password}".encode()).decode() == answer.auths[host].auth
        pulled = scene.site.registry.get(
            f"/v2/{scene.image}/manifests/1", auth=(user, password), headers={"accept": "*/*"}
        )
        assert pulled.status_code == 200

    fields = {
        "auths": {host: {"auth": Text("[A-Za-z0-9+/]{40,}=*")}},
        "x_swr_dockerlogin": Text(f"docker login -u {project}@[A-Z0-9]{{20}} -p [0-9a-f]{{64}} {host}"),
        "x_swr_expireat": Span(lifetime),
    }
    return fields, then


@check
def create_secret(scene: Scene) -> Check:
    fields, then = _login(scene, "eu-de-1", timedelta(hours=6))
    request = swr.CreateSecretRequest(projectname="eu-de-1")
    return Check(request, 200, fields, by=scene.site.client_of(scene.user), then=then)


@check
def create_authorization_token(scene: Scene) -> Check:
    fields, then = _login(scene, "bearertoken", timedelta(hours=24))
    request = swr.CreateAuthorizationTokenRequest()
    return Check(request, 200, fields, by=scene.site.client_of(scene.user), then=then)


# The account, and the service


@check
def list_quotas(scene: Scene) -> Check:
    scene.site.grant(scene.user, scene.organization, Level.READ)
    quota = {"quota_key": "namespace", "quota_limit": -1, "used": 1, "unit": ""}
    return Check(swr.ListQuotasRequest(), 200, {"quotas": [quota]}, by=scene.site.client_of(scene.user))


@check
def show_share_feature_gates(scene: Scene) -> Check:
    fields = {
        "enable_experience": False,
        "enable_hss_service": False,
        "enable_image_scan": False,
        "enable_sm3": False,
        "enable_image_sync": False,
        "enable_cci_service": False,
        "enable_image_label": False,
        "enable_pipeline": False,
        "enable_authorization_token": True,
        "enable_resource": False,
        "enable_list_v3": True,
        "enable_image_quota": False,
    }

    def then(answer: Any) -> None:
        live = {
            "enable_cosign_signature": True,
            "enable_enterprise_edition_link": False,
            "enable_customize_validity_period": True,
            "swr_util_download_url": "",
        }
        assert document(answer) == fields | live

    request = swr.ShowShareFeatureGatesRequest()
    return Check(request, 200, fields, by=scene.site.client_of(scene.user), then=then)


def _of_one_image(scene: Scene) -> tuple[Any, Pushed]:
    """A client whose key is for the one image, so that what other tests made public does not count."""
    pushed = scene.site.push(scene.image, "1", b"stored")
    scene.site.push(scene.image, "2", b"stored")
    scene.site.grant(scene.user, scene.image, Level.READ)
    return scene.site.client_of(scene.user, scope={scene.image: 1}), pushed


@check
def show_domain_overview(scene: Scene) -> Check:
    client, pushed = _of_one_image(scene)
    scene.site.pull_blob(scene.image, b"stored")
    fields = {
        "domain_id": scene.site.user_id(scene.user),
        "domain_name": scene.user,
        "namspace_num": 1,
        "repo_num": 1,
        "image_num": 2,
        "store_space": float(pushed.size),
        "downflow_size": float(len(b"stored")),
    }
    return Check(swr.ShowDomainOverviewRequest(), 200, fields, by=client)


@check
def show_domain_resource_reports(scene: Scene) -> Check:
    client, pushed = _of_one_image(scene)
    for _ in range(2):
        scene.site.pull_blob(scene.image, b"stored")
    request = swr.ShowDomainResourceReportsRequest(resource_type="downflow", frequency="daily")
    _, status, fields = asked(client, "show_domain_resource_reports", request)
    sent = {"date": datetime.now(UTC).strftime("%Y-%m-%d"), "value": 2.0 * len(b"stored")}
    assert (status, fields) == (200, {"body": [sent]})
    point = {"date": datetime.now(UTC).strftime("%Y-%m-%d"), "value": float(pushed.size)}
    request = swr.ShowDomainResourceReportsRequest(resource_type="store", frequency="daily")
    return Check(request, 200, {"body": [point]}, by=client)


@check
def check_agency(scene: Scene) -> Check:
    fields = {"domain_id": scene.site.user_id(scene.user), "is_agency": True}
    return Check(swr.CheckAgencyRequest(), 200, fields, by=scene.site.client_of(scene.user))


@check
def create_agency(scene: Scene) -> Check:
    def then(_: Any) -> None:
        assert scene.admin.check_agency(swr.CheckAgencyRequest()).is_agency is True

    return Check(swr.CreateAgencyRequest(), 201, then=then)


def _version(scene: Scene, name: str) -> dict[str, object]:
    number, status = {"v2": ("2.0", "SUPPORTED"), "v3": ("3.0", "CURRENT")}[name]
    return {
        "id": name,
        "links": {"href": f"{scene.site.url}/{name}", "rel": "self"},
        "version": number,
        "status": status,
        "updated": "2026-11-23T00:00:00Z",
        "min_version": number,
    }


@check
def list_api_versions(scene: Scene) -> Check:
    fields = {"versions": [_version(scene, name) for name in ("v2", "v3")]}
    return Check(swr.ListApiVersionsRequest(), 200, fields)


@check
def show_api_version(scene: Scene) -> Check:
    fields = {"version": _version(scene, "v3")}
    assert json.loads(
        scene.admin.show_api_version(swr.ShowApiVersionRequest(api_version="v2")).raw_content
    ) == {"version": _version(scene, "v2")}
    return Check(swr.ShowApiVersionRequest(api_version="v3"), 200, fields)
