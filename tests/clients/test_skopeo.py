"""skopeo: copies between the registry and image layouts on disk."""

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

PLAIN = "--tls-verify=false"
TO_PLAIN = "--dest-tls-verify=false"
FROM_PLAIN = "--src-tls-verify=false"


@pytest.fixture(scope="module")
def skopeo(registry: RegistryUnderTest, home: Callable[[str], Path]) -> Client:
    """skopeo, logged in."""
    client = Client(require("skopeo"), home("skopeo"))
    client(
        "login", PLAIN, "-u", registry.username, "--password-stdin", registry.host, stdin=registry.password
    )
    return client


@operation(Operation.LOGIN)
def test_login_is_remembered(skopeo: Client, registry: RegistryUnderTest) -> None:
    assert skopeo("login", "--get-login", registry.host).strip() == registry.username


@operation(Operation.LOGIN)
def test_a_wrong_password_is_refused(skopeo: Client, registry: RegistryUnderTest) -> None:
    skopeo.refused("login", PLAIN, "-u", registry.username, "-p", "wrong", registry.host)


@operation(Operation.LOGIN)
def test_a_push_with_a_wrong_password_is_refused(
    skopeo: Client, registry: RegistryUnderTest, images: Images, repository: str
) -> None:
    target = f"docker://{registry.reference(repository)}"
    skopeo.refused("copy", TO_PLAIN, "--dest-creds", "admin:wrong", images.amd64.oci, target)
    assert registry.tags(repository) == []


@operation(Operation.PUSH)
def test_push(skopeo: Client, registry: RegistryUnderTest, images: Images, repository: str) -> None:
    skopeo("copy", TO_PLAIN, images.amd64.oci, f"docker://{registry.reference(repository)}")
    assert registry.contents(repository, "1") == images.amd64.blobs


@operation(Operation.PUSH)
def test_push_in_docker_schema_2(
    skopeo: Client, registry: RegistryUnderTest, images: Images, repository: str
) -> None:
    target = f"docker://{registry.reference(repository)}"
    skopeo("copy", TO_PLAIN, "--format", "v2s2", images.amd64.oci, target)
    manifest = registry.manifest(repository, "1")
    assert manifest.headers["content-type"] == "application/vnd.docker.distribution.manifest.v2+json"
    assert registry.contents(repository, "1")


@operation(Operation.PULL)
def test_pull(
    skopeo: Client,
    registry: RegistryUnderTest,
    images: Images,
    repository: str,
    seed: Callable[[str, Layout], str],
    tmp_path: Path,
) -> None:
    seed(repository, images.amd64)
    skopeo("copy", FROM_PLAIN, f"docker://{registry.reference(repository)}", f"oci:{tmp_path}/pulled:1")
    assert Layout(tmp_path / "pulled").blobs == images.amd64.blobs


@operation(Operation.LIST)
def test_list_tags(
    skopeo: Client,
    registry: RegistryUnderTest,
    images: Images,
    repository: str,
    seed: Callable[[str, Layout], str],
) -> None:
    seed(repository, images.amd64)
    skopeo("copy", TO_PLAIN, images.arm64.oci, f"docker://{registry.reference(repository, '2')}")
    listed = json.loads(skopeo("list-tags", PLAIN, f"docker://{registry.host}/{repository}"))
    assert listed["Tags"] == ["1", "2"]


@operation(Operation.DELETE)
def test_delete(
    skopeo: Client,
    registry: RegistryUnderTest,
    images: Images,
    repository: str,
    seed: Callable[[str, Layout], str],
) -> None:
    digest = seed(repository, images.amd64)
    skopeo("delete", PLAIN, f"docker://{registry.reference(repository)}")
    assert registry.manifest(repository, "1").status == 404
    assert registry.manifest(repository, digest).status == 404


@operation(Operation.INDEX)
def test_an_index_is_copied_whole(
    skopeo: Client, registry: RegistryUnderTest, images: Images, repository: str, tmp_path: Path
) -> None:
    remote = f"docker://{registry.reference(repository)}"
    skopeo("copy", "--all", TO_PLAIN, images.index.oci, remote)
    assert registry.contents(repository, "1") == images.index.blobs
    skopeo("copy", "--all", FROM_PLAIN, remote, f"oci:{tmp_path}/pulled:1")
    assert Layout(tmp_path / "pulled").blobs == images.index.blobs


@operation(Operation.INDEX)
def test_one_platform_of_an_index_is_pulled(
    skopeo: Client,
    registry: RegistryUnderTest,
    images: Images,
    repository: str,
    seed: Callable[[str, Layout], str],
    tmp_path: Path,
) -> None:
    seed(repository, images.index)
    remote = f"docker://{registry.reference(repository)}"
    skopeo("--override-arch", "arm64", "copy", FROM_PLAIN, remote, f"dir:{tmp_path}/pulled")
    assert set(images.arm64.blobs) <= blobs_below(tmp_path / "pulled")
