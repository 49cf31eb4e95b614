"""An admission webhook of a test's own: an HTTPS server that the apiserver asks, and that denies some."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from engines.servers.authority import Authority
from engines.servers.kubernetes import ControlPlane

Denies = Callable[[dict[str, Any]], str | None]
"""Of an admission request the reason why it is denied, or None."""


@contextmanager
def validating(plane: ControlPlane, folder: Path, namespace: str, denies: Denies) -> Iterator[None]:
    """While the block runs, `denies` is asked about each new or changed object in the namespace."""
    authority = Authority(folder)
    listener = authority.server("webhook", ["127.0.0.1"])
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(listener.certificate, listener.key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(denies))
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    name = f"policy-{namespace}"
    path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    hook = {
        "name": "policy.example.com",
        "clientConfig": {
            "url": f"https://127.0.0.1:{server.server_port}/",
            "caBundle": base64.b64encode(authority.certificate.read_bytes()).decode(),
        },
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "rules": [
            {
                "apiGroups": ["*"],
                "apiVersions": ["*"],
                "operations": ["CREATE", "UPDATE"],
                "resources": ["deployments", "services"],
            }
        ],
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    try:
        plane.request("POST", path, {"metadata": {"name": name}, "webhooks": [hook]})
        yield
    finally:
        if plane.has(f"{path}/{name}"):
            plane.request("DELETE", f"{path}/{name}")
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(denies: Denies) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            reason = denies(review["request"])
            answer: dict[str, Any] = {"uid": review["request"]["uid"], "allowed": reason is None}
            if reason is not None:
                answer["status"] = {"message": reason, "code": 403}
            body = json.dumps({**review, "request": None, "response": answer}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Not on the test's output."""

    return Handler
