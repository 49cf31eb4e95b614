"""A kubeconfig is read, never run: each thing in it that we do not do is refused with its reason."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clusters.kubeconfigs import AUTHORITY, SERVER, document, encoded, kubeconfig
from wherry.clusters.errors import KubeconfigRefused
from wherry.clusters.kubeconfig import ClusterLogin, read_kubeconfig

NOW = datetime(2026, 3, 14, tzinfo=UTC)
CLIENT = AUTHORITY.sign("system:admin")


def test_a_token_logs_in() -> None:
    login = read_kubeconfig(kubeconfig(), NOW).login()
    assert login == ClusterLogin(SERVER, AUTHORITY.pem, token="t0ken")
    assert ClusterLogin.from_bytes(login.to_bytes()) == login
    assert "t0ken" not in repr(login)


def test_a_client_certificate_logs_in() -> None:
    user = {
        "token": None,
        "client-certificate-data": encoded(CLIENT.certificate),
        "client-key-data": encoded(CLIENT.key),
    }
    login = read_kubeconfig(kubeconfig({"tls-server-name": "kubernetes"}, user), NOW).login()
    assert (login.certificate, login.key, login.token) == (CLIENT.certificate, CLIENT.key, None)
    assert login.tls_server_name == "kubernetes"


def test_contexts_are_shown_and_one_is_chosen() -> None:
    file = document()
    file["users"].append({"name": "runs", "user": {"exec": {"command": "aws"}}})
    file["contexts"].append(
        {"name": "cloud", "context": {"cluster": "c", "user": "runs", "namespace": "shop"}}
    )
    read = read_kubeconfig(json.dumps(file), NOW)
    assert [(context.name, context.namespace, context.is_current) for context in read.contexts] == [
        ("main", "default", True),
        ("cloud", "shop", False),
    ]
    assert read.contexts[0].refused is None
    assert read.login("main") == read.login()
    with pytest.raises(KubeconfigRefused, match=r"context 'cloud': .*running a program \('aws'\)"):
        read.login("cloud")
    with pytest.raises(KubeconfigRefused, match="there is no context 'x'; there are main, cloud"):
        read.login("x")
    del file["current-context"]
    with pytest.raises(KubeconfigRefused, match="several contexts"):
        read_kubeconfig(json.dumps(file), NOW).login()


@pytest.mark.parametrize(
    ("cluster", "user", "said"),
    [
        ({}, {"exec": {"command": "/bin/sh", "args": ["-c", "id"]}}, "running a program"),
        ({}, {"auth-provider": {"name": "gcp"}}, "auth-provider"),
        ({}, {"tokenFile": "/etc/passwd"}, "tokenFile names the file '/etc/passwd'"),
        ({}, {"client-certificate": "/a.crt"}, "client-certificate names the file"),
        ({}, {"client-key": "/a.key"}, "client-key names the file"),
        ({}, {"username": "a", "password": "b"}, "password"),
        ({}, {"as": "system:admin"}, "acts as somebody else"),
        ({}, {"token": None}, "neither a token nor a client certificate"),
        ({}, {"token": "a\r\nHost: b"}, "no text that can be sent"),
        ({}, {"token": 7}, "no text that can be sent"),
        ({}, {"client-certificate-data": encoded(CLIENT.certificate)}, "without its key"),
        (
            {},
            {
                "client-certificate-data": encoded(CLIENT.certificate),
                "client-key-data": encoded(AUTHORITY.sign("other").key),
            },
            "is not the key of",
        ),
        ({}, {"client-certificate-data": "%%%", "client-key-data": "%%%"}, "is not base64"),
        ({}, {"client-certificate-data": encoded("x"), "client-key-data": encoded("y")}, "as PEM"),
        ({"certificate-authority": "/etc/ca.crt"}, {}, "certificate-authority names the file"),
        ({"certificate-authority-data": None}, {}, "no certificate-authority-data"),
        ({"certificate-authority-data": encoded("hello")}, {}, "no certificate in PEM"),
        ({"insecure-skip-tls-verify": True}, {}, "insecure-skip-tls-verify"),
        ({"proxy-url": "http://user:secret@proxy:3128"}, {}, "proxy-url"),
        ({"server": "http://203.0.113.7"}, {}, "not an https"),
        ({"server": "https://a:b@203.0.113.7"}, {}, "user name in it"),
        ({"server": "https://203.0.113.7/?x=1"}, {}, "more in it than"),
        ({"server": "https://203.0.113.7:99999"}, {}, "no address"),
        ({"server": "https://[::1"}, {}, "no address"),
        ({"server": "https://"}, {}, "not an https"),
        ({"server": None}, {}, "has no server"),
        ({"server": ["https://a"]}, {}, "has no server"),
    ],
)
def test_what_is_not_done_is_refused_with_the_reason(
    cluster: dict[str, Any], user: dict[str, Any], said: str
) -> None:
    read = read_kubeconfig(kubeconfig(cluster, user), NOW)
    assert read.contexts[0].refused is not None
    with pytest.raises(KubeconfigRefused, match=said):
        read.login()


def test_a_client_certificate_that_has_ended_is_refused() -> None:
    old = AUTHORITY.sign("old", ends=datetime(2025, 6, 1, 12, tzinfo=UTC))
    user = {"client-certificate-data": encoded(old.certificate), "client-key-data": encoded(old.key)}
    with pytest.raises(KubeconfigRefused, match="ended on 2025-06-01 12:00 UTC"):
        read_kubeconfig(kubeconfig({}, user), NOW).login()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no kubeconfig"),
        ("just a text", "no kubeconfig"),
        ("kind: Pod\n", "no kubeconfig"),
        ("a: [", "no YAML"),
        ("a: &x 1\nb: *x", "alias"),
        ("clusters: []\n", "no contexts"),
        ("contexts: 7\n", "no list"),
        ("contexts: [{context: {}}]\n", "has no name"),
        ("clusters: [1]\n", "has no name"),
    ],
)
def test_what_is_no_kubeconfig_is_refused_as_a_whole(text: str, said: str) -> None:
    with pytest.raises(KubeconfigRefused, match=said):
        read_kubeconfig(text, NOW)


def test_a_context_that_points_nowhere_is_refused() -> None:
    file = document()
    file["contexts"][0]["context"]["user"] = "nobody"
    with pytest.raises(KubeconfigRefused, match="its user 'nobody' is not in the file"):
        read_kubeconfig(json.dumps(file), NOW).login()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(["clusters", "users", "contexts", "current-context"]), VALUES, st.data())
def test_nothing_in_a_kubeconfig_breaks_the_reader(part: str, value: Any, data: st.DataObject) -> None:
    file = document()
    if part != "current-context" and data.draw(st.booleans()):
        inner = {"clusters": "cluster", "users": "user", "contexts": "context"}[part]
        entry = file[part][0][inner]
        key = data.draw(st.sampled_from([*entry, "exec", "as", "certificate-authority", "tls-server-name"]))
        entry[key] = value
    else:
        file[part] = value
    with contextlib.suppress(KubeconfigRefused):
        read_kubeconfig(json.dumps(file), NOW).login()
