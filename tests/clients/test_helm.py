"""helm: charts as OCI artifacts."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engines.pytest_plugin import require
from tests.clients.checking import RegistryUnderTest
from tests.clients.driving import Client
from tests.clients.operations import Operation, operation

PLAIN = "--plain-http"
SIGNER = "signer@example.test"
OTHER = "other@example.test"


@pytest.fixture(scope="module")
def helm(registry: RegistryUnderTest, home: Callable[[str], Path]) -> Client:
    """helm, logged in."""
    client = Client(require("helm"), home("helm"))
    said = client(*_login(registry), stdin=registry.password)
    assert "Login Succeeded" in said
    return client


def _login(registry: RegistryUnderTest) -> tuple[str, ...]:
    return ("registry", "login", PLAIN, registry.host, "-u", registry.username, "--password-stdin")


@pytest.fixture(scope="module")
def package(helm: Client) -> Callable[..., Path]:
    """`package("1.2.0")` is a chart `web` of that version, packed."""
    chart = helm.home / "web"
    (chart / "templates").mkdir(parents=True)
    (chart / "templates/config.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\ndata: {answer: '42'}\n"
    )
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: web\nversion: 0.0.1\ndescription: a test\n")

    def packed(version: str, *options: str | Path) -> Path:
        helm("package", chart, "--version", version, *options)
        return helm.home / f"web-{version}.tgz"

    return packed


@pytest.fixture(scope="module")
def keyrings(helm: Client) -> Iterator[tuple[Path, Path, Path]]:
    """A signer's secret and public key, and the public key of somebody else, in the form that helm reads."""
    # A short path: the agent's socket is in there, and a socket's path has 107 characters at most.
    with tempfile.TemporaryDirectory(prefix="wherry-gpg-") as folder:
        gpg = Client(require("gpg"), Path(folder), options=("--batch", "--pinentry-mode", "loopback"))
        for person in (SIGNER, OTHER):
            gpg("--passphrase", "", "--quick-generate-key", person, "rsa2048", "sign", "never")
        secret, public, other = (helm.home / f"{name}.gpg" for name in ("secret", "public", "other"))
        gpg("--passphrase", "", "--output", secret, "--export-secret-keys", SIGNER)
        gpg("--output", public, "--export", SIGNER)
        gpg("--output", other, "--export", OTHER)
        Client(gpg.program.with_name("gpgconf"), gpg.home)("--kill", "all")
        yield secret, public, other


@operation(Operation.LOGIN)
def test_login_opens_a_private_repository(
    helm: Client,
    registry: RegistryUnderTest,
    package: Callable[..., Path],
    home: Callable[[str], Path],
    repository: str,
) -> None:
    helm("push", PLAIN, package("1.0.0"), f"oci://{registry.host}/{repository}")
    chart = f"oci://{registry.host}/{repository}/web"
    assert "version: 1.0.0" in helm("show", "chart", PLAIN, chart, "--version", "1.0.0")
    stranger = Client(helm.program, home("helm-stranger"))
    stranger.refused("show", "chart", PLAIN, chart, "--version", "1.0.0")


@operation(Operation.LOGIN)
def test_a_wrong_password_is_refused(helm: Client, registry: RegistryUnderTest) -> None:
    helm.refused(*_login(registry), stdin="wrong")


@operation(Operation.PUSH)
def test_push(
    helm: Client, registry: RegistryUnderTest, package: Callable[..., Path], repository: str
) -> None:
    chart = package("1.1.0")
    helm("push", PLAIN, chart, f"oci://{registry.host}/{repository}")
    manifest = registry.manifest(f"{repository}/web", "1.1.0").json()
    assert manifest["config"]["mediaType"] == "application/vnd.cncf.helm.config.v1+json"
    assert chart.read_bytes() in registry.contents(f"{repository}/web", "1.1.0").values()


@operation(Operation.PULL)
def test_pull(
    helm: Client,
    registry: RegistryUnderTest,
    package: Callable[..., Path],
    repository: str,
    tmp_path: Path,
) -> None:
    chart = package("1.2.0")
    helm("push", PLAIN, chart, f"oci://{registry.host}/{repository}")
    remote = f"oci://{registry.host}/{repository}/web"
    helm("pull", PLAIN, remote, "--version", "1.2.0", "--destination", tmp_path)
    assert (tmp_path / chart.name).read_bytes() == chart.read_bytes()
    assert "name: release" in helm("template", "release", PLAIN, remote, "--version", "1.2.0")


@operation(Operation.LIST)
def test_the_newest_version_in_a_range_is_found_in_the_tag_list(
    helm: Client,
    registry: RegistryUnderTest,
    package: Callable[..., Path],
    repository: str,
    tmp_path: Path,
) -> None:
    for version in ("2.0.0", "2.9.0", "2.10.0", "3.0.0"):
        helm("push", PLAIN, package(version), f"oci://{registry.host}/{repository}")
    remote = f"oci://{registry.host}/{repository}/web"
    helm("pull", PLAIN, remote, "--version", "^2.0.0", "--destination", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["web-2.10.0.tgz"]


@operation(Operation.SIGNATURE)
def test_a_provenance_file_is_pushed_with_the_chart_and_verified_on_pull(
    helm: Client,
    registry: RegistryUnderTest,
    package: Callable[..., Path],
    keyrings: tuple[Path, Path, Path],
    repository: str,
    tmp_path: Path,
) -> None:
    secret, public, other = keyrings
    chart = package("4.0.0", "--sign", "--key", SIGNER, "--keyring", secret)
    helm("push", PLAIN, chart, f"oci://{registry.host}/{repository}")
    layers = registry.manifest(f"{repository}/web", "4.0.0").json()["layers"]
    assert "application/vnd.cncf.helm.chart.provenance.v1.prov" in json.dumps(layers)

    remote = f"oci://{registry.host}/{repository}/web"
    pull = ("pull", PLAIN, remote, "--version", "4.0.0", "--verify", "--destination", tmp_path)
    helm(*pull, "--keyring", public)
    helm.refused(*pull, "--keyring", other)
