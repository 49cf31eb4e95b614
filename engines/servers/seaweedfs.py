"""A real S3 server with a bucket and credentials: all of SeaweedFS in one process."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engines.locate import find
from engines.servers.process import ServerProcess, accepts, answers, ending, free_port

ACCESS_KEY_ID = "wherry-test"
SECRET_ACCESS_KEY = "wherry-test-secret"


@dataclass(frozen=True, slots=True)
class S3Server:
    """An S3 endpoint with one empty bucket."""

    endpoint: str
    process: ServerProcess
    bucket: str = "wherry"
    region: str = "us-east-1"
    access_key_id: str = ACCESS_KEY_ID
    secret_access_key: str = SECRET_ACCESS_KEY

    def store_settings(self, prefix: str) -> dict[str, str]:
        """The settings of a Wherry that keeps its blobs here, under a prefix of its own."""
        return {
            "WHERRY_STORE_DRIVER": "s3",
            "WHERRY_STORE_URL": f"s3://{self.bucket}/{prefix}",
            "WHERRY_STORE_ENDPOINT": self.endpoint,
            "WHERRY_STORE_ACCESS_KEY_ID": self.access_key_id,
            "WHERRY_STORE_SECRET_ACCESS_KEY": self.secret_access_key,
            "WHERRY_STORE_REGION": self.region,
        }


@contextmanager
def seaweedfs(data: Path) -> Iterator[S3Server]:
    """SeaweedFS on `data` for the length of the block; it takes about ten seconds to come up."""
    data.mkdir(parents=True, exist_ok=True)
    identities = data.parent / f"{data.name}-s3.json"
    identities.write_text(_identities())
    s3_port, filer_port, master_port = free_port(), free_port(), free_port()
    parts = [
        f"-master.port={master_port}",
        f"-master.port.grpc={free_port()}",
        f"-volume.port={free_port()}",
        f"-volume.port.grpc={free_port()}",
        f"-filer.port={filer_port}",
        f"-filer.port.grpc={free_port()}",
        f"-s3.port={s3_port}",
        f"-s3.port.grpc={free_port()}",
        f"-s3.config={identities}",
        # A bucket takes seven volumes at once; the default of eight in all is full after the first.
        "-volume.max=200",
        "-master.volumeSizeLimitMB=1024",
        "-master.telemetry=false",
        # These have fixed ports, which a second server on the machine would find taken.
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
    ]
    listen = ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={data}", "-s3"]
    process = ServerProcess(
        "seaweedfs", [find("seaweedfs"), "server", *listen, *parts], log=data.parent / f"{data.name}.log"
    )
    # Its orderly end takes twelve seconds, and nobody needs what it would save.
    with ending(process, grace=0.5):
        process.wait_until(lambda: accepts(s3_port) and accepts(filer_port), 180)
        server = S3Server(endpoint=f"http://127.0.0.1:{s3_port}", process=process)
        # A bucket is a folder of the filer: made there, it needs no signed request (a body makes a file).
        made = urllib.request.Request(
            f"http://127.0.0.1:{filer_port}/buckets/{server.bucket}/", method="POST"
        )
        urllib.request.urlopen(made, timeout=30).close()
        process.wait_until(lambda: answers(f"{server.endpoint}/{server.bucket}", 403), 60)
        yield server


def _identities() -> str:
    credentials = {"accessKey": ACCESS_KEY_ID, "secretKey": SECRET_ACCESS_KEY}
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    return json.dumps({"identities": [{"name": "wherry", "credentials": [credentials], "actions": actions}]})
