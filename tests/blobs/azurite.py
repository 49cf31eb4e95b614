"""Microsoft's emulator of Azure Blob Storage, where an environment variable names its program."""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx

from engines.servers.process import ServerProcess, accepts, ending, free_port

AZURITE = "WHERRY_TEST_AZURITE"
# The account and key that Microsoft publishes for the emulator.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@dataclass(frozen=True, slots=True)
class AzureContainer:
    """Where it listens, and what is in it."""

    endpoint: str
    account: str = ACCOUNT
    container: str = "wherry"
    key: str = KEY


@contextmanager
def running_azurite(program: Path, data: Path) -> Iterator[AzureContainer]:
    """For the length of the block."""
    port = free_port()
    arguments = ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", str(data), "--silent"]
    process = ServerProcess(
        "azurite", [program, *arguments, "--skipApiVersionCheck", "--disableTelemetry"], log=data / "log"
    )
    with ending(process, grace=0.5):
        process.wait_until(lambda: accepts(port), 60)
        container = AzureContainer(f"http://127.0.0.1:{port}/{ACCOUNT}")
        _create(container)
        yield container


def _create(container: AzureContainer) -> None:
    # https://learn.microsoft.com/en-us/rest/api/storageservices/authorize-with-shared-key
    date = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    headers = {"x-ms-date": date, "x-ms-version": "2021-08-06"}
    canonical = "".join(f"{name}:{value}\n" for name, value in headers.items())
    resource = f"/{ACCOUNT}/{ACCOUNT}/{container.container}\nrestype:container"
    to_sign = "PUT" + "\n" * 12 + canonical + resource
    signature = hmac.new(base64.b64decode(KEY), to_sign.encode(), hashlib.sha256).digest()
    headers["authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(signature).decode()}"
    url = f"{container.endpoint}/{container.container}?restype=container"
    httpx.put(url, headers=headers, trust_env=False).raise_for_status()
