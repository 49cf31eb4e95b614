"""regctl (regclient): copies, artifacts and referrers."""

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

SBOM = "application/vnd.example.sbom"


@pytest.fixture(scope="module")
def regctl(registry: RegistryUnderTest, home: Callable[[str], Path]) -> Client:
    """regctl, logged in."""
    client = _told_of(registry, home("regctl"))
    client(*_login(registry), stdin=registry.password)
    return client


def _told_of(registry: RegistryUnderTest, folder: Path) -> Client:
    client = Client(require("regctl"), folder)
    client("registry", "set", registry.host, "--tls", "disabled", "--skip-check")
    return client


def _login(registry: RegistryUnderTest) -> tuple[str, ...]:
    return ("registry", "login", registry.host, "-u", registry.username, "--pass-stdin")


@operation(Operation.LOGIN)
def test_login_opens_a_private_repository(
    regctl: Client,
    registry: RegistryUnderTest,
    images: Images,
    home: Callable[[str], Path],
    repository: str,
    seed: Callable[[str, Layout], str],
) -> None:
    digest = seed(repository, images.amd64)
    assert regctl("image", "digest", registry.reference(repository)).strip() == digest
    _told_of(registry, home("regctl-stranger")).refused("image", "digest", registry.reference(repository))


@operation(Operation.LOGIN)
def test_a_wrong_password_is_refused(
    registry: RegistryUnderTest,
    images: Images,
    home: Callable[[str], Path],
    repository: str,
    seed: Callable[[str, Layout], str],
) -> None:
    seed(repository, images.amd64)
    mistaken = _told_of(registry, home("regctl-mistaken"))
    # A login that fails its check is stored with a warning; what counts is that it opens nothing.
    mistaken(*_login(registry), "--skip-check", stdin="wrong")
    mistaken.refused("image", "digest", registry.reference(repository))


@operation(Operation.PUSH)
def test_push(regctl: Client, registry: RegistryUnderTest, images: Images, repository: str) -> None:
    regctl("image", "copy", f"ocidir://{images.amd64.folder}:1", registry.reference(repository))
    assert registry.contents(repository, "1") == images.amd64.blobs


@operation(Operation.PULL)
def test_pull(
    regctl: Client,
    registry: RegistryUnderTest,
    images: Images,
    repository: str,
    seed: Callable[[str, Layout], str],
    tmp_path: Path,
) -> None:
    seed(repository, images.amd64)
    regctl("image", "copy", registry.reference(repository), f"ocidir://{tmp_path}/pulled:1")
    assert set(images.amd64.blobs) <= blobs_below(tmp_path / "pulled")


@operation(Operation.LIST)
def test_list_tags_and_repositories(
    regctl: Client,
    registry: RegistryUnderTest,
    images: Images,
    repository: str,
    seed: Callable[[str, Layout], str],
) -> None:
    seed(repository, images.amd64)
    regctl("image", "copy", registry.reference(repository), registry.reference(repository, "another"))
    assert regctl("tag", "ls", f"{registry.host}/{repository}").split() == ["1", "another"]
    assert repository in regctl("repo", "ls", registry.host).split()


@operation(Operation.DELETE)
def test_delete_a_tag_leaves_the_other(
    regctl: Client,
    registry: RegistryUnderTest,
    images: Images,
    repository: str,
    seed: Callable[[str, Layout], str],
) -> None:
    digest = seed(repository, images.amd64)
    regctl("image", "copy", registry.reference(repository), registry.reference(repository, "another"))
    regctl("tag", "delete", registry.reference(repository))
    assert registry.manifest(repository, "1").status == 404
    assert registry.digest(repository, "another") == digest


@operation(Operation.DELETE)
def test_delete_a_manifest_takes_its_tags(
    regctl: Client,
    registry: RegistryUnderTest,
    images: Images,
    repository: str,
    seed: Callable[[str, Layout], str],
) -> None:
    digest = seed(repository, images.amd64)
    regctl("manifest", "delete", f"{registry.host}/{repository}@{digest}")
    assert registry.manifest(repository, "1").status == 404
    assert registry.tags(repository) == []


@operation(Operation.INDEX)
def test_an_index_is_copied_whole_and_made_anew(
    regctl: Client, registry: RegistryUnderTest, images: Images, repository: str
) -> None:
    reference = registry.reference(repository)
    regctl("image", "copy", f"ocidir://{images.index.folder}:1", reference)
    assert registry.contents(repository, "1") == images.index.blobs
    made = registry.reference(repository, "made")
    source = f"{registry.host}/{repository}@{images.arm64.digest}"
    regctl("index", "create", made, "--ref", source, "--desc-platform", "linux/arm64")
    (child,) = registry.manifest(repository, "made").json()["manifests"]
    assert child["digest"] == images.arm64.digest


@operation(Operation.ARTIFACT)
def test_an_artifact_is_found_by_its_subject_and_copied_with_it(
    regctl: Client,
    registry: RegistryUnderTest,
    images: Images,
    repository: str,
    seed: Callable[[str, Layout], str],
) -> None:
    subject = seed(repository, images.amd64)
    reference = registry.reference(repository)
    put = ("artifact", "put", "--artifact-type", SBOM, "--subject", reference)
    regctl(*put, "--file-media-type", "application/json", stdin='{"packages": ["busybox"]}')
    (found,) = registry.referrers(repository, subject)
    assert found["artifactType"] == SBOM

    listed = json.loads(regctl("artifact", "list", "--format", "{{json .}}", reference))
    assert [item["digest"] for item in listed["descriptors"]] == [found["digest"]]
    got = regctl("artifact", "get", "--subject", reference, "--filter-artifact-type", SBOM)
    assert got == '{"packages": ["busybox"]}'

    copy = f"{repository}-copy"
    regctl("image", "copy", "--referrers", reference, registry.reference(copy))
    assert [item["digest"] for item in registry.referrers(copy, subject)] == [found["digest"]]
