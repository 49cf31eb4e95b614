"""One Wherry and one set of real images for all clients; what passed becomes docs/reference/clients.md."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator
from functools import partial
from pathlib import Path

import pytest

import engines
from engines.pytest_plugin import require
from engines.servers import wherry
from tests.clients import images as imaging
from tests.clients.checking import RegistryUnderTest
from tests.clients.driving import Client
from tests.clients.images import Images, Layout
from tests.clients.operations import CLIENTS
from tests.clients.outcomes import Outcomes, table
from tests.clients.sigstore import PASSPHRASE, SigningKey, generate

_OUTCOMES = pytest.StashKey[Outcomes]()
_PAGE = Path(__file__).parents[2] / "docs/reference/clients.md"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "operation(which): what this test proves that its client does")
    config.stash[_OUTCOMES] = Outcomes()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.CallInfo[None], None]:
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    for mark in item.iter_markers("operation"):
        row = mark.kwargs.get("row") or _row(item)
        item.config.stash[_OUTCOMES].record(row, mark.args[0], report)


def _row(item: pytest.Item) -> str:
    """The row of the table that a test counts for: its module's, or the version that it was made for."""
    call = getattr(item, "callspec", None)
    named = call.params.get("row") if call else None
    return str(named or item.path.stem.removeprefix("test_"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Write the client table from what has just run, when asked to and when everything was run."""
    if os.environ.get("WHERRY_WRITE_DOCS", "") in ("", "0"):
        return
    outcomes = config.stash[_OUTCOMES]
    unknown = outcomes.not_run(CLIENTS)
    if unknown:
        terminalreporter.write_line(f"{_PAGE.name} not written, no outcome for: {', '.join(unknown)}")
        return
    versions = {client.name: engines.version(client.engine) for client in CLIENTS}
    _PAGE.parent.mkdir(parents=True, exist_ok=True)
    _PAGE.write_text(table(CLIENTS, versions, outcomes))
    terminalreporter.write_line(f"written: docs/reference/{_PAGE.name}")


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryUnderTest]:
    """A Wherry as it comes: SQLite, file system, bearer tokens."""
    data = tmp_path_factory.mktemp("registry") / "data"
    with wherry(data) as server:
        yield RegistryUnderTest(server.host, server.username, server.password)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """An empty home folder for a client."""
    return lambda name: tmp_path_factory.mktemp(f"{name}-home")


@pytest.fixture(scope="session")
def buildah_client(home: Callable[[str], Path]) -> Client:
    """buildah with a storage of its own, as every test here uses it."""
    folder = home("buildah")
    storage = ("--root", str(folder / "root"), "--runroot", str(folder / "run"), "--storage-driver", "vfs")
    return Client(require("buildah", root=True), folder, options=storage)


@pytest.fixture(scope="session")
def podman_in() -> Iterator[Callable[[str], Client]]:
    """`podman_in("name")`: one with a storage of its own, not made for the users and daemons of a machine.

    Its folder has a short path, as podman insists on it: at most 50 characters where it keeps what runs.
    """
    program = require("podman", root=True)
    root = Path(tempfile.mkdtemp(prefix="wherry-", dir="/tmp"))

    def made(name: str) -> Client:
        folder = root / name
        folder.mkdir()
        storage = ("--root", f"{folder}/root", "--runroot", f"{folder}/run", "--tmpdir", f"{folder}/tmp")
        quiet = ("--cgroup-manager", "cgroupfs", "--events-backend", "file")
        return Client(program, folder, options=(*storage, "--storage-driver", "vfs", *quiet))

    yield made
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="session")
def podman_client(podman_in: Callable[[str], Client]) -> Client:
    """podman, not logged in."""
    return podman_in("podman")


@pytest.fixture(scope="session")
def images(buildah_client: Client, busybox: Path, tmp_path_factory: pytest.TempPathFactory) -> Images:
    """Real images, built once."""
    folder = tmp_path_factory.mktemp("images")
    return imaging.build(buildah_client, busybox, folder)


@pytest.fixture
def repository(request: pytest.FixtureRequest) -> str:
    """A repository that no other test uses."""
    module, test = request.path.stem, request.node.name
    words = [re.sub(r"[^a-z0-9]+", "-", name.lower().removeprefix("test_")) for name in (module, test)]
    return "/".join(word.strip("-") for word in words)


@pytest.fixture(scope="session")
def seed_into(home: Callable[[str], Path]) -> Callable[[RegistryUnderTest, str, Layout], str]:
    """`seed_into(registry, "acme/app", images.amd64)` puts an image there as tag 1; its digest."""
    skopeo = Client(require("skopeo"), home("seed"))

    def push(registry: RegistryUnderTest, repository: str, layout: Layout) -> str:
        target = f"docker://{registry.reference(repository)}"
        credentials = ("--dest-creds", f"{registry.username}:{registry.password}")
        skopeo("copy", "--all", "--dest-tls-verify=false", *credentials, layout.oci, target)
        return layout.digest

    return push


@pytest.fixture(scope="session")
def seed(
    registry: RegistryUnderTest, seed_into: Callable[[RegistryUnderTest, str, Layout], str]
) -> Callable[[str, Layout], str]:
    """`seed("acme/app", images.amd64)` puts an image into the registry, for a test of reading."""
    return partial(seed_into, registry)


@pytest.fixture(scope="session")
def cosign_client(home: Callable[[str], Path]) -> Client:
    """cosign, not logged in."""
    folder = home("cosign")
    docker_config = str(folder / "docker")
    return Client(require("cosign"), folder, {"DOCKER_CONFIG": docker_config, "COSIGN_PASSWORD": PASSPHRASE})


@pytest.fixture(scope="session")
def signing_keys(
    cosign_client: Client, tmp_path_factory: pytest.TempPathFactory
) -> tuple[SigningKey, SigningKey]:
    """Two key pairs: one that signs, and one that did not."""
    folder = tmp_path_factory.mktemp("keys")
    return generate(cosign_client, folder, "signer"), generate(cosign_client, folder, "other")


@pytest.fixture(scope="session")
def busybox() -> Path:
    """The program that is in the images."""
    return require("busybox-static")
