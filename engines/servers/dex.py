"""A real OpenID Connect provider: Dex, its state in memory, with the people that a test names."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engines.locate import find
from engines.servers.process import ServerProcess, answers, free_port

CLIENT_ID = "wherry"
# With characters that HTTP Basic carries only if they were encoded.
CLIENT_SECRET = "a secret: 100% + more"
PASSWORD = "dex-password"
# Dex's own mock person, who is in one group, or in none when they sign in by password.
PERSON = "kilgore"
GROUP = "authors"


class Dex:
    """A running Dex. `start` after `stop` keeps the address and who a person is; its signing keys are new."""

    def __init__(self, folder: Path, redirect_uri: str, users: tuple[str, ...]) -> None:
        self._folder = folder
        self._redirect_uri = redirect_uri
        self._users = users
        self._address = f"127.0.0.1:{free_port()}"
        self._process: ServerProcess | None = None
        self._password_hash = _bcrypt(PASSWORD) if users else ""

    @property
    def issuer(self) -> str:
        return f"http://{self._address}/dex"

    def start(self, *, with_groups: bool = True) -> None:
        """Answer; Dex's mock person comes with their group or without any."""
        self._folder.mkdir(parents=True, exist_ok=True)
        config = self._folder / "dex.json"
        config.write_text(json.dumps(self._config(with_groups)))
        self._process = ServerProcess("dex", [find("dex"), "serve", config], log=self._folder / "dex.log")
        url = f"{self.issuer}/.well-known/openid-configuration"
        try:
            self._process.wait_until(lambda: answers(url, 200))
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Answer no more."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def _config(self, with_groups: bool) -> dict[str, object]:
        signing_in: dict[str, object] = {"type": "mockCallback", "id": "people", "name": "People"}
        if not with_groups:
            login = {"username": PERSON, "password": PASSWORD}
            signing_in = {"type": "mockPassword", "id": "people", "name": "People", "config": login}
        passwords = [
            {
                "email": f"{name}@example.com",
                "username": name,
                "userID": f"id-{name}",
                "hash": self._password_hash,
            }
            for name in self._users
        ]
        return {
            "issuer": self.issuer,
            "storage": {"type": "memory"},
            "web": {"http": self._address},
            "oauth2": {"skipApprovalScreen": True},
            "logger": {"level": "debug"},
            "connectors": [signing_in],
            "enablePasswordDB": bool(passwords),
            "staticPasswords": passwords,
            "staticClients": [
                {
                    "id": CLIENT_ID,
                    "secret": CLIENT_SECRET,
                    "name": "Wherry",
                    "redirectURIs": [self._redirect_uri],
                }
            ],
        }


@contextmanager
def dex(folder: Path, redirect_uri: str, *, users: tuple[str, ...] = ()) -> Iterator[Dex]:
    """Dex for the length of the block; `users` sign in with `PASSWORD` by `NAME@example.com`, in no group."""
    server = Dex(folder, redirect_uri, users)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _bcrypt(password: str) -> str:
    told = subprocess.run(
        [find("htpasswd"), "-nbBC", "10", "", password], check=True, capture_output=True, text=True
    )
    return told.stdout.strip().partition(":")[2]
