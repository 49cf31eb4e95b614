"""crane (go-containerregistry): the client inside ko, kaniko and many a pipeline."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from engines.pytest_plugin import require
from tests.clients.checking import RegistryUnderTest
from tests.clients.driving import Client
from tests.clients.images import Images, Layout, blobs_below
from tests.clients.operations import Operation, operation


@pytest.fixture(scope="module")
def crane(registry: RegistryUnderTest, home: Callable[[str], Path]) -> Client:
    """crane, logged in."""
    client = Client(require("crane"), home("crane"), options=("--insecure",))
    login = ("auth", "login", registry.host, "-u", registry.username, "--password-stdin")
    client(*login, stdin=registry.password)
    return client


@operation(Operation.LOGIN)
def test_login_opens_a_private_repository(
    crane: Client,
    registry: RegistryUnderTest,
    images: Images,
    home: Callable[[str], Path],
    repository: str,
    seed: Callable[[str, Layout], str],
) -> None:
    digest = seed(repository, images.amd64)
    assert crane("digest", registry.reference(repository)).strip() == digest
    stranger = Client(crane.program, home("crane-stranger"), options=crane.options)
    stranger.refused("digest", registry.reference(repository))


@operation(Operation.LOGIN)
def test_a_wrong_password_is_refused(
    crane: Client,
    registry: RegistryUnderTest,
    images: Images,
    home: Callable[[str], Path],
    repository: str,
    seed: Callable[[str, Layout], str],
) -> None:
    seed(repository, images.amd64)
    mistaken = Client(crane.program, home("crane-mistaken"), options=crane.options)
    # crane stores what it is given and asks nobody; the registry refuses its first use.
    mistaken("auth", "login", registry.host, "-u", registry.username, "--password-stdin", stdin="wrong")
    said = mistaken.refused("manifest", registry.reference(repository))
    assert "UNAUTHORIZED" in said or "401" in said


@operation(Operation.PUSH)
def test_push(crane: Client, registry: RegistryUnderTest, images: Images, repository: str) -> None:
    crane("push", images.amd64.folder, registry.reference(repository))
    assert registry.contents(repository, "1") == images.amd64.blobs


@operation(Operation.PUSH)
def test_a_copy_to_another_repository_mounts_the_layers(
    crane: Client,
    registry: RegistryUnderTest,
    images: Images,
    repository: str,
    seed: Callable[[str, Layout], str],
) -> None:
    seed(repository, images.index)
    copy = f"{repository}-copy"
    crane("copy", registry.reference(repository), registry.reference(copy))
    assert registry.contents(copy, "1") == images.index.blobs


@operation(Operation.PULL)
def test_pull(
    crane: Client,
    registry: RegistryUnderTest,
    images: Images,
    repository: str,
    seed: Callable[[str, Layout], str],
    tmp_path: Path,
) -> None:
    seed(repository, images.amd64)
    crane("pull", "--format=oci", registry.reference(repository), tmp_path / "pulled")
    assert set(images.amd64.blobs) <= blobs_below(tmp_path / "pulled")
    crane("validate", "--remote", registry.reference(repository))


@operation(Operation.LIST)
def test_list_tags_and_catalog(
    crane: Client,
    registry: RegistryUnderTest,
    images: Images,
    repository: str,
    seed: Callable[[str, Layout], str],
) -> None:
    seed(repository, images.amd64)
    crane("tag", registry.reference(repository), "another")
    assert crane("ls", f"{registry.host}/{repository}").split() == ["1", "another"]
    assert repository in crane("catalog", registry.host).split()


@operation(Operation.DELETE)
def test_delete(
    crane: Client,
    registry: RegistryUnderTest,
    images: Images,
    repository: str,
    seed: Callable[[str, Layout], str],
) -> None:
    digest = seed(repository, images.amd64)
    crane("delete", f"{registry.host}/{repository}@{digest}")
    assert registry.manifest(repository, "1").status == 404
    assert registry.manifest(repository, digest).status == 404


@operation(Operation.INDEX)
def test_an_index_is_pushed_whole_and_filtered(
    crane: Client, registry: RegistryUnderTest, images: Images, repository: str
) -> None:
    reference = registry.reference(repository)
    crane("push", "--index", images.index.folder, reference)
    assert set(images.index.blobs) <= set(registry.contents(repository, "1"))
    only_arm64 = registry.reference(repository, "arm64")
    source = f"{registry.host}/{repository}@{images.index.digest}"
    crane("index", "filter", source, "--platform", "linux/arm64", "-t", only_arm64)
    kept = json.loads(crane("manifest", only_arm64))["manifests"]
    assert [child["digest"] for child in kept] == [images.arm64.digest]
