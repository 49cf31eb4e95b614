"""The machine under the bench: its facts, how much of it others were using, and its memory made ready."""

from __future__ import annotations

import contextlib
import mmap
import os
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bench import processes


def warm_memory(gib: float) -> float:
    """Touch memory and let it go; the seconds it took.

    A virtual machine gets each page from its host at the first touch. Measured: writing 100 MiB took 0.3 s
    into memory never touched, 0.08 s into memory used before; whoever is measured first would pay for all.
    In a process of its own, so that the bench itself stays small."""
    begin = time.perf_counter()
    size = int(gib * (1 << 30))
    code = (
        "import mmap,sys\n"
        "size=int(sys.argv[1]); space=mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE|mmap.MAP_ANONYMOUS)\n"
        "page=bytes(1 << 20)\n"
        "for at in range(0, size - len(page) + 1, len(page)): space[at:at+len(page)]=page\n"
    )
    subprocess.run([sys.executable, "-c", code, str(size)], check=False)
    return time.perf_counter() - begin


def release_page_cache(folder: Path) -> None:
    """Give back the memory that holds the folder's files, which are on the disk already.

    So the next push gets pages that were in use a moment ago, as on a machine that has run for a while,
    and not ones that the host of a virtual machine must find first."""
    for at, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                descriptor = os.open(os.path.join(at, name), os.O_RDONLY)
                try:
                    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
                finally:
                    os.close(descriptor)


def available_memory() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


@dataclass(frozen=True, slots=True)
class Others:
    """Since `begin`: cores that others kept busy (the kernel's own threads among them)."""

    began: float
    busy: float
    ours: float

    @classmethod
    def begin(cls) -> Others:
        return cls(time.perf_counter(), processes.machine_cpu_seconds(), processes.cpu_seconds(os.getpid()))

    def cores(self) -> float:
        took = time.perf_counter() - self.began
        busy = processes.machine_cpu_seconds() - self.busy
        ours = processes.cpu_seconds(os.getpid()) - self.ours
        return max(0.0, (busy - ours) / took)


def load_average() -> float:
    return os.getloadavg()[0]


def facts(folder: Path) -> dict[str, str]:
    """What a reader has to know of the machine; no host name, no path."""
    return {
        "CPU": f"{os.cpu_count()} x {_cpu_model()}",
        "Memory": f"{_total_memory() / (1 << 30):.0f} GiB",
        "Kernel": f"{platform.system()} {platform.release()}",
        "File system": _file_system(folder),
        "Python": platform.python_version(),
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _total_memory() -> int:
    return os.sysconf("SC_PHYS_PAGES") * mmap.PAGESIZE


def _file_system(folder: Path) -> str:
    device = os.stat(folder).st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        if fields[2] == wanted:
            kind, source = fields[fields.index("-") + 1 : fields.index("-") + 3]
            return f"{kind} on {Path(source).name}"
    return "unknown"
