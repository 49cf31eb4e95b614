"""Reading a kubeconfig: which contexts it has, and what is needed to log in by one of them.

Nothing in it is ever run, and no file that it names is opened: it was written by somebody else, and the
files would be this server's. https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from wherry.clusters.agent.seen import AgentSeen
from wherry.clusters.errors import KubeconfigRefused
from wherry.clusters.yaml_text import InvalidYaml, read_yaml

MAX_BYTES = 256 * 1024
MAX_CONTEXTS = 200


@dataclass(frozen=True, slots=True)
class ClusterLogin:
    """All that a connection needs, secret as a whole: PEM texts, and a token or a certificate with key."""

    server: str
    ca: str
    tls_server_name: str | None = None
    token: str | None = None
    certificate: str | None = None
    key: str | None = None
    # Of a cluster that joined: its agent's tunnel is the way, and `agent` what is known of it just now.
    tunnel: str | None = None
    agent: AgentSeen | None = None

    def __repr__(self) -> str:
        return f"ClusterLogin(server={self.server!r}, …)"

    def to_bytes(self) -> bytes:
        """What is sealed."""
        kept = {name: value for name, value in asdict(self).items() if name != "agent" and value is not None}
        return json.dumps(kept).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> "ClusterLogin":
        """What `to_bytes` made."""
        return cls(**json.loads(content))


@dataclass(frozen=True, slots=True)
class Context:
    """One way in. `refused` says why it cannot be used, None where it can."""

    name: str
    server: str | None
    user: str
    namespace: str
    is_current: bool
    refused: str | None


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """A file that was read. Nothing in it was tried yet."""

    contexts: tuple[Context, ...]
    _logins: Mapping[str, ClusterLogin]

    def login(self, context: str | None = None) -> ClusterLogin:
        """By the context of that name, else by the current one, else by the only one.

        Raises `KubeconfigRefused`.
        """
        chosen = self.choose(context)
        if chosen.refused is not None:
            raise KubeconfigRefused(chosen.refused, chosen.name)
        return self._logins[chosen.name]

    def choose(self, context: str | None = None) -> Context:
        """Raises `KubeconfigRefused` where none is named and it is not clear which."""
        if context is not None:
            for known in self.contexts:
                if known.name == context:
                    return known
            raise KubeconfigRefused(f"there is no context {context[:80]!r}; there are {self._names()}")
        current = [known for known in self.contexts if known.is_current]
        if current:
            return current[0]
        if len(self.contexts) == 1:
            return self.contexts[0]
        raise KubeconfigRefused(
            f"the file has several contexts and no current one; choose of {self._names()}"
        )

    def _names(self) -> str:
        return ", ".join(known.name[:80] for known in self.contexts[:20])


def read_kubeconfig(text: str, now: datetime) -> Kubeconfig:
    """Raises `KubeconfigRefused` where the file as a whole is none.

    A context that cannot be used is listed with the reason; `login` raises it.
    """
    try:
        document = read_yaml(text, max_bytes=MAX_BYTES)
    except InvalidYaml as error:
        raise KubeconfigRefused(str(error)) from None
    if not isinstance(document, dict) or document.get("kind", "Config") != "Config":
        raise KubeconfigRefused("this is no kubeconfig: it is not an object of kind Config")
    clusters, users = _named(document, "clusters", "cluster"), _named(document, "users", "user")
    current = document.get("current-context")
    contexts, logins = [], {}
    named = _named(document, "contexts", "context")
    if not named:
        raise KubeconfigRefused("the kubeconfig has no contexts")
    for name, body in named.items():
        cluster = clusters.get(str(body.get("cluster")))
        refused = None
        try:
            logins[name] = _login(body, clusters, users, now)
        except KubeconfigRefused as error:
            refused = error.reason
        server = None if cluster is None else cluster.get("server")
        contexts.append(
            Context(
                name=name,
                server=server if isinstance(server, str) else None,
                user=str(body.get("user", "")),
                namespace=str(body.get("namespace") or "default"),
                is_current=name == current,
                refused=refused,
            )
        )
    return Kubeconfig(tuple(contexts), logins)


def _named(document: Mapping[str, Any], kind: str, inner: str) -> dict[str, dict[str, Any]]:
    entries = document.get(kind) or []
    if not isinstance(entries, list) or len(entries) > MAX_CONTEXTS:
        raise KubeconfigRefused(f"{kind} in the kubeconfig is no list of at most {MAX_CONTEXTS}")
    found: dict[str, dict[str, Any]] = {}
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise KubeconfigRefused(f"an entry of {kind} in the kubeconfig has no name")
        body = entry.get(inner)
        # The first of two of one name counts, as in kubectl.
        found.setdefault(entry["name"], body if isinstance(body, dict) else {})
    return found


def _login(
    context: Mapping[str, Any],
    clusters: Mapping[str, dict[str, Any]],
    users: Mapping[str, dict[str, Any]],
    now: datetime,
) -> ClusterLogin:
    for kind, entries in (("cluster", clusters), ("user", users)):
        if str(context.get(kind)) not in entries:
            raise KubeconfigRefused(f"its {kind} {str(context.get(kind))[:80]!r} is not in the file")
    cluster, user = clusters[str(context["cluster"])], users[str(context["user"])]
    server = _server(cluster)
    certificate, key = _client_certificate(user, now)
    token = _token(user)
    if token is None and certificate is None:
        raise KubeconfigRefused("its user has neither a token nor a client certificate")
    name = cluster.get("tls-server-name")
    return ClusterLogin(
        server=server,
        ca=_authority(cluster),
        tls_server_name=None if name is None else str(name),
        token=token,
        certificate=certificate,
        key=key,
    )


def _server(cluster: Mapping[str, Any]) -> str:
    if cluster.get("insecure-skip-tls-verify"):
        raise KubeconfigRefused(
            "insecure-skip-tls-verify is set: anybody on the way could take the credentials;"
            " give the cluster's CA in certificate-authority-data instead"
        )
    if cluster.get("proxy-url"):
        raise KubeconfigRefused(
            "proxy-url is set: Wherry connects to clusters directly, never through a proxy"
        )
    server = cluster.get("server")
    if not isinstance(server, str):
        raise KubeconfigRefused("its cluster has no server")
    try:
        parts = urlsplit(server)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise KubeconfigRefused("the server is no address such as https://api.example.com:6443") from None
    if parts.scheme != "https" or not host:
        raise KubeconfigRefused(
            "the server is not an https:// address, so credentials would travel in the clear"
        )
    if parts.username is not None or parts.password is not None:
        raise KubeconfigRefused(
            "the server's address has a user name in it, which kubectl does not send either"
        )
    if parts.query or parts.fragment or any(character.isspace() for character in server):
        raise KubeconfigRefused("the server's address has more in it than a host, a port and a path")
    return server.rstrip("/")


def _authority(cluster: Mapping[str, Any]) -> str:
    if cluster.get("certificate-authority"):
        raise KubeconfigRefused(
            f"certificate-authority names the file {str(cluster['certificate-authority'])[:200]!r},"
            " which is on your machine; `kubectl config view --raw --flatten` puts the content in its place"
        )
    if not cluster.get("certificate-authority-data"):
        raise KubeconfigRefused(
            "there is no certificate-authority-data, so nothing proves that the server is the cluster"
        )
    pem = _pem(cluster, "certificate-authority-data")
    try:
        x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        raise KubeconfigRefused("certificate-authority-data holds no certificate in PEM") from None
    return pem


def _token(user: Mapping[str, Any]) -> str | None:
    runs = user.get("exec")
    if runs:
        command = runs.get("command") if isinstance(runs, dict) else None
        raise KubeconfigRefused(
            f"its user logs in by running a program ({str(command)[:100]!r}), and Wherry runs nothing that a"
            " file names; make a service account in the cluster and use its token"
        )
    if user.get("auth-provider"):
        raise KubeconfigRefused(
            "its user logs in by an auth-provider, which Kubernetes gave up in 1.26;"
            " make a service account in the cluster and use its token"
        )
    for key in ("tokenFile", "client-certificate", "client-key"):
        if user.get(key):
            raise KubeconfigRefused(
                f"{key} names the file {str(user[key])[:200]!r}, which is on your machine;"
                " `kubectl config view --raw --flatten` puts the content into the kubeconfig"
            )
    if user.get("username") or user.get("password"):
        raise KubeconfigRefused("its user logs in by a password, which Kubernetes gave up in 1.19")
    if any(user.get(key) for key in ("as", "as-uid", "as-groups", "as-user-extra")):
        raise KubeconfigRefused("its user acts as somebody else (as, as-groups), which Wherry does not")
    token = user.get("token")
    if token is None:
        return None
    if not isinstance(token, str) or not token.isascii() or not token.isprintable() or " " in token:
        raise KubeconfigRefused("the token is no text that can be sent")
    return token


def _client_certificate(user: Mapping[str, Any], now: datetime) -> tuple[str | None, str | None]:
    has = [bool(user.get(key)) for key in ("client-certificate-data", "client-key-data")]
    if not any(has):
        return None, None
    if not all(has):
        raise KubeconfigRefused(
            "there is a client certificate without its key, or a key without its certificate"
        )
    certificate, key = _pem(user, "client-certificate-data"), _pem(user, "client-key-data")
    try:
        found = x509.load_pem_x509_certificates(certificate.encode())[0]
        public = load_pem_private_key(key.encode(), password=None).public_key()
    except (ValueError, TypeError, IndexError):
        raise KubeconfigRefused("the client certificate or its key cannot be read as PEM") from None
    spki = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if found.public_key().public_bytes(*spki) != public.public_bytes(*spki):
        raise KubeconfigRefused("client-key-data is not the key of client-certificate-data")
    if found.not_valid_after_utc <= now:
        raise KubeconfigRefused(
            f"the client certificate ended on {found.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
        )
    return certificate, key


def _pem(entry: Mapping[str, Any], key: str) -> str:
    try:
        return base64.b64decode(str(entry[key]), validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        raise KubeconfigRefused(f"{key} is not base64 of a PEM text") from None
