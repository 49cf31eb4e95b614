"""What one types to log in with a login key: a line for each client, and a Kubernetes secret. Texts only."""

import base64
import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

SECRET_NAME = "wherry"  # noqa: S105 (a name, no secret)
# What the reader puts in place of it: these clients have no login that lasts.
IMAGE = "ORGANIZATION/IMAGE:TAG"
_THIS_MACHINE = re.compile(r"(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?")


@dataclass(frozen=True, slots=True)
class RegistryLogin:
    """`host` is where images are pulled from, with its port; `plain_http` tells that it speaks no TLS."""

    host: str
    user: str
    password: str
    plain_http: bool = False

    @classmethod
    def at(cls, origin: str, user: str, password: str) -> "RegistryLogin":
        """`origin` is the registry's URL without a path, or a bare host.

        That one speaks TLS unless it is this machine, as docker takes it to be.
        """
        scheme, marked, host = origin.rstrip("/").rpartition("://")
        plain = scheme == "http" if marked else _THIS_MACHINE.fullmatch(host) is not None
        return cls(host, user, password, plain_http=plain)


@dataclass(frozen=True, slots=True)
class LoginCommands:
    """Lines for a POSIX shell, and `kubernetes_secret`, a manifest in YAML."""

    docker: str
    podman: str
    nerdctl: str
    ctr: str
    skopeo: str
    helm: str
    kubectl: str
    kubernetes_secret: str


def login_commands(login: RegistryLogin) -> LoginCommands:
    """The password is in them. Over plain HTTP each has the option that its client asks for.

    docker has none: it takes plain HTTP from this machine, and where its daemon's settings say so.
    """
    plain = login.plain_http
    return LoginCommands(
        docker=docker_login(login),
        podman=_line("podman login", "--tls-verify=false" if plain else "", login),
        nerdctl=_line("nerdctl login", "--insecure-registry" if plain else "", login),
        ctr=_ctr(login),
        skopeo=_line("skopeo login", "--tls-verify=false" if plain else "", login),
        helm=_line("helm registry login", "--plain-http" if plain else "", login),
        kubectl=_kubectl(login),
        kubernetes_secret=kubernetes_secret(login),
    )


def docker_login(login: RegistryLogin) -> str:
    """The line that SWR hands out, word by word."""
    return _line("docker login", "", login)


def docker_config(login: RegistryLogin) -> Mapping[str, object]:
    """The content of a `config.json` of docker's, which is also that of a Kubernetes secret."""
    auth = base64.b64encode(f"{login.user}:{login.password}".encode()).decode()
    return {"auths": {login.host: {"auth": auth}}}


def kubernetes_secret(login: RegistryLogin) -> str:
    """A secret for `imagePullSecrets`, in YAML."""
    config = json.dumps(docker_config(login), separators=(",", ":"))
    return (
        "apiVersion: v1\n"
        "kind: Secret\n"
        "metadata:\n"
        f"  name: {SECRET_NAME}\n"
        "type: kubernetes.io/dockerconfigjson\n"
        "data:\n"
        f"  .dockerconfigjson: {base64.b64encode(config.encode()).decode()}\n"
    )


def _line(command: str, option: str, login: RegistryLogin) -> str:
    words = ["-u", login.user, "-p", login.password, login.host]
    return " ".join([command, *([option] if option else []), shlex.join(words)])


def _ctr(login: RegistryLogin) -> str:
    user = shlex.join(["--user", f"{login.user}:{login.password}", f"{login.host}/{IMAGE}"])
    return f"ctr images pull {'--plain-http ' if login.plain_http else ''}{user}"


def _kubectl(login: RegistryLogin) -> str:
    words = [
        SECRET_NAME,
        f"--docker-server={login.host}",
        f"--docker-username={login.user}",
        f"--docker-password={login.password}",
    ]
    return f"kubectl create secret docker-registry {shlex.join(words)}"
