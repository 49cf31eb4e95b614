"""Pulls that the registry sends on to the object store, by a presigned URL on another host name."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engines.pytest_plugin import require
from engines.servers import containerd, dockerd, seaweedfs, wherry
from tests.clients.checking import RegistryUnderTest
from tests.clients.driving import Client
from tests.clients.images import Images, Layout, blobs_below, held_by_containerd
from tests.clients.notary import notation_trusting_itself
from tests.clients.operations import redirected
from tests.clients.sigstore import SigningKey

REPOSITORY = "acme/redirected"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryUnderTest]:
    """A Wherry whose blobs are on S3 and are fetched there."""
    require("seaweedfs")
    folder = tmp_path_factory.mktemp("redirects")
    with seaweedfs(folder / "s3") as store:
        settings = store.store_settings("redirects") | {
            "WHERRY_STORE_REDIRECT": "true",
            # Another name than the registry's: there, clients must not send their credentials along.
            "WHERRY_STORE_ENDPOINT": store.endpoint.replace("127.0.0.1", "localhost"),
        }
        with wherry(folder / "data", settings=settings) as server:
            yield RegistryUnderTest(server.host, server.username, server.password)


@pytest.fixture(scope="module")
def image(
    registry: RegistryUnderTest,
    images: Images,
    seed_into: Callable[[RegistryUnderTest, str, Layout], str],
) -> str:
    """An image in it, by its full name."""
    seed_into(registry, REPOSITORY, images.amd64)
    return registry.reference(REPOSITORY)


@pytest.fixture
def credentials(registry: RegistryUnderTest) -> str:
    return f"{registry.username}:{registry.password}"


def test_a_blob_is_answered_with_a_redirect_to_the_store(
    registry: RegistryUnderTest, images: Images, image: str
) -> None:
    manifest = registry.manifest(REPOSITORY, "1").json()
    answer = registry.ask(f"/v2/{REPOSITORY}/blobs/{manifest['layers'][0]['digest']}", follow=False)
    assert answer.status == 307
    assert answer.headers["location"].startswith("http://localhost:")


@redirected("skopeo")
def test_skopeo(images: Images, image: str, credentials: str, tmp_path: Path) -> None:
    skopeo = Client(require("skopeo"), tmp_path)
    source = ("--src-tls-verify=false", "--src-creds", credentials, f"docker://{image}")
    skopeo("copy", *source, f"oci:{tmp_path}/pulled:1")
    assert Layout(tmp_path / "pulled").blobs == images.amd64.blobs


@redirected("buildah")
def test_buildah(buildah_client: Client, busybox: Path, image: str, credentials: str) -> None:
    container = buildah_client("from", "--quiet", "--tls-verify=false", "--creds", credentials, image)
    root = Path(buildah_client("mount", container.strip()).strip())
    assert (root / "bin/busybox").read_bytes() == busybox.read_bytes()


@redirected("crane")
def test_crane(registry: RegistryUnderTest, images: Images, image: str, tmp_path: Path) -> None:
    crane = Client(require("crane"), tmp_path, options=("--insecure",))
    login = ("auth", "login", registry.host, "-u", registry.username, "--password-stdin")
    crane(*login, stdin=registry.password)
    crane("pull", "--format=oci", image, tmp_path / "pulled")
    assert set(images.amd64.blobs) <= blobs_below(tmp_path / "pulled")


@redirected("oras")
def test_oras(registry: RegistryUnderTest, images: Images, image: str, tmp_path: Path) -> None:
    oras = Client(require("oras"), tmp_path)
    access = ("--from-plain-http", "--from-username", registry.username, "--from-password", registry.password)
    oras("cp", *access, "--to-oci-layout", image, f"{tmp_path}/pulled:1")
    assert set(images.amd64.blobs) <= blobs_below(tmp_path / "pulled")


@redirected("regctl")
def test_regctl(registry: RegistryUnderTest, images: Images, image: str, tmp_path: Path) -> None:
    access = f"reg={registry.host},user={registry.username},pass={registry.password},tls=disabled"
    regctl = Client(require("regctl"), tmp_path, options=("--host", access))
    regctl("image", "copy", image, f"ocidir://{tmp_path}/pulled:1")
    assert set(images.amd64.blobs) <= blobs_below(tmp_path / "pulled")


@redirected("docker")
def test_docker(registry: RegistryUnderTest, images: Images, image: str, tmp_path: Path) -> None:
    program = require("docker")
    require("dockerd", root=True)
    with dockerd() as daemon:
        docker = Client(program, tmp_path, {"DOCKER_HOST": daemon.address})
        login = ("login", "-u", registry.username, "--password-stdin", registry.host)
        docker(*login, stdin=registry.password)
        docker("pull", image)
        told = json.loads(docker("image", "inspect", image))
    config = json.loads(images.amd64.blobs[images.amd64.digest])["config"]["digest"]
    assert told[0]["Id"] == config


def _pulled_by_containerd(
    engine: str, folder: Path, layout: Layout, image: str, credentials: str
) -> dict[str, bytes]:
    require(engine, root=True)
    with containerd(engine) as daemon:
        ctr = Client(daemon.ctr, folder, options=("--address", str(daemon.socket)))
        ctr("images", "pull", "--plain-http", "--user", credentials, image)
        return held_by_containerd(ctr, layout)


@redirected("containerd")
def test_containerd(images: Images, image: str, credentials: str, tmp_path: Path) -> None:
    pulled = _pulled_by_containerd("containerd", tmp_path, images.amd64, image, credentials)
    assert pulled == images.amd64.blobs


@redirected("containerd 2")
def test_containerd_2_in_ranges(images: Images, image: str, credentials: str, tmp_path: Path) -> None:
    pulled = _pulled_by_containerd("containerd-2", tmp_path, images.amd64, image, credentials)
    assert pulled == images.amd64.blobs


@redirected("podman")
def test_podman(busybox: Path, image: str, credentials: str, podman_client: Client) -> None:
    podman_client("pull", "--quiet", "--tls-verify=false", "--creds", credentials, image)
    root = Path(podman_client("image", "mount", image).strip())
    assert (root / "bin/busybox").read_bytes() == busybox.read_bytes()


@redirected("helm")
def test_helm(registry: RegistryUnderTest, tmp_path: Path) -> None:
    helm = Client(require("helm"), tmp_path)
    login = ("registry", "login", "--plain-http", registry.host, "-u", registry.username, "--password-stdin")
    helm(*login, stdin=registry.password)
    helm("create", "web")
    helm("package", "web", "--version", "1.0.0")
    helm("push", "--plain-http", "web-1.0.0.tgz", f"oci://{registry.host}/acme/charts")
    chart = f"oci://{registry.host}/acme/charts/web"
    (tmp_path / "pulled").mkdir()
    helm("pull", "--plain-http", chart, "--version", "1.0.0", "--destination", tmp_path / "pulled")
    pulled = tmp_path / "pulled/web-1.0.0.tgz"
    assert pulled.read_bytes() == (tmp_path / "web-1.0.0.tgz").read_bytes()


@redirected("cosign")
def test_cosign(
    cosign_client: Client,
    registry: RegistryUnderTest,
    images: Images,
    image: str,
    signing_keys: tuple[SigningKey, SigningKey],
    tmp_path: Path,
) -> None:
    cosign, (key, _) = Client(cosign_client.program, tmp_path, cosign_client.environment), signing_keys
    login = (f"--registry-username={registry.username}", f"--registry-password={registry.password}")
    access = ("--allow-http-registry", *login)
    config, root = tmp_path / "signing-config.json", tmp_path / "trusted-root.json"
    cosign("signing-config", "create", "--out", config)
    cosign("trusted-root", "create", "--out", root)
    local = ("--signing-config", config, "--trusted-root", root)
    reference = f"{image.removesuffix(':1')}@{images.amd64.digest}"
    cosign("sign", *access, "--yes", "--key", key.private, *local, reference)
    cosign("verify", *access, "--insecure-ignore-tlog", "--key", key.public, reference)


@redirected("notation")
def test_notation(registry: RegistryUnderTest, images: Images, image: str, tmp_path: Path) -> None:
    notation = notation_trusting_itself(tmp_path, "signer.example.test")
    access = ("--insecure-registry", "-u", registry.username, "-p", registry.password)
    reference = f"{image.removesuffix(':1')}@{images.amd64.digest}"
    notation("sign", *access, "--force-referrers-tag=false", reference)
    assert "Successfully verified" in notation("verify", *access, reference)
