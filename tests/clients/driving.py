"""Runs a real client as a user would: its own home, its own credentials, its words in the failure."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Client:
    """A program with the options and the environment that every call of it gets.

    Call it to run a command that must succeed; `refused` is for one that must not.
    """

    program: Path
    home: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()

    def __call__(self, *arguments: str | Path, stdin: str = "") -> str:
        return _text(self.bytes_of(*arguments, stdin=stdin))

    def bytes_of(self, *arguments: str | Path, stdin: str = "") -> bytes:
        """Run a command that must succeed; what it printed, to the byte."""
        done = self._run(arguments, stdin)
        assert done.returncode == 0, _told(done)
        return done.stdout

    def refused(self, *arguments: str | Path, stdin: str = "") -> str:
        """Run what the registry must refuse; everything that the client then said."""
        done = self._run(arguments, stdin)
        assert done.returncode != 0, f"should have been refused:\n{_told(done)}"
        return _text(done.stdout + done.stderr)

    def _run(self, arguments: tuple[str | Path, ...], stdin: str) -> subprocess.CompletedProcess[bytes]:
        # Nothing of the developer's own configuration: a stored login there would make any test pass.
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "XDG_RUNTIME_DIR": str(self.home),
            "LANG": "C.UTF-8",
            **self.environment,
        }
        return subprocess.run(
            [str(self.program), *self.options, *(str(argument) for argument in arguments)],
            input=stdin.encode(),
            env=environment,
            cwd=self.home,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )


def _told(done: subprocess.CompletedProcess[bytes]) -> str:
    command = " ".join(done.args)
    return f"$ {command}\nended with {done.returncode}\n{_text(done.stdout)}\n{_text(done.stderr)}"


def _text(said: bytes) -> str:
    return said.decode(errors="replace")
