"""cosign: signatures and attestations beside the image, with local keys and no transparency log."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from engines.servers import wherry
from tests.clients.checking import RegistryUnderTest
from tests.clients.driving import Client
from tests.clients.images import Images, Layout, blobs_below
from tests.clients.operations import Operation, operation
from tests.clients.sigstore import SigningKey

PLAIN = "--allow-http-registry"


@dataclass(frozen=True, slots=True)
class Signing:
    """cosign, logged in, with what keeps it from asking any service for keys, logs or time."""

    cosign: Client
    signer: SigningKey
    other: SigningKey
    local: tuple[str, ...]

    def sign(self, *arguments: str) -> None:
        self.cosign("sign", PLAIN, "--yes", "--key", self.signer.private, *self.local, *arguments)

    def verify(self, reference: str) -> str:
        return self.cosign(*self.verification(self.signer), reference)

    def verification(self, key: SigningKey) -> tuple[str | Path, ...]:
        return ("verify", PLAIN, "--insecure-ignore-tlog", "--key", key.public)


@pytest.fixture(scope="module")
def signing(
    cosign_client: Client, registry: RegistryUnderTest, signing_keys: tuple[SigningKey, SigningKey]
) -> Signing:
    cosign_client(
        "login", registry.host, "-u", registry.username, "--password-stdin", stdin=registry.password
    )
    config, root = cosign_client.home / "signing-config.json", cosign_client.home / "trusted-root.json"
    cosign_client("signing-config", "create", "--out", config)
    cosign_client("trusted-root", "create", "--out", root)
    local = ("--signing-config", str(config), "--trusted-root", str(root))
    return Signing(cosign_client, *signing_keys, local)


@pytest.fixture
def signed(
    signing: Signing,
    registry: RegistryUnderTest,
    images: Images,
    repository: str,
    seed: Callable[[str, Layout], str],
) -> str:
    """A signed image, named by its digest."""
    reference = f"{registry.host}/{repository}@{seed(repository, images.amd64)}"
    signing.sign(reference)
    return reference


@operation(Operation.LOGIN)
def test_login_is_used_and_a_stranger_is_refused(
    signing: Signing, home: Callable[[str], Path], signed: str
) -> None:
    signing.verify(signed)
    stranger = Client(signing.cosign.program, home("cosign-stranger"))
    assert "UNAUTHORIZED" in stranger.refused(*signing.verification(signing.signer), signed)


@operation(Operation.LOGIN)
def test_a_wrong_password_is_refused(
    signing: Signing, registry: RegistryUnderTest, home: Callable[[str], Path], signed: str
) -> None:
    mistaken = Client(signing.cosign.program, home("cosign-mistaken"))
    # cosign stores what it is given and asks nobody; the registry refuses its first use.
    mistaken("login", registry.host, "-u", registry.username, "--password-stdin", stdin="wrong")
    assert "UNAUTHORIZED" in mistaken.refused(*signing.verification(signing.signer), signed)


@operation(Operation.SIGNATURE)
def test_a_signature_verifies_and_one_by_another_key_does_not(signing: Signing, signed: str) -> None:
    digest = signed.partition("@")[2]
    (claim,) = json.loads(signing.verify(signed))
    assert claim["critical"]["image"]["docker-manifest-digest"] == digest
    signing.cosign.refused(*signing.verification(signing.other), signed)


@operation(Operation.SIGNATURE)
def test_a_signature_kept_as_a_tag_in_the_old_way_verifies(
    signing: Signing,
    registry: RegistryUnderTest,
    images: Images,
    repository: str,
    seed: Callable[[str, Layout], str],
) -> None:
    digest = seed(repository, images.amd64)
    reference = f"{registry.host}/{repository}@{digest}"
    old = ("--use-signing-config=false", "--new-bundle-format=false", "--tlog-upload=false")
    signing.cosign("sign", PLAIN, "--yes", "--key", signing.signer.private, *old, reference)
    assert f"{digest.replace(':', '-')}.sig" in registry.tags(repository)
    verification = signing.verification(signing.signer)
    signing.cosign(*verification, "--new-bundle-format=false", reference)


@operation(Operation.ARTIFACT)
def test_signature_and_attestation_are_referrers_of_the_image(
    signing: Signing, registry: RegistryUnderTest, repository: str, signed: str
) -> None:
    digest = signed.partition("@")[2]
    predicate = signing.cosign.home / "predicate.json"
    predicate.write_text('{"built": "by a test"}')
    attested = ("--predicate", predicate, "--type", "custom", "--key", signing.signer.private)
    signing.cosign("attest", PLAIN, "--yes", *attested, *signing.local, signed)
    found = registry.referrers(repository, digest)
    assert [item["artifactType"] for item in found] == ["application/vnd.dev.sigstore.bundle.v0.3+json"] * 2
    assert all(item["digest"] in signing.cosign("tree", PLAIN, signed) for item in found)

    verification = ("--insecure-ignore-tlog", "--key", signing.signer.public, "--type", "custom")
    signing.cosign("verify-attestation", PLAIN, *verification, signed)


@operation(Operation.INDEX)
def test_an_index_and_its_platforms_are_signed_in_one_go(
    signing: Signing,
    registry: RegistryUnderTest,
    images: Images,
    repository: str,
    seed: Callable[[str, Layout], str],
) -> None:
    seed(repository, images.index)
    signing.sign("--recursive", f"{registry.host}/{repository}@{images.index.digest}")
    for layout in (images.index, images.amd64, images.arm64):
        signing.verify(f"{registry.host}/{repository}@{layout.digest}")


@operation(Operation.PULL)
def test_an_image_is_saved_with_its_signature(
    signing: Signing, images: Images, signed: str, tmp_path: Path
) -> None:
    signing.cosign("save", PLAIN, "--dir", tmp_path / "saved", signed)
    saved = blobs_below(tmp_path / "saved")
    assert set(images.amd64.blobs) < saved


@operation(Operation.PUSH)
def test_a_saved_image_is_loaded_into_another_repository(
    signing: Signing,
    registry: RegistryUnderTest,
    images: Images,
    repository: str,
    seed: Callable[[str, Layout], str],
    tmp_path: Path,
) -> None:
    seed(repository, images.index)
    copy = f"{repository}-copy"
    signing.cosign("save", PLAIN, "--dir", tmp_path / "saved", registry.reference(repository))
    signing.cosign("load", PLAIN, "--dir", tmp_path / "saved", registry.reference(copy))
    assert registry.contents(copy, "1") == images.index.blobs


@operation(Operation.PUSH)
def test_an_image_saved_with_its_signature_is_loaded_where_manifests_may_be_sparse(
    signing: Signing, signed: str, repository: str, tmp_path: Path
) -> None:
    # cosign sends a signature's manifest before what it names: by default that is refused.
    signing.cosign("save", PLAIN, "--dir", tmp_path / "saved", signed)
    with wherry(tmp_path / "data", settings={"WHERRY_SPARSE_MANIFESTS": "allow"}) as mirror:
        copy = f"{mirror.host}/{repository}:1"
        signing.cosign("login", mirror.host, "-u", mirror.username, "--password-stdin", stdin=mirror.password)
        signing.cosign("load", PLAIN, "--dir", tmp_path / "saved", copy)
        signing.verify(copy)


@operation(Operation.DELETE)
def test_the_signatures_of_an_image_are_removed(
    signing: Signing, registry: RegistryUnderTest, repository: str, signed: str
) -> None:
    digest = signed.partition("@")[2]
    signing.cosign("clean", PLAIN, "--force", signed)
    assert registry.referrers(repository, digest) == []
    assert registry.digest(repository, "1") == digest
    signing.cosign.refused(*signing.verification(signing.signer), signed)
