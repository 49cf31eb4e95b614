"""Real servers for tests and the bench: each a context manager that starts, awaits and ends one by its id."""

from engines.servers.daemons import Containerd, Dockerd, containerd, dockerd
from engines.servers.distribution import PeerRegistry, docker_registry, registry_v3
from engines.servers.image_archive import write_image_archive
from engines.servers.karmada import Karmada, karmada
from engines.servers.kubelet import Node, RealCluster, real_cluster
from engines.servers.kubernetes import APIRefused, ControlPlane, KubectlFailed, control_plane
from engines.servers.postgresql import PostgreSQL, postgresql
from engines.servers.process import ServerFailed, ServerProcess, free_port
from engines.servers.seaweedfs import S3Server, seaweedfs
from engines.servers.wherry import Wherry, wherry

__all__ = [
    "APIRefused",
    "Containerd",
    "ControlPlane",
    "Dockerd",
    "Karmada",
    "KubectlFailed",
    "Node",
    "PeerRegistry",
    "PostgreSQL",
    "RealCluster",
    "S3Server",
    "ServerFailed",
    "ServerProcess",
    "Wherry",
    "containerd",
    "control_plane",
    "docker_registry",
    "dockerd",
    "free_port",
    "karmada",
    "postgresql",
    "real_cluster",
    "registry_v3",
    "seaweedfs",
    "wherry",
    "write_image_archive",
]
