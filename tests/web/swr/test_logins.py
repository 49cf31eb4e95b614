"""Temporary logins over the official SDK: what the command says works at the registry."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.web.swr.site import PROJECT, Key, Site, code_of, document, refusal, swr, unpacked
from wherry.access.levels import Level


class _Login:
    """A login as an answer hands it out."""

    def __init__(self, site: Site, answer) -> None:
        assert list(document(answer)) == ["auths"]
        self.user, self.password = unpacked(answer.auths[site.host].auth)
        self.command = answer.x_swr_dockerlogin
        expires = datetime.strptime(answer.x_swr_expireat, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        self.lifetime = expires - datetime.now(UTC)

    def pulls(self, site: Site, image: str) -> int:
        return site.registry.get(
            f"/v2/{image}/manifests/1", auth=(self.user, self.password), headers={"accept": "*/*"}
        ).status_code


def _near(lifetime: timedelta, expected: timedelta) -> bool:
    return expected - timedelta(seconds=60) < lifetime <= expected


@pytest.mark.parametrize(
    ("operation", "request_of", "project", "lifetime"),
    [
        ("create_secret", lambda: swr.CreateSecretRequest(), "default", timedelta(hours=6)),
        ("create_secret", lambda: swr.CreateSecretRequest(projectname="eu-1"), "eu-1", timedelta(hours=6)),
        (
            "create_authorization_token",
            lambda: swr.CreateAuthorizationTokenRequest(),
            "bearertoken",
            timedelta(hours=24),
        ),
    ],
)
def test_a_temporary_login_pulls_what_its_maker_may(
    site: Site, organization: str, user: str, operation: str, request_of, project: str, lifetime: timedelta
):
    site.push(f"{organization}/app", "1")
    site.push(f"{organization}/other", "1")
    site.grant(user, f"{organization}/app", Level.READ)
    answer = getattr(site.client_of(user), operation)(request_of())
    login = _Login(site, answer)
    assert answer.status_code == 200
    assert login.user.startswith(f"{project}@")
    if operation == "create_secret":
        assert login.command == f"docker login -u {login.user} -p {login.password} {site.host}"
    assert _near(login.lifetime, lifetime)
    assert login.pulls(site, f"{organization}/app") == 200
    assert login.pulls(site, f"{organization}/other") == 403


def test_a_login_made_with_a_key_for_some_images_is_for_these_images(site: Site, organization: str):
    site.push(f"{organization}/app", "1")
    site.push(f"{organization}/other", "1")
    client = site.client_of("admin", scope={f"{organization}/app": 1})
    login = _Login(site, client.create_secret(swr.CreateSecretRequest()))
    assert login.pulls(site, f"{organization}/app") == 200
    assert login.pulls(site, f"{organization}/other") == 403


def test_the_lifetime_can_be_chosen(site: Site, user: str):
    """As newer SDKs do: this one has no such parameter."""
    key = site.key(user)

    def ask(seconds: str):
        query = {"duration_seconds": seconds}
        return site.send(site.signed(key, "POST", "/v2/manage/utils/secret", query))

    for seconds in (900, 86_400):
        expires = datetime.fromisoformat(ask(str(seconds)).headers["x-swr-expireat"])
        assert _near(expires - datetime.now(UTC), timedelta(seconds=seconds))
    for text in ("899", "86401", "long"):
        assert code_of(ask(text)) == (400, "4000014")


@pytest.mark.parametrize("project", ["a b", "a;rm", "$(x)", "a" * 65, "-u"])
def test_a_project_that_could_harm_a_shell_is_refused(site: Site, project: str):
    request = swr.CreateSecretRequest(projectname=project)
    assert refusal(site.admin.create_secret, request) == (400, "4000014")


def test_a_region_without_a_project_id(site: Site, user: str):
    """The SDK asks for the project's id, and signs with what it is told."""
    from huaweicloudsdkcore.auth.credentials import BasicCredentials
    from huaweicloudsdkcore.region.region import Region

    key: Key = site.key(user)
    credentials = BasicCredentials(key.id, key.secret).with_iam_endpoint(site.url)
    client = (
        swr.SwrClient.new_builder()
        .with_credentials(credentials)
        .with_region(Region("local-1", site.url))
        .build()
    )
    (quota,) = client.list_quotas(swr.ListQuotasRequest()).quotas
    assert quota.quota_key == "namespace"
    assert len(credentials.project_id) == 32
    assert credentials.project_id != PROJECT
