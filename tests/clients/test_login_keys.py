"""Access keys with real clients: the documented shell line makes the password, and levels hold."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from engines.pytest_plugin import require
from engines.servers import containerd, dockerd, wherry
from tests.clients.checking import RegistryUnderTest
from tests.clients.driving import Client
from tests.clients.images import Images, Layout

# As the seed's page and SWR's documentation have it, character by character.
LOGIN_KEY_LINE = (
    """printf "$AK" | openssl dgst -binary -sha256 -hmac "$SK" | od -An -vtx1"""
    """ | sed 's/[ \\n]//g' | sed 'N;s/\\n//'"""
)
IMAGE = "acme/app"
LEVELS = ("read", "write", "edit")
PLAIN = "--tls-verify=false"
Push = Callable[[RegistryUnderTest, str], str]


@dataclass(frozen=True, slots=True)
class Keys:
    """A registry with `IMAGE` in it, and for each level on it the registry as a key of that level sees it."""

    admin: RegistryUnderTest
    of: dict[str, RegistryUnderTest]


@pytest.fixture(scope="module")
def administer() -> Callable[..., str]:
    """`administer(data, "user", "create", "ann", typed="…")`: a command as an administrator types it."""

    def run(data: Path, *arguments: str, typed: str = "") -> str:
        command = [sys.executable, "-m", "wherry", *arguments, "--data", str(data)]
        done = subprocess.run(command, input=typed, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="module")
def keys(
    tmp_path_factory: pytest.TempPathFactory,
    administer: Callable[..., str],
    images: Images,
    seed_into: Callable[[RegistryUnderTest, str, Layout], str],
) -> Iterator[Keys]:
    """Every right and key made by the commands that the how-to pages name."""
    require("openssl")
    folder = tmp_path_factory.mktemp("keys")
    with wherry(folder / "data") as server:
        admin = RegistryUnderTest(server.host, server.username, server.password)
        seed_into(admin, IMAGE, images.amd64)
        of = {}
        for level in LEVELS:
            user, file = f"{level}er", folder / f"{level}.csv"
            administer(server.data, "user", "create", user, "--password-stdin", typed="never used here\n")
            administer(server.data, "access", "grant", user, level, IMAGE)
            administer(server.data, "key", "create", "--user", user, "--csv", str(file))
            access_key, password = login_by_the_line(file)
            of[level] = RegistryUnderTest(server.host, f"ap-southeast-3@{access_key}", password)
        yield Keys(admin, of)


def login_by_the_line(file: Path) -> tuple[str, str]:
    """The access key of a credentials.csv, and the password that the shell line prints for it."""
    with file.open(newline="", encoding="utf-8-sig") as opened:
        [row] = csv.DictReader(opened)
    variables = {"AK": row["Access Key Id"], "SK": row["Secret Access Key"]}
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", **variables}
    done = subprocess.run(
        ["sh", "-c", LOGIN_KEY_LINE], env=environment, capture_output=True, text=True, check=True
    )
    return variables["AK"], done.stdout.strip()


def holds_for_each_level(keys: Keys, level: str, client: str, push: Push, pull: Push) -> None:
    """With the level's key a pull works, and a push where the level is write or more."""
    registry, tag = keys.of[level], f"{client}-{level}"
    pull(registry, registry.reference(IMAGE))
    if level == "read":
        with pytest.raises(AssertionError, match=r"(?i)denied|forbidden|unauthorized|403|401"):
            push(registry, registry.reference(IMAGE, tag))
        assert tag not in keys.admin.tags(IMAGE)
    else:
        push(registry, registry.reference(IMAGE, tag))
        assert keys.admin.digest(IMAGE, tag)


def test_the_command_prints_what_the_line_prints(tmp_path: Path) -> None:
    require("openssl")
    file = tmp_path / "credentials.csv"
    file.write_text("\ufeffUser Name,Access Key Id,Secret Access Key\r\nann,AKID0123456789,s3cret\r\n")
    access_key, password = login_by_the_line(file)
    command = [sys.executable, "-m", "wherry", "login-key", str(file), "--region", "ap-southeast-3", "--json"]
    printed = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert printed == {"user": f"ap-southeast-3@{access_key}", "password": password}


@pytest.mark.parametrize("level", LEVELS)
def test_skopeo(keys: Keys, home: Callable[[str], Path], images: Images, level: str) -> None:
    registry = keys.of[level]
    skopeo = Client(require("skopeo"), home(f"skopeo-{level}"))
    skopeo(
        "login", PLAIN, "-u", registry.username, "--password-stdin", registry.host, stdin=registry.password
    )

    def push(_: RegistryUnderTest, reference: str) -> str:
        return skopeo("copy", "--dest-tls-verify=false", images.amd64.oci, f"docker://{reference}")

    def pull(_: RegistryUnderTest, reference: str) -> str:
        return skopeo("copy", "--src-tls-verify=false", f"docker://{reference}", f"dir:{skopeo.home}/pulled")

    holds_for_each_level(keys, level, "skopeo", push, pull)


def test_a_delete_takes_edit(keys: Keys, home: Callable[[str], Path], images: Images) -> None:
    """skopeo deletes what a tag names: another image, so that the others stay."""
    skopeo = Client(require("skopeo"), home("skopeo-delete"))
    target = keys.admin.reference(IMAGE, "to-delete")
    login = ("--dest-creds", f"{keys.admin.username}:{keys.admin.password}")
    skopeo("copy", "--dest-tls-verify=false", *login, images.arm64.oci, f"docker://{target}")
    for level in ("read", "write"):
        login = ("--creds", f"{keys.of[level].username}:{keys.of[level].password}")
        said = skopeo.refused("delete", PLAIN, *login, f"docker://{target}")
        assert "denied" in said.lower() or "unauthorized" in said.lower(), said
        assert "to-delete" in keys.admin.tags(IMAGE)
    login = ("--creds", f"{keys.of['edit'].username}:{keys.of['edit'].password}")
    skopeo("delete", PLAIN, *login, f"docker://{target}")
    assert "to-delete" not in keys.admin.tags(IMAGE)


@pytest.fixture(scope="module")
def podman(podman_in: Callable[[str], Client]) -> Client:
    """podman, not logged in by other tests."""
    return podman_in("keys")


@pytest.mark.parametrize("level", LEVELS[:2])
def test_podman(keys: Keys, podman: Client, images: Images, level: str) -> None:
    registry = keys.of[level]
    podman(
        "login", PLAIN, "-u", registry.username, "--password-stdin", registry.host, stdin=registry.password
    )
    image = podman("pull", "--quiet", images.amd64.oci).strip()
    holds_for_each_level(
        keys,
        level,
        "podman",
        lambda _, reference: podman("push", "--quiet", PLAIN, image, reference),
        lambda _, reference: podman("pull", "--quiet", PLAIN, reference),
    )


@pytest.mark.parametrize("level", LEVELS[:2])
def test_docker(keys: Keys, home: Callable[[str], Path], docker_host: str, level: str) -> None:
    registry, folder = keys.of[level], home(f"docker-{level}")
    docker = Client(
        require("docker"), folder, {"DOCKER_HOST": docker_host, "DOCKER_CONFIG": str(folder / "config")}
    )
    docker("login", "-u", registry.username, "--password-stdin", registry.host, stdin=registry.password)

    def push(_: RegistryUnderTest, reference: str) -> str:
        docker("tag", registry.reference(IMAGE), reference)
        return docker("push", reference)

    holds_for_each_level(keys, level, "docker", push, lambda _, reference: docker("pull", reference))


@pytest.fixture(scope="module")
def docker_host() -> Iterator[str]:
    """Where a docker daemon listens."""
    require("docker")
    require("dockerd", root=True)
    with dockerd() as daemon:
        yield daemon.address


@pytest.fixture(scope="module")
def ctr(home: Callable[[str], Path]) -> Iterator[Client]:
    """ctr with a containerd of its own."""
    require("containerd", root=True)
    with containerd("containerd") as daemon:
        yield Client(daemon.ctr, home("ctr-keys"), options=("--address", str(daemon.socket)))


@pytest.mark.parametrize("level", LEVELS[:2])
def test_ctr(keys: Keys, ctr: Client, home: Callable[[str], Path], images: Images, level: str) -> None:
    """With layers that are not there yet: refused at a manifest, ctr 1.6 now and then waits for ever."""
    skopeo, archive = Client(require("skopeo"), home("ctr-keys-import")), f"{ctr.home}/{level}.tar"
    skopeo("copy", images.arm64.oci, f"oci-archive:{archive}:1")
    ctr("images", "import", "--no-unpack", "--all-platforms", "--index-name", f"local-{level}", archive)

    def login(registry: RegistryUnderTest) -> tuple[str, ...]:
        return ("--plain-http", "--user", f"{registry.username}:{registry.password}")

    holds_for_each_level(
        keys,
        level,
        "ctr",
        lambda registry, reference: ctr("images", "push", *login(registry), reference, f"local-{level}"),
        lambda registry, reference: ctr("images", "pull", *login(registry), reference),
    )
