"""podman: images in its own storage, pushed, pulled, and looked into."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients.checking import RegistryUnderTest
from tests.clients.driving import Client
from tests.clients.images import Images, Layout
from tests.clients.operations import Operation, operation

PLAIN = "--tls-verify=false"


@pytest.fixture(scope="module")
def podman(podman_client: Client, registry: RegistryUnderTest) -> Client:
    """podman, logged in."""
    login = ("login", PLAIN, "-u", registry.username, "--password-stdin", registry.host)
    podman_client(*login, stdin=registry.password)
    return podman_client


@operation(Operation.LOGIN)
def test_login_is_remembered(podman: Client, registry: RegistryUnderTest) -> None:
    assert podman("login", "--get-login", registry.host).strip() == registry.username


@operation(Operation.LOGIN)
def test_a_wrong_password_is_refused(podman: Client, registry: RegistryUnderTest) -> None:
    said = podman.refused("login", PLAIN, "-u", registry.username, "-p", "wrong", registry.host)
    assert "invalid username/password" in said


@operation(Operation.PUSH)
def test_push(podman: Client, registry: RegistryUnderTest, images: Images, repository: str) -> None:
    image = podman("pull", "--quiet", images.amd64.oci).strip()
    podman("push", "--quiet", PLAIN, image, registry.reference(repository))
    config = json.loads(images.amd64.blobs[images.amd64.digest])["config"]["digest"]
    assert config in registry.contents(repository, "1")


@operation(Operation.PULL)
def test_pull(
    podman: Client,
    registry: RegistryUnderTest,
    images: Images,
    busybox: Path,
    repository: str,
    seed: Callable[[str, Layout], str],
) -> None:
    digest = seed(repository, images.amd64)
    reference = registry.reference(repository)
    podman("pull", "--quiet", PLAIN, reference)
    assert podman("image", "inspect", "--format", "{{.Digest}}", reference).strip() == digest
    root = Path(podman("image", "mount", reference).strip())
    assert (root / "bin/busybox").read_bytes() == busybox.read_bytes()


@operation(Operation.LIST)
def test_list_tags(
    podman: Client,
    registry: RegistryUnderTest,
    images: Images,
    repository: str,
    seed: Callable[[str, Layout], str],
) -> None:
    seed(repository, images.amd64)
    name = f"{registry.host}/{repository}"
    listed = json.loads(podman("search", PLAIN, "--list-tags", "--format", "json", name))
    assert listed == [{"Name": name, "Tags": ["1"]}]


@operation(Operation.INDEX)
def test_an_index_is_pushed_whole(
    podman: Client, registry: RegistryUnderTest, images: Images, repository: str
) -> None:
    podman("manifest", "create", repository)
    for layout in (images.amd64, images.arm64):
        podman("manifest", "add", repository, layout.oci)
    podman("manifest", "push", "--all", PLAIN, repository, f"docker://{registry.reference(repository)}")
    pushed = registry.contents(repository, "1")
    assert set(images.amd64.blobs) | set(images.arm64.blobs) <= set(pushed)


@operation(Operation.INDEX)
def test_one_platform_of_an_index_is_pulled(
    podman: Client,
    registry: RegistryUnderTest,
    images: Images,
    repository: str,
    seed: Callable[[str, Layout], str],
) -> None:
    seed(repository, images.index)
    reference = registry.reference(repository)
    podman("pull", "--quiet", PLAIN, "--platform", "linux/arm64", reference)
    root = Path(podman("image", "mount", reference).strip())
    assert (root / "platform").read_text() == "arm64"
