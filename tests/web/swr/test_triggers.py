"""Triggers over the official SDK: what they are, what is refused, and how one fires."""

from __future__ import annotations

import pytest

from tests.web.swr.site import BOTH, Site, document, refusal, swr
from wherry.access.levels import Level
from wherry.triggers.runs import State

pytestmark = BOTH


def _body(cluster: str, **more: str) -> dict[str, str]:
    body = {
        "name": "t",
        "action": "update",
        "app_type": "deployments",
        "application": "web",
        "cluster_name": cluster,
        "cluster_ns": "default",
        "trigger_type": "all",
        "condition": ".*",
        "enable": "true",
    }
    return {key: value for key, value in (body | more).items() if value}


def _create(organization: str, cluster: str, **more: str):
    return swr.CreateTriggerRequest(organization, "app$web", _body(cluster, **more))


def _one(organization: str, name: str = "t", **more: object):
    return {"namespace": organization, "repository": "app/web", "trigger": name, **more}


@pytest.fixture
def image(site: Site, organization: str) -> str:
    site.push(f"{organization}/app/web", "1")
    return f"{organization}/app/web"


@pytest.fixture
def cluster(site: Site, organization: str) -> str:
    return site.cluster(organization)


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({}, {"trigger_type": "all", "condition": ".*", "container": ""}),
        ({"trigger_type": "tag", "condition": "1;2"}, {"trigger_type": "tag", "condition": "1;2"}),
        ({"trigger_type": "regular", "condition": "v.*"}, {"trigger_type": "regular", "condition": "v.*"}),
        ({"app_type": "statefulsets", "container": "a"}, {"app_type": "statefulsets", "container": "a"}),
        ({"enable": "false", "trigger_mode": "cce"}, {"enable": "false", "trigger_mode": "cce"}),
    ],
)
@pytest.mark.usefixtures("image")
def test_a_trigger_is_shown_as_it_was_asked_for(
    site: Site, organization: str, cluster: str, change: dict[str, str], shown: dict[str, str]
):
    assert site.admin.create_trigger(_create(organization, cluster, **change)).status_code == 201
    (listed,) = document(
        site.admin.list_triggers_details(swr.ListTriggersDetailsRequest(organization, "app/web"))
    )
    assert listed == document(site.admin.show_trigger(swr.ShowTriggerRequest(**_one(organization))))
    assert shown.items() <= listed.items()
    assert (listed["cluster_name"], listed["cluster_id"]) == (cluster, site.cluster_id(cluster))


@pytest.mark.usefixtures("image")
def test_a_cluster_may_be_named_by_its_id(site: Site, organization: str, cluster: str):
    request = _create(organization, "", cluster_id=site.cluster_id(cluster))
    site.admin.create_trigger(request)
    shown = site.admin.show_trigger(swr.ShowTriggerRequest(**_one(organization)))
    assert shown.cluster_name == cluster


@pytest.mark.parametrize(
    "change",
    [
        {"action": "delete"},
        {"app_type": "pods"},
        {"trigger_mode": "cci"},
        {"trigger_type": "some"},
        {"trigger_type": "regular", "condition": "("},
        {"trigger_type": "all", "condition": "v.*"},
        {"trigger_type": "tag", "condition": "a b"},
        {"enable": "yes"},
        {"application": "Not A Name"},
        {"cluster_ns": "Not A Name"},
        {"cluster_name": "nowhere"},
        {"cluster_name": "", "cluster_id": "987654"},
        {"cluster_name": ""},
        {"container": "Not A Name"},
        {"name": "a/b"},
    ],
)
@pytest.mark.usefixtures("image")
def test_what_cannot_be_is_an_invalid_parameter(
    site: Site, organization: str, cluster: str, change: dict[str, str]
):
    assert refusal(site.admin.create_trigger, _create(organization, cluster, **change)) == (400, "4000014")
    assert (
        site.admin.list_triggers_details(swr.ListTriggersDetailsRequest(organization, "app/web")).body is None
    )


@pytest.mark.usefixtures("image")
def test_a_name_is_taken_once(site: Site, organization: str, cluster: str):
    site.admin.create_trigger(_create(organization, cluster))
    assert refusal(site.admin.create_trigger, _create(organization, cluster)) == (400, "4000014")


def test_what_is_not_there_is_not_found(site: Site, organization: str, cluster: str):
    assert refusal(site.admin.create_trigger, _create(organization, cluster)) == (404, "4040010")
    site.push(f"{organization}/app/web", "1")
    for call, request in (
        (site.admin.show_trigger, swr.ShowTriggerRequest(**_one(organization))),
        (site.admin.update_trigger, swr.UpdateTriggerRequest(**_one(organization, body={"enable": "true"}))),
        (site.admin.delete_trigger, swr.DeleteTriggerRequest(**_one(organization))),
    ):
        assert refusal(call, request) == (404, "4040126")


def test_a_trigger_takes_write_on_the_image_and_on_the_cluster(
    site: Site, organization: str, image: str, cluster: str, user: str
):
    client = site.client_of(user)
    site.grant(user, image, Level.READ)
    assert refusal(client.create_trigger, _create(organization, cluster)) == (403, "4030170")
    site.grant(user, image, Level.WRITE)
    # The cluster is not theirs to see.
    assert refusal(client.create_trigger, _create(organization, cluster)) == (400, "4000014")
    site.grant(user, organization, Level.READ)
    assert refusal(client.create_trigger, _create(organization, cluster)) == (403, "4030170")
    site.grant(user, organization, Level.WRITE)
    assert client.create_trigger(_create(organization, cluster)).status_code == 201


def test_the_history_says_what_became_of_each_push(site: Site, organization: str, image: str, cluster: str):
    site.admin.create_trigger(_create(organization, cluster))
    for tag, state in (("1", State.SUCCESS), ("2", State.FAILED), ("3", State.SUPERSEDED)):
        site.run_trigger(image, "t", tag, state, "because")
    shown = site.admin.show_trigger(swr.ShowTriggerRequest(**_one(organization)))
    assert [(run.tag, run.result, run.detail) for run in shown.trigger_history] == [
        ("3", "", "superseded: because"),
        ("2", "failed", "because"),
        ("1", "success", "because"),
    ]
