"""Rights on organizations and on images over the official SDK."""

from __future__ import annotations

import pytest

from tests.web.swr.site import Site, document, refusal, swr
from wherry.access.levels import Level


def _auth(site: Site, user: str, level: int):
    return swr.UserAuth(user_id=site.user_id(user), user_name=user, auth=level)


def _plain(auth) -> tuple[str, str, int]:
    return auth.user_id, auth.user_name, auth.auth


def test_rights_on_an_organization(site: Site, organization: str, user: str):
    admin, client, other = site.admin, site.client_of(user), site.user()
    where = {"namespace": organization}
    created = admin.create_namespace_auth(
        swr.CreateNamespaceAuthRequest(**where, body=[_auth(site, user, 7), _auth(site, other, 1)])
    )
    assert created.status_code == 200
    shown = client.show_namespace_auth(swr.ShowNamespaceAuthRequest(**where))
    assert shown.status_code == 200
    assert set(document(shown)) == {"id", "name", "creator_name", "self_auth", "others_auths"}
    assert (shown.name, shown.creator_name) == (organization, "admin")
    assert shown.id == client.show_namespace(swr.ShowNamespaceRequest(**where)).id
    assert _plain(shown.self_auth) == (site.user_id(user), user, 7)
    assert sorted(_plain(auth) for auth in shown.others_auths) == sorted(
        [("1", "admin", 7), (site.user_id(other), other, 1)]
    )
    changed = client.update_namespace_auth(
        swr.UpdateNamespaceAuthRequest(**where, body=[_auth(site, other, 3)])
    )
    assert changed.status_code == 201
    theirs = site.client_of(other).show_namespace_auth(swr.ShowNamespaceAuthRequest(**where))
    assert _plain(theirs.self_auth) == (site.user_id(other), other, 3)
    assert theirs.others_auths == [], "only who may grant sees the rights of others"
    gone = client.delete_namespace_auth(swr.DeleteNamespaceAuthRequest(**where, body=[site.user_id(other)]))
    assert gone.status_code == 204
    request = swr.ShowNamespaceAuthRequest(**where)
    assert refusal(site.client_of(other).show_namespace_auth, request) == (403, "4030170")


def test_rights_on_an_image(site: Site, organization: str, user: str):
    admin, client, other = site.admin, site.client_of(user), site.user()
    site.push(f"{organization}/app/web", "1")
    where = {"namespace": organization, "repository": "app/web"}
    created = admin.create_user_repository_auth(
        swr.CreateUserRepositoryAuthRequest(**where, body=[_auth(site, user, 7), _auth(site, other, 1)])
    )
    assert created.status_code == 201
    shown = client.show_user_repository_auth(
        swr.ShowUserRepositoryAuthRequest(namespace=organization, repository="app$web")
    )
    assert shown.status_code == 200
    assert set(document(shown)) == {"id", "name", "self_auth", "others_auths"}
    assert shown.name == "app/web"
    assert shown.id == client.show_repository(swr.ShowRepositoryRequest(**where)).id
    assert _plain(shown.self_auth) == (site.user_id(user), user, 7)
    assert [_plain(auth) for auth in shown.others_auths] == [(site.user_id(other), other, 1)]
    changed = client.update_user_repository_auth(
        swr.UpdateUserRepositoryAuthRequest(**where, body=[_auth(site, other, 3)])
    )
    assert changed.status_code == 201
    theirs = site.client_of(other).show_user_repository_auth(swr.ShowUserRepositoryAuthRequest(**where))
    assert _plain(theirs.self_auth) == (site.user_id(other), other, 3)
    assert theirs.others_auths == []
    gone = client.delete_user_repository_auth(
        swr.DeleteUserRepositoryAuthRequest(**where, body=[site.user_id(other)])
    )
    assert gone.status_code == 204
    request = swr.ShowUserRepositoryAuthRequest(**where)
    assert refusal(site.client_of(other).show_user_repository_auth, request) == (403, "4030170")


def test_a_granted_right_counts_at_the_registry_at_once(site: Site, organization: str, user: str):
    site.push(f"{organization}/app", "1")
    key = site.key(user)
    assert site.pull(f"{organization}/app", "1", key) == 403
    body = [_auth(site, user, 1)]
    site.admin.create_namespace_auth(swr.CreateNamespaceAuthRequest(namespace=organization, body=body))
    assert site.pull(f"{organization}/app", "1", key) == 200
    request = swr.DeleteNamespaceAuthRequest(namespace=organization, body=[site.user_id(user)])
    site.admin.delete_namespace_auth(request)
    assert site.pull(f"{organization}/app", "1", key) == 403


def test_what_is_wrong_is_refused_and_nothing_of_it_is_kept(site: Site, organization: str, user: str):
    admin, other = site.admin, site.user()
    site.push(f"{organization}/app", "1")
    where = {"namespace": organization}
    both = [_auth(site, user, 1), _auth(site, other, 1)]
    admin.create_namespace_auth(swr.CreateNamespaceAuthRequest(**where, body=both[1:]))
    request = swr.CreateNamespaceAuthRequest(**where, body=both)
    assert refusal(admin.create_namespace_auth, request) == (409, "4090076")
    shown = admin.show_namespace_auth(swr.ShowNamespaceAuthRequest(**where))
    assert user not in {auth.user_name for auth in shown.others_auths}
    request = swr.UpdateNamespaceAuthRequest(**where, body=both[:1])
    assert refusal(admin.update_namespace_auth, request) == (404, "4040078")
    request = swr.DeleteNamespaceAuthRequest(**where, body=[site.user_id(user)])
    assert refusal(admin.delete_namespace_auth, request) == (404, "4040078")
    image = {**where, "repository": "app"}
    request = swr.CreateUserRepositoryAuthRequest(**image, body=both[:1])
    assert admin.create_user_repository_auth(request).status_code == 201
    assert refusal(admin.create_user_repository_auth, request) == (409, "4090089")
    request = swr.DeleteUserRepositoryAuthRequest(**image, body=[site.user_id(other)])
    assert refusal(admin.delete_user_repository_auth, request) == (404, "4040091")


@pytest.mark.parametrize(
    ("user_id", "user_name", "level", "code"),
    [
        ("999999", "nobody", 1, "4001067"),
        ("99999999999999999999999", "nobody", 1, "4001067"),
        ("1", "somebody", 1, "4001067"),
        ("1", "admin", 2, "4001065"),
        ("1", "admin", 8, "4001065"),
        ("1", "admin", True, "4000014"),
        ("", "admin", 1, "4000014"),
    ],
)
def test_values_that_cannot_be(
    site: Site, organization: str, user_id: str, user_name: str, level: int, code: str
):
    body = [{"user_id": user_id, "user_name": user_name, "auth": level}]
    request = swr.UpdateNamespaceAuthRequest(namespace=organization, body=body)
    assert refusal(site.admin.update_namespace_auth, request) == (400, code)


@pytest.mark.parametrize("body", [[], {}, [1], [None], ["\ud800"]])
def test_bodies_that_cannot_be(site: Site, organization: str, body: object):
    request = swr.DeleteNamespaceAuthRequest(namespace=organization, body=body)
    status, code = refusal(site.admin.delete_namespace_auth, request)
    assert (status, code) == (400, "4000014")


@pytest.mark.parametrize("level", [None, Level.READ, Level.WRITE])
def test_granting_takes_the_right_to_edit(site: Site, organization: str, user: str, level: Level | None):
    site.push(f"{organization}/app", "1")
    if level is not None:
        site.grant(user, organization, level)
    client = site.client_of(user)
    body = [_auth(site, user, 7)]
    where, image = {"namespace": organization}, {"namespace": organization, "repository": "app"}
    for call, request in (
        (client.create_namespace_auth, swr.CreateNamespaceAuthRequest(**where, body=body)),
        (client.update_namespace_auth, swr.UpdateNamespaceAuthRequest(**where, body=body)),
        (client.delete_namespace_auth, swr.DeleteNamespaceAuthRequest(**where, body=["1"])),
        (client.create_user_repository_auth, swr.CreateUserRepositoryAuthRequest(**image, body=body)),
        (client.update_user_repository_auth, swr.UpdateUserRepositoryAuthRequest(**image, body=body)),
        (client.delete_user_repository_auth, swr.DeleteUserRepositoryAuthRequest(**image, body=["1"])),
    ):
        assert refusal(call, request) == (403, "4030170")


def test_an_image_is_not_reached_through_another_organization(site: Site, organization: str, user: str):
    mine = site.organization()
    site.grant(user, mine, Level.EDIT)
    site.push(f"{organization}/app", "1")
    client = site.client_of(user)
    body = [_auth(site, user, 7)]
    request = swr.CreateUserRepositoryAuthRequest(namespace=mine, repository="app", body=body)
    assert refusal(client.create_user_repository_auth, request) == (404, "4040010")
    for sly in (f"../{organization}/app", f"..$..${organization}$app"):
        request = swr.CreateUserRepositoryAuthRequest(namespace=mine, repository=sly, body=body)
        assert refusal(client.create_user_repository_auth, request)[0] in (400, 404)
    assert site.pull(f"{organization}/app", "1", site.key(user)) == 403


def test_an_auditor_sees_who_has_rights_and_what_is_shared_and_changes_nothing(
    site: Site, organization: str, user: str
):
    site.push(f"{organization}/app", "1")
    partner, where = site.organization(), {"namespace": organization, "repository": "app"}
    share = swr.CreateRepoDomainsRequestBody(access_domain=partner, permit="read", deadline="forever")
    site.admin.create_repo_domains(swr.CreateRepoDomainsRequest(**where, body=share))
    site.grant(user, f"{organization}/app", Level.WRITE)
    auditor = site.user(is_auditor=True)
    client = site.client_of(auditor)
    shown = client.show_user_repository_auth(swr.ShowUserRepositoryAuthRequest(**where))
    assert _plain(shown.self_auth) == (site.user_id(auditor), auditor, 1)
    assert [_plain(auth) for auth in shown.others_auths] == [(site.user_id(user), user, 3)]
    shown = client.show_namespace_auth(swr.ShowNamespaceAuthRequest(namespace=organization))
    assert (shown.self_auth.auth, [auth.user_name for auth in shown.others_auths]) == (1, ["admin"])
    (shared,) = client.list_repo_domains(swr.ListRepoDomainsRequest(**where)).body
    assert shared.access_domain == partner
    request = swr.DeleteRepoDomainsRequest(**where, access_domain=partner)
    assert refusal(client.delete_repo_domains, request) == (403, "4030170")
    names = client.list_repos_details(swr.ListReposDetailsRequest(namespace=organization)).body
    assert [found.name for found in names] == ["app"]


def test_robots_are_users_here_whose_rights_stay_in_their_organization(site: Site, organization: str):
    robot, other = site.robot(organization, "ci"), site.organization()
    body = [_auth(site, robot, 3)]
    created = site.admin.create_namespace_auth(
        swr.CreateNamespaceAuthRequest(namespace=organization, body=body)
    )
    assert created.status_code == 200
    shown = site.admin.show_namespace_auth(swr.ShowNamespaceAuthRequest(namespace=organization))
    assert [_plain(auth) for auth in shown.others_auths] == [(site.user_id(robot), f"{organization}+ci", 3)]
    client = site.client_of(robot)
    own = client.show_namespace_auth(swr.ShowNamespaceAuthRequest(namespace=organization))
    assert _plain(own.self_auth) == (site.user_id(robot), robot, 3)
    request = swr.CreateNamespaceAuthRequest(namespace=other, body=body)
    assert refusal(site.admin.create_namespace_auth, request) == (400, "4001067")
    body = swr.CreateNamespaceRequestBody(namespace="robots-make-none")
    assert refusal(client.create_namespace, swr.CreateNamespaceRequest(body=body)) == (403, "4030170")
