"""oras: artifacts of any type, and what refers to them."""

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

PLAIN = "--plain-http"
SBOM = "application/vnd.example.sbom"


@pytest.fixture(scope="module")
def oras(registry: RegistryUnderTest, home: Callable[[str], Path]) -> Client:
    """oras, logged in."""
    client = Client(require("oras"), home("oras"))
    login = ("login", PLAIN, "-u", registry.username, "--password-stdin", registry.host)
    assert "Login Succeeded" in client(*login, stdin=registry.password)
    return client


@operation(Operation.LOGIN)
def test_login_opens_a_private_repository(
    oras: Client,
    registry: RegistryUnderTest,
    images: Images,
    home: Callable[[str], Path],
    repository: str,
    seed: Callable[[str, Layout], str],
) -> None:
    digest = seed(repository, images.amd64)
    assert oras("resolve", PLAIN, registry.reference(repository)).strip() == digest
    stranger = Client(oras.program, home("oras-stranger"))
    stranger.refused("resolve", PLAIN, registry.reference(repository))


@operation(Operation.LOGIN)
def test_a_wrong_password_is_refused(oras: Client, registry: RegistryUnderTest) -> None:
    login = ("login", PLAIN, "-u", registry.username, "--password-stdin", registry.host)
    assert "unauthorized" in oras.refused(*login, stdin="wrong")


@operation(Operation.PUSH)
def test_push_files_as_an_artifact(oras: Client, registry: RegistryUnderTest, repository: str) -> None:
    (oras.home / "notes.txt").write_text("a plain file is an artifact too")
    pushed = ("push", PLAIN, "--artifact-type", "application/vnd.example.notes")
    oras(*pushed, registry.reference(repository), "notes.txt:text/plain")
    manifest = registry.manifest(repository, "1").json()
    assert manifest["artifactType"] == "application/vnd.example.notes"
    assert b"a plain file is an artifact too" in registry.contents(repository, "1").values()


@operation(Operation.PULL)
def test_pull_gives_the_files_back(
    oras: Client, registry: RegistryUnderTest, repository: str, tmp_path: Path
) -> None:
    (oras.home / "model.bin").write_bytes(bytes(range(256)) * 4096)
    reference = registry.reference(repository)
    oras("push", PLAIN, reference, "model.bin:application/octet-stream")
    oras("pull", PLAIN, "--output", tmp_path / "pulled", reference)
    assert (tmp_path / "pulled/model.bin").read_bytes() == bytes(range(256)) * 4096


@operation(Operation.PULL)
def test_an_image_is_copied_to_a_layout(
    oras: Client,
    registry: RegistryUnderTest,
    images: Images,
    repository: str,
    seed: Callable[[str, Layout], str],
    tmp_path: Path,
) -> None:
    seed(repository, images.index)
    source = registry.reference(repository)
    oras("cp", "--from-plain-http", "--to-oci-layout", source, f"{tmp_path}/pulled:1")
    assert set(images.index.blobs) <= blobs_below(tmp_path / "pulled")


@operation(Operation.LIST)
def test_list_tags_and_repositories(
    oras: Client,
    registry: RegistryUnderTest,
    images: Images,
    repository: str,
    seed: Callable[[str, Layout], str],
) -> None:
    seed(repository, images.amd64)
    oras("tag", PLAIN, registry.reference(repository), "another")
    assert oras("repo", "tags", PLAIN, f"{registry.host}/{repository}").split() == ["1", "another"]
    assert repository in oras("repo", "ls", PLAIN, registry.host).split()


@operation(Operation.DELETE)
def test_delete_a_manifest(
    oras: Client,
    registry: RegistryUnderTest,
    images: Images,
    repository: str,
    seed: Callable[[str, Layout], str],
) -> None:
    digest = seed(repository, images.amd64)
    oras("manifest", "delete", PLAIN, "--force", f"{registry.host}/{repository}@{digest}")
    assert registry.manifest(repository, "1").status == 404


@operation(Operation.DELETE)
def test_delete_a_blob(oras: Client, registry: RegistryUnderTest, repository: str) -> None:
    (oras.home / "blob").write_text("nobody refers to this")
    pushed = oras("blob", "push", PLAIN, "--descriptor", f"{registry.host}/{repository}", "blob")
    digest = json.loads(pushed)["digest"]
    assert registry.ask(f"/v2/{repository}/blobs/{digest}").body == b"nobody refers to this"
    oras("blob", "delete", PLAIN, "--force", f"{registry.host}/{repository}@{digest}")
    assert registry.ask(f"/v2/{repository}/blobs/{digest}").status == 404


@operation(Operation.INDEX)
def test_an_index_is_made_in_the_registry(
    oras: Client,
    registry: RegistryUnderTest,
    images: Images,
    repository: str,
    seed: Callable[[str, Layout], str],
) -> None:
    seed(repository, images.index)
    index = registry.reference(repository, "made")
    oras("manifest", "index", "create", PLAIN, index, images.amd64.digest, images.arm64.digest)
    made = registry.manifest(repository, "made").json()["manifests"]
    assert [child["digest"] for child in made] == [images.amd64.digest, images.arm64.digest]


@operation(Operation.INDEX)
def test_an_index_is_pushed_whole(
    oras: Client, registry: RegistryUnderTest, images: Images, repository: str
) -> None:
    source = f"{images.index.folder}:1"
    oras("cp", "--from-oci-layout", "--to-plain-http", source, registry.reference(repository))
    assert registry.contents(repository, "1") == images.index.blobs


@operation(Operation.ARTIFACT)
def test_an_artifact_is_found_by_its_subject(
    oras: Client,
    registry: RegistryUnderTest,
    images: Images,
    repository: str,
    seed: Callable[[str, Layout], str],
    tmp_path: Path,
) -> None:
    subject = seed(repository, images.amd64)
    reference = registry.reference(repository)
    (oras.home / "sbom.json").write_text('{"packages": ["busybox"]}')
    for kind in (SBOM, "application/vnd.example.scan"):
        attach = ("attach", PLAIN, "--distribution-spec", "v1.1-referrers-api", "--artifact-type", kind)
        oras(*attach, "--annotation", "made-by=oras", reference, "sbom.json:application/json")
    found = registry.referrers(repository, subject)
    assert {item["artifactType"] for item in found} == {SBOM, "application/vnd.example.scan"}
    assert all(item["annotations"]["made-by"] == "oras" for item in found)

    told = oras("discover", PLAIN, "--artifact-type", SBOM, "--format", "json", reference)
    (listed,) = json.loads(told)["referrers"]
    assert listed["artifactType"] == SBOM
    oras("pull", PLAIN, "--output", tmp_path, listed["reference"])
    assert (tmp_path / "sbom.json").read_text() == '{"packages": ["busybox"]}'
