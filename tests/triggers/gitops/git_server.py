"""A real Git server: git's own `http-backend` behind HTTP with user and password."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

USER, PASSWORD = "wherry", "s3cret"


class GitServer:
    """Repositories under `root`, each pushed to and fetched by HTTP on 127.0.0.1."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.pushes = 0
        # Called before a push is handed to git.
        self.before_push: list[object] = []
        server = self

        class Handler(_Handler):
            git = server

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)
        self._thread.start()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/{name}.git"

    def make(self, name: str, files: dict[str, str]) -> Path:
        """A repository whose branch `main` has these files; tells its work tree."""
        bare, work = self.root / f"{name}.git", self.root / f"{name}.work"
        git(self.root, "init", "-q", "--bare", "-b", "main", str(bare))
        git(bare, "config", "http.receivepack", "true")
        git(self.root, "init", "-q", "-b", "main", str(work))
        git(work, "remote", "add", "origin", str(bare))
        self.push(work, files, "first")
        return work

    def push(self, work: Path, files: dict[str, str], message: str) -> None:
        """As somebody at their own machine does."""
        for path, text in files.items():
            (work / path).parent.mkdir(parents=True, exist_ok=True)
            (work / path).write_text(text)
        git(work, "add", "-A")
        git(work, "commit", "-q", "-m", message)
        git(work, "push", "-q", "origin", "HEAD:main")

    def show(self, name: str, branch: str, path: str) -> str:
        return git(self.root / f"{name}.git", "show", f"{branch}:{path}")

    def log(self, name: str, branch: str) -> list[str]:
        return git(self.root / f"{name}.git", "log", "--format=%s", branch).splitlines()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def git(where: Path, *arguments: str) -> str:
    """What it prints."""
    person = {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "A"}
    done = subprocess.run(
        ["git", *arguments],
        cwd=where,
        env={**os.environ, **person, "GIT_COMMITTER_EMAIL": "a@b", "GIT_CONFIG_GLOBAL": os.devnull},
        capture_output=True,
        check=True,
        timeout=30,
    )
    return done.stdout.decode()


class _Handler(BaseHTTPRequestHandler):
    git: GitServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        """Nowhere."""

    def _answer(self) -> None:
        wanted = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {wanted}":
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        body = self._body()
        if path.endswith("/git-receive-pack"):
            self.git.pushes += 1
            acts, self.git.before_push = self.git.before_push, []
            for act in acts:
                assert callable(act)
                act()
        done = subprocess.run(
            ["git", "http-backend"],
            input=body,
            env={
                **os.environ,
                "GIT_PROJECT_ROOT": str(self.git.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "REMOTE_USER": USER,
                "REQUEST_METHOD": self.command,
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "CONTENT_LENGTH": str(len(body)),
            },
            capture_output=True,
            check=False,
            timeout=30,
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = [line.split(": ", 1) for line in head.decode().splitlines()]
        status = next((int(value.split()[0]) for name, value in headers if name == "Status"), 200)
        self.send_response(status)
        for name, value in headers:
            if name != "Status":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)
