"""buildah: what it builds goes to the registry, and comes back as a base."""

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
def buildah(buildah_client: Client, registry: RegistryUnderTest) -> Client:
    """buildah, logged in."""
    buildah_client(
        "login", PLAIN, "-u", registry.username, "--password-stdin", registry.host, stdin=registry.password
    )
    return buildah_client


@operation(Operation.LOGIN)
def test_login_is_remembered(buildah: Client, registry: RegistryUnderTest) -> None:
    assert buildah("login", "--get-login", registry.host).strip() == registry.username


@operation(Operation.LOGIN)
def test_a_wrong_password_is_refused(buildah: Client, registry: RegistryUnderTest) -> None:
    said = buildah.refused("login", PLAIN, "-u", registry.username, "-p", "wrong", registry.host)
    assert "invalid username/password" in said


@operation(Operation.PUSH)
def test_push(buildah: Client, registry: RegistryUnderTest, images: Images, repository: str) -> None:
    assert buildah("images", "--quiet", "app:amd64"), "the session's images are in this very storage"
    buildah("push", "--quiet", PLAIN, "app:amd64", f"docker://{registry.reference(repository)}")
    config = json.loads(images.amd64.blobs[images.amd64.digest])["config"]["digest"]
    assert config in registry.contents(repository, "1")


@operation(Operation.PULL)
def test_pull_as_a_base(
    buildah: Client,
    registry: RegistryUnderTest,
    images: Images,
    busybox: Path,
    repository: str,
    seed: Callable[[str, Layout], str],
) -> None:
    seed(repository, images.amd64)
    container = buildah("from", "--quiet", PLAIN, registry.reference(repository)).strip()
    root = Path(buildah("mount", container).strip())
    assert (root / "bin/busybox").read_bytes() == busybox.read_bytes()


@operation(Operation.INDEX)
def test_an_index_is_pushed_whole(
    buildah: Client, registry: RegistryUnderTest, images: Images, repository: str
) -> None:
    target = f"docker://{registry.reference(repository)}"
    buildah("manifest", "create", repository)
    for layout in (images.amd64, images.arm64):
        buildah("manifest", "add", repository, layout.oci)
    buildah("manifest", "push", "--all", PLAIN, repository, target)
    pushed = registry.manifest(repository, "1").json()["manifests"]
    assert [child["platform"]["architecture"] for child in pushed] == ["amd64", "arm64"]
    contents = registry.contents(repository, "1")
    assert set(images.amd64.blobs) | set(images.arm64.blobs) <= set(contents)


@operation(Operation.INDEX)
def test_one_platform_of_an_index_is_pulled(
    buildah: Client,
    registry: RegistryUnderTest,
    images: Images,
    repository: str,
    seed: Callable[[str, Layout], str],
) -> None:
    seed(repository, images.index)
    reference = registry.reference(repository)
    container = buildah("from", "--quiet", PLAIN, "--arch", "arm64", reference).strip()
    root = Path(buildah("mount", container).strip())
    assert (root / "platform").read_text() == "arm64"
