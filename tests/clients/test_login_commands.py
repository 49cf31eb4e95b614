"""The lines of `POST /me/login-commands`, pasted into a shell with the real clients."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from engines.pytest_plugin import require
from engines.servers import dockerd
from tests.clients.checking import RegistryUnderTest
from tests.clients.driving import Client

Home = Callable[[str], Path]


@pytest.fixture(scope="module")
def commands(registry: RegistryUnderTest) -> dict[str, str]:
    """The line of each client, of one temporary login."""
    made = httpx.post(
        f"http://{registry.host}/api/v1/me/login-commands", auth=(registry.username, registry.password)
    )
    assert made.status_code == 201, made.text
    lines: dict[str, str] = made.json()["commands"]
    return lines


@pytest.fixture(scope="module")
def docker_host() -> Iterator[str]:
    """Where a docker daemon listens."""
    require("docker")
    require("dockerd", root=True)
    with dockerd() as daemon:
        yield daemon.address


def paste(line: str, program: Path, home: Path, **environment: str) -> str:
    """What the shell prints."""
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    return Client(Path("/bin/sh"), home, {"PATH": path, **environment}, options=("-c",))(line)


@pytest.mark.parametrize(
    ("name", "variable"),
    [("skopeo", "REGISTRY_AUTH_FILE"), ("podman", "REGISTRY_AUTH_FILE"), ("helm", "HELM_REGISTRY_CONFIG")],
)
def test_a_client_logs_in_by_its_line(
    commands: dict[str, str], registry: RegistryUnderTest, home: Home, name: str, variable: str
) -> None:
    program, folder = require(name), home(f"line-{name}")
    file = folder / "auth.json"
    paste(commands[name], program, folder, **{variable: str(file)})
    assert registry.host in json.loads(file.read_text())["auths"]
    wrong = commands[name].replace(" -p ", " -p 0")
    with pytest.raises(AssertionError, match=r"(?i)unauthorized|invalid username|401"):
        paste(wrong, program, folder, **{variable: str(file)})


def test_docker_logs_in_by_its_line(
    commands: dict[str, str], registry: RegistryUnderTest, home: Home, docker_host: str
) -> None:
    folder = home("line-docker")
    config = {"DOCKER_HOST": docker_host, "DOCKER_CONFIG": str(folder)}
    assert "Login Succeeded" in paste(commands["docker"], require("docker"), folder, **config)
    assert registry.host in json.loads((folder / "config.json").read_text())["auths"]


def test_kubectl_makes_the_secret_that_the_manifest_has(commands: dict[str, str], home: Home) -> None:
    line = f"{commands['kubectl']} --dry-run=client -o json"
    made = json.loads(paste(line, require("kubectl"), home("line-kubectl")))
    manifest = commands["kubernetes_secret"]
    assert f"type: {made['type']}\n" in manifest
    assert f"name: {made['metadata']['name']}\n" in manifest
    logins = [
        {host: login["auth"] for host, login in json.loads(base64.b64decode(text))["auths"].items()}
        for text in (
            made["data"][".dockerconfigjson"],
            manifest.partition(".dockerconfigjson: ")[2].strip(),
        )
    ]
    assert logins[0] == logins[1]
