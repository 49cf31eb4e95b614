"""A PostgreSQL of one's own in a temporary folder, under an ordinary user (it refuses to run as root)."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engines.locate import find
from engines.servers.process import ServerProcess, ending, free_port

USERNAME = "wherry"
PASSWORD = "wherry-test"


@dataclass(frozen=True, slots=True)
class PostgreSQL:
    """A running server; `create_database` gives each test or Wherry an empty database of its own."""

    port: int
    process: ServerProcess
    programs: Path
    username: str = USERNAME
    password: str = PASSWORD

    def create_database(self, name: str) -> str:
        """Make an empty database and return its URL."""
        self._run("createdb", name)
        return f"postgresql://{self.username}:{self.password}@127.0.0.1:{self.port}/{name}"

    def answers(self) -> bool:
        ready: list[str | Path] = [
            self.programs / "pg_isready",
            "-q",
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
        ]
        return subprocess.run(ready, check=False).returncode == 0

    def _run(self, program: str, *arguments: str) -> None:
        where = ["-h", "127.0.0.1", "-p", str(self.port), "-U", self.username]
        environment = {**os.environ, "PGPASSWORD": self.password}
        subprocess.run([self.programs / program, *where, *arguments], env=environment, check=True)


@contextmanager
def postgresql(*, durable: bool = False) -> Iterator[PostgreSQL]:
    """A new cluster for the length of the block. Without `durable` it skips fsync: quicker, the same SQL."""
    programs = find("postgresql").parent
    # Not below pytest's folders: those are closed to every other user.
    home = Path(tempfile.mkdtemp(prefix="wherry-postgresql-"))
    try:
        owner = _owner()
        user, group = (owner.pw_uid, owner.pw_gid) if owner else (None, None)
        if owner:
            os.chown(home, owner.pw_uid, owner.pw_gid)
        home.chmod(0o700)
        data = home / "data"
        secret = home / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        cluster: list[str | Path] = ["-D", data, "-U", USERNAME, f"--pwfile={secret}", "--auth=scram-sha-256"]
        subprocess.run(
            [programs / "initdb", *cluster, "-E", "UTF8", "--locale=C", "--no-sync"],
            check=True,
            capture_output=True,
            user=user,
            group=group,
            extra_groups=[] if owner else None,
            cwd=home,
        )
        port = free_port()
        settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200"]
        if not durable:
            settings += ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
        process = ServerProcess(
            "postgresql",
            [programs / "postgres", "-D", data, "-p", str(port), *(f"-c{setting}" for setting in settings)],
            log=home / "postgresql.log",
            cwd=home,
            user=user,
            group=group,
            # SIGTERM would wait until the last client has left.
            stop_signal=signal.SIGINT,
        )
        server = PostgreSQL(port=port, process=process, programs=programs)
        with ending(process):
            process.wait_until(server.answers)
            yield server
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _owner() -> pwd.struct_passwd | None:
    """Whom the server runs as: ourselves where we are an ordinary user, else `postgres` or `nobody`."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")
