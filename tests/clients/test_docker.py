"""docker, with a daemon of its own: login, push, pull, run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engines.pytest_plugin import require
from engines.servers import dockerd
from tests.clients.checking import RegistryUnderTest
from tests.clients.driving import Client
from tests.clients.images import Images, Layout
from tests.clients.operations import Operation, operation


@pytest.fixture(scope="module")
def docker(registry: RegistryUnderTest, home: Callable[[str], Path]) -> Iterator[Client]:
    """docker, logged in. Its daemon takes 127.0.0.0/8 for a registry that may speak plain HTTP."""
    program = require("docker")
    require("dockerd", root=True)
    folder = home("docker")
    with dockerd() as daemon:
        environment = {
            "DOCKER_HOST": daemon.address,
            "DOCKER_CONFIG": str(folder / "config"),
            "DOCKER_CLI_EXPERIMENTAL": "enabled",
        }
        client = Client(program, folder, environment)
        client("login", "-u", registry.username, "--password-stdin", registry.host, stdin=registry.password)
        yield client


@pytest.fixture(scope="module")
def load(docker: Client, home: Callable[[str], Path]) -> Callable[[Layout, str], None]:
    """`load(layout, name)` puts an image into the daemon under a name."""
    skopeo = Client(require("skopeo"), home("docker-load"))

    def loaded(layout: Layout, name: str) -> None:
        archive = skopeo.home / "image.tar"
        archive.unlink(missing_ok=True)
        skopeo("copy", layout.oci, f"docker-archive:{archive}:{name}")
        docker("load", "--input", archive)

    return loaded


@operation(Operation.LOGIN)
def test_login_is_remembered(docker: Client, registry: RegistryUnderTest) -> None:
    stored = json.loads((Path(docker.environment["DOCKER_CONFIG"]) / "config.json").read_text())
    assert registry.host in stored["auths"]


@operation(Operation.LOGIN)
def test_a_wrong_password_is_refused(docker: Client, registry: RegistryUnderTest) -> None:
    docker.refused("login", "-u", registry.username, "--password-stdin", registry.host, stdin="wrong")


@operation(Operation.PUSH)
def test_push(
    docker: Client,
    registry: RegistryUnderTest,
    images: Images,
    load: Callable[[Layout, str], None],
    repository: str,
) -> None:
    reference = registry.reference(repository)
    load(images.amd64, reference)
    pushed = docker("push", reference)
    assert registry.digest(repository, "1") in pushed
    assert len(registry.contents(repository, "1")) == 3


@operation(Operation.PUSH)
def test_a_second_push_finds_the_layers_there(
    docker: Client,
    registry: RegistryUnderTest,
    images: Images,
    load: Callable[[Layout, str], None],
    repository: str,
) -> None:
    first, second = registry.reference(repository), registry.reference(f"{repository}-copy")
    load(images.amd64, first)
    docker("push", first)
    docker("tag", first, second)
    docker("push", second)
    assert registry.contents(repository, "1") == registry.contents(f"{repository}-copy", "1")


@operation(Operation.PULL)
def test_pull_and_run(
    docker: Client,
    registry: RegistryUnderTest,
    images: Images,
    repository: str,
    seed: Callable[[str, Layout], str],
) -> None:
    digest = seed(repository, images.amd64)
    reference = registry.reference(repository)
    assert digest in docker("pull", reference)
    run = ("run", "--rm", "--network", "none", reference, "/bin/busybox", "cat", "/platform")
    assert docker(*run) == "amd64"


@operation(Operation.INDEX)
def test_an_index_is_made_of_pushed_images_and_pulled_by_platform(
    docker: Client,
    registry: RegistryUnderTest,
    images: Images,
    load: Callable[[Layout, str], None],
    repository: str,
) -> None:
    index = registry.reference(repository, "index")
    parts = [registry.reference(repository, platform) for platform in ("amd64", "arm64")]
    for layout, part in zip((images.amd64, images.arm64), parts, strict=True):
        load(layout, part)
        docker("push", part)
    docker("manifest", "create", "--insecure", index, *parts)
    docker("manifest", "push", "--insecure", index)
    pushed = registry.manifest(repository, "index").json()["manifests"]
    assert [child["platform"]["architecture"] for child in pushed] == ["amd64", "arm64"]
    docker("image", "rm", *parts)
    docker("pull", "--platform", "linux/arm64", index)
    assert docker("image", "inspect", "--format", "{{.Architecture}}", index).strip() == "arm64"
