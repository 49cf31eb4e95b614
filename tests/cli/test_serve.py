"""`wherry serve` as a process: what it prints, how it ends, what it survives."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import ssl
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.cli.served import PASSWORD, Served, run, served


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=30) as made:
        yield made


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come to hold in time"
        time.sleep(0.05)


def begin_upload(client: httpx.Client, server: Served) -> str:
    answer = client.post(f"{server.url}/v2/demo/slow/blobs/uploads/", auth=("admin", PASSWORD))
    assert answer.status_code == 202
    return httpx.URL(server.url).join(answer.headers["location"]).raw_path.decode()


class SlowUpload:
    """A PATCH whose body is sent by hand, piece by piece, on a connection of its own."""

    def __init__(self, server: Served, path: str, length: int) -> None:
        basic = httpx.BasicAuth("admin", PASSWORD)._auth_header
        self.connection = socket.create_connection(("127.0.0.1", server.port), timeout=30)
        self.connection.sendall(
            f"PATCH {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nAuthorization: {basic}\r\n"
            f"Content-Type: application/octet-stream\r\nContent-Length: {length}\r\n\r\n".encode()
        )

    def send(self, body: bytes) -> None:
        self.connection.sendall(body)

    def answer(self) -> str:
        """The status line; empty if the connection was cut."""
        try:
            return self.connection.recv(65536).decode().partition("\r\n")[0]
        except ConnectionError:
            return ""


class TestFirstStart:
    def test_it_prints_where_it_listens_where_data_is_how_to_log_in_and_push(self, tmp_path: Path, client):
        data = tmp_path / "data"
        server = Served(data)
        try:
            server.wait_ready(client)
            lines = dict(line.split(": ", 1) for line in server.out.splitlines() if ": " in line)
            assert lines["Listens on"] == server.url
            assert lines["Data in"] == str(data)
            assert lines["User"] == "admin"
            password = lines["Password"].split()[0]
            assert lines["Log in"] == f"podman login --tls-verify=false -u admin 127.0.0.1:{server.port}"
            assert f"127.0.0.1:{server.port}/demo/hello:1.0" in lines["Push"]
            kept = data / "admin-password"
            assert kept.read_text().strip() == password
            assert stat.S_IMODE(kept.stat().st_mode) == 0o600
            assert stat.S_IMODE(data.stat().st_mode) == 0o700
            assert client.get(f"{server.url}/v2/", auth=("admin", password)).status_code == 200
            assert client.get(f"{server.url}/v2/", auth=("admin", "not it")).status_code == 401
        finally:
            server.process.kill()
            server.wait()
        again = Served(data)
        try:
            again.wait_ready(client)
            assert "Password" not in again.out
            assert password not in again.out
        finally:
            again.process.kill()
            again.wait()

    def test_a_password_that_was_set_is_neither_printed_nor_written(self, tmp_path: Path, client):
        with served(tmp_path / "data") as server:
            assert client.get(f"{server.url}/v2/", auth=("admin", PASSWORD)).status_code == 200
            assert PASSWORD not in server.out
            assert not (server.data / "admin-password").exists()

    def test_what_a_person_can_mend_is_told_without_a_traceback(self, tmp_path: Path):
        for environ, told in [
            ({"WHERRY_ADMIN_PASSWORD": "short"}, "a password has 8 to"),
            ({"WHERRY_DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:1/x"}, "the database does not answer"),
            ({"WHERRY_DATA": "/proc/nowhere"}, "the data folder /proc/nowhere cannot be made"),
            ({"WHERRY_HOST": "no.such.host.invalid"}, "cannot listen on no.such.host.invalid"),
        ]:
            ended = run("serve", environ={"WHERRY_DATA": str(tmp_path / "data"), **environ})
            assert ended.returncode == 1
            assert told in ended.stderr
            assert "Traceback" not in ended.stderr
            assert "hunter2" not in ended.stderr

    def test_settings_that_cannot_be_used_end_it_with_all_problems(self, tmp_path: Path):
        ended = run(
            "serve",
            "--data",
            str(tmp_path),
            "--port",
            "70000",
            environ={"WHERRY_STORE_DRIVER": "ftp", "WHERRY_NOPE": "1"},
        )
        assert ended.returncode == 2
        assert len(ended.stderr.splitlines()) == 3
        assert "filesystem, memory, s3, gcs or azure" in ended.stderr


class TestEnd:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_signal_lets_a_running_transfer_finish_and_ends_with_zero(
        self, tmp_path: Path, client, number: signal.Signals
    ):
        with served(tmp_path / "data") as server:
            path = begin_upload(client, server)
            upload = SlowUpload(server, path, 200_000)
            upload.send(b"x" * 100_000)
            until(lambda: in_flight(client, server) == 1)
            server.signal(number)
            until(lambda: refuses(server))
            upload.send(b"x" * 100_000)
            assert upload.answer() == "HTTP/1.1 202 Accepted"
            assert server.wait() == 0

    def test_a_signal_lets_a_running_download_finish(self, tmp_path: Path, client):
        body = os.urandom(32 << 20)  # More than the sockets' buffers hold.
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        with served(tmp_path / "data") as server:
            url = f"{server.url}/v2/demo/large/blobs"
            pushed = client.post(f"{url}/uploads/?digest={digest}", content=body, auth=("admin", PASSWORD))
            assert pushed.status_code == 201
            with client.stream("GET", f"{url}/{digest}", auth=("admin", PASSWORD)) as pulled:
                pieces = pulled.iter_bytes(1 << 20)
                received = [next(pieces)]
                server.signal(signal.SIGTERM)
                until(lambda: refuses(server))
                received.extend(pieces)
            assert b"".join(received) == body
            assert server.wait() == 0

    def test_a_transfer_that_outlasts_the_grace_is_cut(self, tmp_path: Path, client):
        with served(tmp_path / "data", environ={"WHERRY_SHUTDOWN_GRACE": "1s"}) as server:
            upload = SlowUpload(server, begin_upload(client, server), 200_000)
            upload.send(b"x" * 100_000)
            until(lambda: in_flight(client, server) == 1)
            server.signal(signal.SIGTERM)
            assert server.wait() == 0
            assert upload.answer() == ""

    def test_an_idle_connection_does_not_hold_up_the_end(self, tmp_path: Path, client):
        with served(tmp_path / "data") as server:
            assert client.get(f"{server.url}/healthz").status_code == 200
            server.signal(signal.SIGTERM)
            assert server.wait() == 0

    def test_a_signal_to_the_whole_group_as_systemd_sends_it_ends_with_zero(self, tmp_path: Path):
        with served(tmp_path / "data", "--workers", "2") as server:
            for pid in [server.process.pid, *server.workers]:
                os.kill(pid, signal.SIGTERM)
            assert server.wait() == 0

    def test_killing_the_parent_takes_the_workers_along(self, tmp_path: Path):
        with served(tmp_path / "data", "--workers", "2") as server:
            workers = server.workers
            assert len(workers) == 2
            server.signal(signal.SIGKILL)
            until(lambda: not any(alive(pid) for pid in workers) and refuses(server))


class TestWorkers:
    def test_several_share_listener_data_and_metrics(self, tmp_path: Path):
        with served(tmp_path / "data", "--workers", "2") as server:
            pushed = httpx.post(
                f"{server.url}/v2/demo/a/blobs/uploads/?digest={DIGEST_OF_HELLO}",
                content=b"hello",
                auth=("admin", PASSWORD),
            )
            assert pushed.status_code == 201
            for _ in range(40):  # A connection each, so that both workers get some.
                read = httpx.get(f"{server.url}/v2/demo/a/blobs/{DIGEST_OF_HELLO}", auth=("admin", PASSWORD))
                assert read.content == b"hello"
            counted = metric(httpx.get(f"{server.url}/metrics").text, 'route="/v2/{name}/blobs/{digest}"')
            assert counted == 40

    def test_one_that_dies_is_replaced(self, tmp_path: Path, client):
        with served(tmp_path / "data") as server:
            [worker] = server.workers
            os.kill(worker, signal.SIGKILL)
            until(lambda: answers(server) and server.workers != [worker])
            assert server.process.poll() is None

    def test_a_hangup_replaces_them_while_requests_are_answered(self, tmp_path: Path):
        with served(tmp_path / "data") as server:
            [before] = server.workers
            server.signal(signal.SIGHUP)
            until(lambda: server.workers != [before] and before not in server.workers)
            assert answers(server)
            server.signal(signal.SIGTERM)
            assert server.wait() == 0


class TestListener:
    def test_a_second_server_on_the_same_port_is_refused(self, tmp_path: Path):
        with served(tmp_path / "data") as server:
            ended = run("serve", "--data", str(tmp_path / "other"), "--port", str(server.port))
            assert ended.returncode == 1
            assert f"port {server.port} on 127.0.0.1 is taken" in ended.stderr
            assert not (tmp_path / "other" / "wherry.db").exists()

    def test_a_client_that_does_not_finish_its_head_is_cut(self, tmp_path: Path):
        with (
            served(tmp_path / "data", environ={"WHERRY_LIMITS_HEADER_TIMEOUT": "1s"}) as server,
            socket.create_connection(("127.0.0.1", server.port), timeout=15) as slow,
        ):
            slow.sendall(b"GET /v2/ HTTP/1.1\r\nHost: x\r\n")
            started = time.monotonic()
            while slow.recv(4096):
                pass
            assert time.monotonic() - started < 10

    def test_two_settings_make_it_https_for_http_1_and_2(self, tmp_path: Path):
        certificate, key = self_signed(tmp_path)
        context = ssl.create_default_context(cafile=str(certificate))
        with (
            httpx.Client(verify=context, trust_env=False) as client,
            served(
                tmp_path / "data",
                "--tls-certificate",
                str(certificate),
                "--tls-key",
                str(key),
                client=client,
            ) as server,
        ):
            challenge = client.get(f"{server.url}/v2/").headers["www-authenticate"]
            assert f'realm="https://127.0.0.1:{server.port}/token"' in challenge
            assert "--tls-verify=false" not in server.out
            context.set_alpn_protocols(["h2"])
            with (
                socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain,
                context.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
            ):
                assert secure.selected_alpn_protocol() == "h2"
            context = ssl.create_default_context(cafile=str(certificate))
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            with (
                socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain,
                context.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
            ):
                assert secure.version() == "TLSv1.2"

    def test_a_renewed_certificate_is_taken_up_at_a_hangup(self, tmp_path: Path):
        certificate, key = self_signed(tmp_path)
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        flags = ("--tls-certificate", str(certificate), "--tls-key", str(key))
        with (
            httpx.Client(verify=context, trust_env=False) as client,
            served(tmp_path / "data", *flags, client=client) as server,
        ):
            before = ssl.get_server_certificate(("127.0.0.1", server.port))
            assert before == certificate.read_text()
            self_signed(tmp_path)
            server.signal(signal.SIGHUP)
            until(lambda: shown_certificate(server) == certificate.read_text() != before)


class TestLogs:
    def test_every_line_is_json_with_a_request_id_and_without_a_secret(self, tmp_path: Path, client):
        import json

        with served(tmp_path / "data", "--log-format", "json") as server:
            answer = client.get(f"{server.url}/v2/", auth=("admin", PASSWORD))
            token = client.get(f"{server.url}/token?service=wherry", auth=("admin", PASSWORD)).json()["token"]
            form = {"grant_type": "password", "username": "admin", "password": PASSWORD, "service": "wherry"}
            assert client.post(f"{server.url}/token", data=form).status_code == 200
            client.get(f"{server.url}/v2/", headers={"authorization": f"Bearer {token}"})
            client.get(f"{server.url}/v2/?token={token}&password={PASSWORD}")
            until(lambda: server.out.count("wherry.access") >= 5)
            server.signal(signal.SIGTERM)
            server.wait()
            text = server.out
            lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
            assert answer.headers["x-request-id"] in {line.get("request_id") for line in lines}
            assert PASSWORD not in text
            assert token not in text
            assert httpx.BasicAuth("admin", PASSWORD)._auth_header.partition(" ")[2] not in text


DIGEST_OF_HELLO = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"


def metric(text: str, having: str) -> float:
    lines = [
        line for line in text.splitlines() if line.startswith("wherry_http_requests_total") and having in line
    ]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def in_flight(client: httpx.Client, server: Served) -> float:
    text = client.get(f"{server.url}/metrics").text
    return float(
        next(line for line in text.splitlines() if line.startswith("wherry_uploads_in_flight ")).split()[1]
    )


def answers(server: Served) -> bool:
    try:
        return httpx.get(f"{server.url}/healthz").status_code == 200
    except httpx.TransportError:
        return False


def refuses(server: Served) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", server.port)) != 0


def shown_certificate(server: Served) -> str:
    try:
        return ssl.get_server_certificate(("127.0.0.1", server.port), timeout=5)
    except OSError:
        return ""


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1, and its key."""
    from ipaddress import IPv4Address

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "tls.pem", folder / "tls.key"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return certificate_file, key_file


def test_the_script_wherry_is_installed():
    ended = subprocess.run(
        ["wherry", "--version"], capture_output=True, text=True, check=False, env={"PATH": scripts()}
    )
    assert ended.stdout.startswith("wherry ")


def scripts() -> str:
    import sysconfig

    return sysconfig.get_path("scripts")
