"""The lines that people type: each has the login, quoted for a shell, and what plain HTTP takes."""

import base64
import dataclasses
import json
import shlex

import pytest
import yaml

from wherry.identity.login_commands import RegistryLogin, docker_login, login_commands

KEY = "0f" * 32
LOGIN = RegistryLogin.at("https://registry.example:5000", "wherry@AKID", KEY)


def test_the_docker_line_is_the_one_that_swr_hands_out() -> None:
    assert docker_login(LOGIN) == f"docker login -u wherry@AKID -p {KEY} registry.example:5000"


@pytest.mark.parametrize("name", ["docker", "podman", "nerdctl", "skopeo", "helm"])
def test_a_login_has_user_password_and_host(name: str) -> None:
    words = shlex.split(getattr(login_commands(LOGIN), name))
    assert words[-5:] == ["-u", "wherry@AKID", "-p", KEY, "registry.example:5000"]


def test_ctr_pulls_and_kubectl_makes_a_secret() -> None:
    commands = login_commands(LOGIN)
    assert commands.ctr == (
        f"ctr images pull --user wherry@AKID:{KEY} registry.example:5000/ORGANIZATION/IMAGE:TAG"
    )
    assert shlex.split(commands.kubectl)[-3:] == [
        "--docker-server=registry.example:5000",
        "--docker-username=wherry@AKID",
        f"--docker-password={KEY}",
    ]


def test_the_kubernetes_secret_has_the_login() -> None:
    secret = yaml.safe_load(login_commands(LOGIN).kubernetes_secret)
    assert (secret["kind"], secret["type"]) == ("Secret", "kubernetes.io/dockerconfigjson")
    config = json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))
    [(host, login)] = config["auths"].items()
    assert host == "registry.example:5000"
    assert base64.b64decode(login["auth"]).decode() == f"wherry@AKID:{KEY}"


def test_nothing_breaks_out_of_a_line() -> None:
    bad = RegistryLogin("host; rm -rf /", "a$(b)", "c'd e")
    for field in dataclasses.fields(login_commands(bad)):
        text = getattr(login_commands(bad), field.name)
        assert field.name == "kubernetes_secret" or any(bad.user in word for word in shlex.split(text))
    assert shlex.split(docker_login(bad)) == ["docker", "login", "-u", bad.user, "-p", bad.password, bad.host]


def test_plain_http_takes_an_option_of_each_client() -> None:
    plain = login_commands(RegistryLogin.at("http://127.0.0.1:5000", "wherry@AKID", KEY))
    for name, option in (
        ("podman", "--tls-verify=false"),
        ("skopeo", "--tls-verify=false"),
        ("nerdctl", "--insecure-registry"),
        ("helm", "--plain-http"),
        ("ctr", "--plain-http"),
    ):
        assert option in shlex.split(getattr(plain, name)), name
        assert option not in shlex.split(getattr(login_commands(LOGIN), name)), name


@pytest.mark.parametrize(
    ("host", "plain"),
    [
        ("registry.example", False),
        ("10.0.0.5:5000", False),
        ("http://10.0.0.5:5000/", True),
        ("127.0.0.1:5000", True),
        ("localhost", True),
        ("[::1]:5000", True),
        ("localhost.example", False),
        ("https://localhost:5000", False),
    ],
)
def test_a_bare_host_speaks_tls_unless_it_is_this_machine(host: str, plain: bool) -> None:
    login = RegistryLogin.at(host, "wherry@AKID", KEY)
    assert login.plain_http is plain
    assert "/" not in login.host
