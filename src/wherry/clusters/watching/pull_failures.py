"""Why a pod's image is not pulled, and what mends it: from the words of kubelets and container engines."""

import re
from dataclasses import dataclass
from enum import StrEnum


class PullPart(StrEnum):
    """What failed."""

    NAME = "name"
    DNS = "dns"
    TCP = "tcp"
    TLS = "tls"
    HTTP = "http"
    CREDENTIALS = "credentials"
    RIGHTS = "rights"
    IMAGE = "image"
    ARCHITECTURE = "architecture"
    LIMIT = "limit"
    POLICY = "policy"
    NODE = "node"
    TIMEOUT = "timeout"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class PullFailure:
    """`words` are the cluster's own."""

    part: PullPart
    reason: str
    mend: str
    words: str


REASONS = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
        "SignatureValidationFailed",
    }
)

_CHOOSE = "choose an image access credential for the workload, or have default-secret made in its namespace"
# The first that is found in the words counts: the more telling ones stand before those that they contain.
_SIGNS: tuple[tuple[str, PullPart, str, str], ...] = (
    (
        (
            r"no match for platform|no matching manifest for|does not match the specified platform"
            r"|no image found in .*list for architecture|exec format error"
        ),
        PullPart.ARCHITECTURE,
        "the image is not there for the architecture of the node",
        "push the image for this architecture too, or keep the workload to nodes of another one",
    ),
    (
        r"no such host|server misbehaving|temporary failure in name resolution|lookup .* on .*:53",
        PullPart.DNS,
        "the node cannot look up the name of the registry",
        "let the node's DNS know the registry's name, or use a name in the image that it knows",
    ),
    (
        r"server gave HTTP response to HTTPS client",
        PullPart.TLS,
        "the registry speaks plain HTTP there, and the node wants HTTPS",
        "turn TLS on in front of the registry, or tell the nodes' containerd that this registry has none",
    ),
    (
        r"x509|certificate|tls: |handshake failure",
        PullPart.TLS,
        "the node does not trust the registry's certificate",
        "put the CA of the registry onto the nodes, or give the registry a certificate of a public CA",
    ),
    (
        (
            r"connection refused|no route to host|network is unreachable|i/o timeout|connection timed out"
            r"|deadline exceeded|connection reset"
        ),
        PullPart.TCP,
        "the node cannot connect to the registry",
        "let the node's network reach the registry (routes, firewalls, security groups)",
    ),
    (
        r"too ?many ?requests|\b429\b",
        PullPart.LIMIT,
        "the registry takes no more requests from this node now",
        "wait; with an image of another registry, log in there or copy the image into this one",
    ),
    (
        (
            r"no basic auth credentials|authentication required|\b401\b|unauthorized|not logged in"
            r"|incorrect username or password"
        ),
        PullPart.CREDENTIALS,
        "the registry does not accept the login, or there is none",
        _CHOOSE,
    ),
    (
        r"\b403\b|forbidden|access denied|requested access to the resource is denied|insufficient_scope",
        PullPart.RIGHTS,
        "who pulls may not read this image, or there is no such image",
        "give read on the image to the user of the credential; or " + _CHOOSE,
    ),
    (
        r"manifest unknown|name unknown|\b404\b|not found",
        PullPart.IMAGE,
        "the registry does not have this image or tag",
        "look for a mistyped name or tag; push the image, or choose one that is there",
    ),
    (
        r"\b50[0234]\b|unexpected status|bad gateway|service unavailable",
        PullPart.HTTP,
        "the registry, or a proxy before it, answers with an error",
        "look at the registry's log and at the proxies before it",
    ),
)
_COMPILED = tuple(
    (re.compile(sign, re.IGNORECASE), part, reason, mend) for sign, part, reason, mend in _SIGNS
)


def pull_failure(reason: str | None, message: str | None) -> PullFailure | None:
    """For what a container waits for (`state.waiting`); None where that is no matter of pulling."""
    if reason not in REASONS:
        return None
    words = (message or reason or "").strip()
    if reason == "InvalidImageName":
        return PullFailure(
            PullPart.NAME, "the image's name cannot be read", "correct the image's name", words
        )
    if reason == "ErrImageNeverPull":
        return PullFailure(
            PullPart.POLICY,
            "the image is not on the node, and the pull policy is Never",
            "choose the pull policy IfNotPresent",
            words,
        )
    for sign, part, said, mend in _COMPILED:
        if sign.search(_without_names(words)):
            return PullFailure(part, said, mend, words)
    return PullFailure(PullPart.UNKNOWN, "the image cannot be pulled", "see the cluster's own words", words)


def no_node(words: str) -> PullFailure:
    """There is none that a pod could be put on."""
    return PullFailure(
        PullPart.NODE,
        "there is no node that takes pods now",
        "see why the cluster's nodes are not ready (`kubectl get nodes`), or uncordon one",
        words,
    )


def not_started(words: str) -> PullFailure:
    """The node refused the pod, or could not make its sandbox: it did not come to a pull."""
    return PullFailure(
        PullPart.NODE,
        "the node did not start the pod, and so has not tried to pull",
        "see the cluster's own words: the node's network plugin, its room, its rules for pods",
        words,
    )


def too_slow(seconds: float, words: str) -> PullFailure:
    """Neither pulled nor failed in the time that was given."""
    return PullFailure(
        PullPart.TIMEOUT,
        f"the pull did not come to an end within {seconds:.0f} seconds",
        "look for what drops packets on the way to the registry (firewall, security group, MTU, a proxy)",
        words,
    )


def _without_names(words: str) -> str:
    """An image called `certificate-404` must not decide anything."""
    return re.sub(r'"[^"]*"', '""', words)
