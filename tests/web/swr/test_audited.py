"""Every operation of SWR's API that changes something leaves exactly one record, and so does its refusal."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.audit.reading import Facts, facts_of_request
from tests.web.swr.site import BOTH, Key, Site
from wherry.access.actions import Need
from wherry.web.routes import Audit
from wherry.web.swr.routes import ENTERPRISE_ROUTES, OPERATIONS, Operation, State

pytestmark = BOTH

CHANGES = {
    operation.name: operation for operation in OPERATIONS if operation.route.method not in ("GET", "HEAD")
}


@dataclass(frozen=True)
class Place:
    """An organization with an image, its administrator's key, and people to give rights to."""

    site: Site
    organization: str
    key: Key
    bob: str
    eve: str

    def path(self, operation: Operation) -> str:
        values = {
            "{namespace}": self.organization,
            "{repository}": "web",
            "{tag}": "1.0",
            "{access_domain}": self.organization + "2",
            "{trigger}": "t",
            "{retention_id}": "1",
        }
        path = operation.route.template
        for name, value in values.items():
            path = path.replace(name, value)
        assert "{" not in path, path
        return path

    def send(self, operation: Operation, key: Key, body: Any) -> httpx.Response:
        content = b"" if body is None else json.dumps(body).encode()
        path = self.path(operation)
        return self.site.send(self.site.signed(key, operation.route.method, path, body=content))

    def told(self, answer: httpx.Response) -> list[Facts]:
        return facts_of_request(self.site.database, answer.headers["x-request-id"])


@pytest.fixture
def place(site: Site) -> Place:
    organization, bob, eve = site.organization(), site.user(), site.user()
    site.organization(organization + "2")
    site.push(f"{organization}/web", "1.0")
    return Place(site, organization, site.key("admin"), bob, eve)


def bodies(place: Place) -> dict[str, Any]:
    """What is sent to each; in this order each finds what it needs."""
    users = [{"user_id": place.site.user_id(place.bob), "user_name": place.bob, "auth": 1}]
    ids = [place.site.user_id(place.bob)]
    share = {"permit": "read", "deadline": "forever", "description": "d"}
    rule = {
        "template": "date_rule",
        "params": {"days": "30"},
        "tag_selectors": [{"kind": "label", "pattern": "x"}],
    }
    trigger = {
        "name": "t",
        "action": "update",
        "app_type": "deployments",
        "application": "web",
        "cluster_name": place.site.cluster(place.organization),
        "cluster_ns": "default",
        "trigger_type": "all",
        "condition": ".*",
        "enable": "true",
    }
    sync = {"remoteRegionId": "eu-1", "remoteNamespace": "group", "imageTag": ["1"]}
    return {
        "create_namespace": {"namespace": place.organization + "new"},
        "create_namespace_auth": users,
        "update_namespace_auth": users,
        "delete_namespace_auth": ids,
        "create_user_repository_auth": users,
        "update_user_repository_auth": users,
        "delete_user_repository_auth": ids,
        "create_repo": {"repository": "api", "is_public": False},
        "update_repo": {"is_public": False, "category": "linux", "description": "d"},
        "create_repo_tag": {"source_tag": "1.0", "destination_tag": "2.0"},
        "create_repo_domains": {"access_domain": place.organization + "2", **share},
        "update_repo_domains": share,
        "delete_repo_domains": None,
        "create_trigger": trigger,
        "update_trigger": {"enable": "true"},
        "delete_trigger": None,
        "create_retention": {"algorithm": "or", "rules": [rule]},
        "update_retention": {"algorithm": "or", "rules": [rule]},
        "delete_retention": None,
        "create_image_sync_repo": sync,
        "delete_image_sync_repo": sync,
        "create_manual_image_sync_repo": sync,
        "create_secret": None,
        "create_authorization_token": None,
        "create_agency": {},
        "delete_repo_tag": None,
        "delete_repo": None,
        "delete_namespaces": None,
    }


def test_each_change_leaves_exactly_one_record(place: Place) -> None:
    assert all(operation.route.audit is Audit.CHANGE for operation in CHANGES.values())
    assert all(route.audit is Audit.NOTHING for route in ENTERPRISE_ROUTES), "there is nothing to change"
    sent = bodies(place)
    assert set(sent) == set(CHANGES), "each operation that is not a GET needs a body in this table"
    for name, body in sent.items():
        if name == "delete_namespaces":
            empty = f"/v2/manage/namespaces/{place.organization}new"
            answer = place.site.send(place.site.signed(place.key, "DELETE", empty))
        else:
            answer = place.send(CHANGES[name], place.key, body)
        facts = place.told(answer)
        assert len(facts) == 1, (name, answer.text, facts)
        works = CHANGES[name].state is State.WORKS
        assert (facts[0]["result"], answer.is_success) == ("done" if works else "failed", works), (
            name,
            answer.text,
        )
        assert facts[0]["action"] == CHANGES[name].route.action.value
        assert (facts[0]["actor"], facts[0]["means"]) == ("admin", "access key")
        assert facts[0]["key_id"] == place.key.id
        assert facts[0]["client"] == "127.0.0.1"


def test_each_refusal_leaves_exactly_one_record(place: Place) -> None:
    sent, stranger = bodies(place), place.site.key(place.eve)
    for name, operation in CHANGES.items():
        if operation.route.action.rule.need in (Need.LOGIN, Need.USER):
            continue
        answer = place.send(operation, stranger, sent[name])
        assert answer.status_code == 403, (name, answer.text)
        [facts] = place.told(answer)
        assert (facts["actor"], facts["result"]) == (place.eve, "refused"), name
        assert facts["name"].startswith(place.organization)


@pytest.mark.parametrize("name", ["create_namespace_auth", "create_repo", "create_repo_domains"])
def test_a_record_says_what_the_change_was_about(place: Place, name: str) -> None:
    [facts] = place.told(place.send(CHANGES[name], place.key, bodies(place)[name]))
    on, detail = {
        "create_namespace_auth": (place.organization, {"users": {place.bob: "read"}}),
        "create_repo": (f"{place.organization}/api", {"is_public": False}),
        "create_repo_domains": (
            f"{place.organization}/web",
            {"shared_with": place.organization + "2", "until": "forever"},
        ),
    }[name]
    assert (facts["name"], facts["organization"], facts["detail"]) == (on, place.organization, detail)


def test_the_temporary_login_is_named_and_its_secret_is_not(place: Place) -> None:
    answer = place.send(CHANGES["create_secret"], place.key, None)
    [login] = answer.json()["auths"].values()
    [facts] = place.told(answer)
    command = answer.headers["x-swr-dockerlogin"].split()
    user, password = command[3], command[5]
    assert (facts["kind"], facts["name"]) == ("access key", user.partition("@")[2])
    assert password not in str(facts)
    assert login["auth"] not in str(facts)


def test_a_wrong_signature_is_a_failed_login(place: Place) -> None:
    for key in (Key(place.key.id, "not its secret"), Key("NOSUCHKEY", "x" * 40)):
        answer = place.send(CHANGES["delete_repo"], key, None)
        assert answer.status_code == 401
        [facts] = place.told(answer)
        assert (facts["action"], facts["kind"], facts["name"]) == ("login.failed", "access key", key.id)
    unsigned = httpx.delete(f"{place.site.url}{place.path(CHANGES['delete_repo'])}")
    assert place.told(unsigned) == []


def test_reading_leaves_no_record(place: Place) -> None:
    for path in ("namespaces", "repos", f"namespaces/{place.organization}/repos/none"):
        answer = place.site.send(place.site.signed(place.key, "GET", f"/v2/manage/{path}"))
        assert place.told(answer) == []
