"""Agents as a cluster runs them: the shipped program in a process of its own, with a pod's files."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

import wherry.clusters.agent.program
from engines.servers.kubernetes import ControlPlane

PROGRAM = Path(wherry.clusters.agent.program.__file__)
IN_POD = "/etc/wherry"


def until(holds: Callable[[], bool], seconds: float = 40) -> None:
    """Wait for it."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


class Pod:
    """What the manifest's Deployment would run, here, with the service account that the manifest made."""

    def __init__(self, plane: ControlPlane, manifest: str, folder: Path) -> None:
        plane.kubectl("apply", "-f", "-", stdin=manifest)
        self.objects = {made["kind"]: made for made in yaml.safe_load_all(manifest)}
        self.folder = folder
        self._plane = plane
        account = folder / "account"
        account.mkdir(parents=True)
        (account / "ca.crt").write_bytes(plane.ca)
        token = plane.kubectl("create", "token", "wherry-agent", "-n", "wherry-system", "--duration=1h")
        (account / "token").write_text(token)
        for name, text in self.objects["ConfigMap"]["data"].items():
            (folder / name).write_text(text)
        (folder / "credential").write_text(self.objects["Secret"]["stringData"]["credential"])
        self.log = folder / "agent.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, python: str = sys.executable) -> None:
        container = self.objects["Deployment"]["spec"]["template"]["spec"]["containers"][0]
        [url] = [one["value"] for one in container["env"] if one["name"] == "WHERRY_URL"]
        server = urlsplit(self._plane.url)
        environment: dict[str, Any] = {
            "WHERRY_URL": url,
            "WHERRY_CREDENTIAL_FILE": str(self.folder / "credential"),
            "WHERRY_CA_FILE": str(self.folder / "ca.crt"),
            "WHERRY_ALIVE_FILE": str(self.folder / "alive"),
            "SERVICE_ACCOUNT_FOLDER": str(self.folder / "account"),
            "KUBERNETES_SERVICE_HOST": server.hostname,
            "KUBERNETES_SERVICE_PORT": str(server.port),
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [python, "-I", str(self.folder / "wherry_agent.py")],
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(10)

    @property
    def said(self) -> str:
        return self.log.read_text()
