"""The Python that runs the tests, as an image: what agents of joining clusters run in."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
from pathlib import Path

_LEFT_OUT = {
    "test",
    "idlelib",
    "ensurepip",
    "lib2to3",
    "tkinter",
    "site-packages",
    "__pycache__",
    "turtledemo",
}


def python_files() -> dict[str, Path]:
    """Files of the interpreter, its library and what they are linked with, by their place in the image."""
    program = Path(sys.executable).resolve()
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    found = {"usr/local/bin/python3": program}
    library = Path(sysconfig.get_path("stdlib"))
    for file in library.rglob("*"):
        inner = file.relative_to(library)
        if file.is_file() and file.suffix != ".a" and not _LEFT_OUT & set(inner.parts):
            found[f"usr/local/lib/{name}/{inner}"] = file
    for linked in (program, *library.glob("lib-dynload/*.so")):
        told = subprocess.run(["ldd", str(linked)], capture_output=True, text=True, check=False).stdout
        for place in re.findall(r"(/\S+) \(0x", told):
            # Where the loader looks without being told to; the loader itself is asked for by its own path.
            inside = place.lstrip("/") if "/ld-linux" in place else f"usr/lib/{Path(place).name}"
            found[inside] = Path(place).resolve()
    return found
