"""containerd, driven by ctr: the way a Kubernetes node takes its images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engines.pytest_plugin import require
from engines.servers import containerd
from tests.clients.checking import RegistryUnderTest
from tests.clients.driving import Client
from tests.clients.images import Images, Layout, held_by_containerd
from tests.clients.operations import CLIENTS, Operation, operation


@pytest.fixture(scope="module", params=[client.name for client in CLIENTS if client.module == "containerd"])
def row(request: pytest.FixtureRequest) -> str:
    """Each containerd of the client table."""
    return str(request.param)


@pytest.fixture(scope="module")
def ctr(row: str, home: Callable[[str], Path]) -> Iterator[Client]:
    """ctr with a containerd of its own."""
    (engine,) = (client.engine for client in CLIENTS if client.name == row)
    require(engine, root=True)
    require("runc")
    with containerd(engine) as daemon:
        yield Client(daemon.ctr, home("ctr"), options=("--address", str(daemon.socket)))


@pytest.fixture(scope="module")
def access(registry: RegistryUnderTest) -> tuple[str, ...]:
    """ctr keeps no login: the credentials go with each call."""
    return ("--plain-http", "--user", f"{registry.username}:{registry.password}")


@pytest.fixture
def imported(ctr: Client, home: Callable[[str], Path]) -> Callable[[Layout, str], None]:
    """`imported(layout, name)` puts all platforms of an image into containerd under a name."""
    skopeo = Client(require("skopeo"), home("ctr-import"))

    def load(layout: Layout, name: str) -> None:
        archive = skopeo.home / "image.tar"
        archive.unlink(missing_ok=True)
        skopeo("copy", "--all", layout.oci, f"oci-archive:{archive}:1")
        ctr("images", "import", "--all-platforms", "--index-name", name, archive)

    return load


@operation(Operation.LOGIN)
def test_a_private_image_is_pulled_with_credentials(
    ctr: Client,
    access: tuple[str, ...],
    registry: RegistryUnderTest,
    images: Images,
    repository: str,
    seed: Callable[[str, Layout], str],
) -> None:
    seed(repository, images.amd64)
    reference = registry.reference(repository)
    ctr.refused("images", "pull", "--plain-http", reference)
    ctr("images", "pull", *access, reference)


@operation(Operation.LOGIN)
def test_a_wrong_password_is_refused(
    ctr: Client,
    registry: RegistryUnderTest,
    images: Images,
    repository: str,
    seed: Callable[[str, Layout], str],
) -> None:
    seed(repository, images.amd64)
    wrong = ("--plain-http", "--user", f"{registry.username}:wrong")
    ctr.refused("images", "pull", *wrong, registry.reference(repository))


@operation(Operation.PULL)
def test_pull(
    ctr: Client,
    access: tuple[str, ...],
    registry: RegistryUnderTest,
    images: Images,
    repository: str,
    seed: Callable[[str, Layout], str],
) -> None:
    digest = seed(repository, images.amd64)
    reference = registry.reference(repository)
    ctr("images", "pull", *access, reference)
    assert digest in ctr("images", "ls", f"name=={reference}")
    assert held_by_containerd(ctr, images.amd64) == images.amd64.blobs


@operation(Operation.PULL)
def test_a_pulled_image_runs(
    ctr: Client,
    access: tuple[str, ...],
    registry: RegistryUnderTest,
    images: Images,
    repository: str,
    seed: Callable[[str, Layout], str],
) -> None:
    seed(repository, images.amd64)
    reference = registry.reference(repository)
    ctr("images", "pull", *access, reference)
    # By its exit status: what a short-lived container prints, ctr loses now and then.
    look = ("/bin/busybox", "grep", "-q")
    ctr("run", "--rm", reference, "right", *look, "amd64", "/platform")
    ctr.refused("run", "--rm", reference, "wrong", *look, "arm64", "/platform")


@operation(Operation.PUSH)
def test_push(
    ctr: Client,
    access: tuple[str, ...],
    registry: RegistryUnderTest,
    images: Images,
    imported: Callable[[Layout, str], None],
    repository: str,
) -> None:
    reference = registry.reference(repository)
    imported(images.amd64, "imported-image")
    ctr("images", "push", *access, reference, "imported-image")
    pushed = registry.contents(repository, "1")
    assert images.amd64.blobs.items() <= pushed.items()


@operation(Operation.INDEX)
def test_an_index_is_pulled_and_pushed_whole(
    ctr: Client,
    access: tuple[str, ...],
    registry: RegistryUnderTest,
    images: Images,
    repository: str,
    seed: Callable[[str, Layout], str],
) -> None:
    seed(repository, images.index)
    reference = registry.reference(repository)
    copy = registry.reference(f"{repository}-copy")
    ctr("images", "pull", "--all-platforms", *access, reference)
    ctr("images", "push", *access, copy, reference)
    assert registry.contents(f"{repository}-copy", "1") == images.index.blobs
