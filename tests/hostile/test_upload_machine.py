"""A state machine on uploads over HTTP: offsets, bytes, statuses and codes are what a small model says."""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from engines.servers import Wherry, wherry
from tests.hostile.content import administer
from tests.hostile.seeds import basic

SECOND = ("second", "another-long-password")
REPOSITORIES = ("machine/one", "machine/two")
OTHER = {"machine/one": "machine/two", "machine/two": "machine/one"}
RESUME_SECONDS = 20.0

bytestrings = st.binary(max_size=40) | st.sampled_from([b"x" * 5000, b"y" * 300_000])
algorithms = st.sampled_from(["sha256", "sha256", "sha512"])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wherry]:
    """A Wherry with two administrators."""
    with wherry(tmp_path_factory.mktemp("machine") / "data") as started:
        administer(
            started.data, "user", "create", SECOND[0], "--password-stdin", "--admin", typed=SECOND[1] + "\n"
        )
        yield started


@dataclass(eq=False)
class Session:
    """An upload as the model knows it."""

    repository: str
    owner: int
    location: str
    received: bytes = b""
    alive: bool = True


@dataclass
class Model:
    """What must be there."""

    blobs: dict[tuple[str, str], bytes] = field(default_factory=dict)


def digest_of(content: bytes, algorithm: str) -> str:
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def shown_range(content: bytes) -> str:
    return f"0-{max(0, len(content) - 1)}"


class Uploads(RuleBasedStateMachine):
    """Two users, two repositories, any number of sessions at once."""

    sessions = Bundle("sessions")
    server: Wherry

    @initialize()
    def connect(self) -> None:
        logins = ((self.server.username, self.server.password), SECOND)
        self.clients = [httpx.Client(base_url=self.server.url, auth=login, timeout=60) for login in logins]
        self.model = Model()
        self.known: list[Session] = []

    def teardown(self) -> None:
        for client in getattr(self, "clients", ()):
            client.close()

    @rule(
        target=sessions, repository=st.sampled_from(REPOSITORIES), owner=st.integers(0, 1), hint=st.booleans()
    )
    def start(self, repository: str, owner: int, hint: bool) -> Session:
        query = "?digest-algorithm=sha512" if hint else ""
        answer = self.clients[owner].post(f"/v2/{repository}/blobs/uploads/{query}")
        assert answer.status_code == 202, answer.text
        assert answer.headers["range"] == "0-0"
        location = answer.headers["location"]
        assert location.startswith(f"/v2/{repository}/blobs/uploads/")
        assert all(location != known.location for known in self.known)
        session = Session(repository, owner, location)
        self.known.append(session)
        return session

    @rule(
        repository=st.sampled_from(REPOSITORIES),
        content=bytestrings,
        algorithm=algorithms,
        right=st.booleans(),
    )
    def push_in_one_request(self, repository: str, content: bytes, algorithm: str, right: bool) -> None:
        digest = digest_of(content if right else content + b"!", algorithm)
        answer = self.clients[0].post(
            f"/v2/{repository}/blobs/uploads/", params={"digest": digest}, content=content
        )
        if right:
            self._is_created(answer, repository, digest, content)
        else:
            _is_refused(answer, 400, "DIGEST_INVALID")

    @rule(session=sessions, content=bytestrings, streamed=st.booleans())
    def append(self, session: Session, content: bytes, streamed: bool) -> None:
        body = _pieces(content) if streamed else content
        answer = self.clients[session.owner].patch(session.location, content=body)
        if not session.alive:
            _is_refused(answer, 404, "BLOB_UPLOAD_UNKNOWN")
            return
        session.received += content
        self._is_accepted(answer, session)

    @rule(session=sessions, content=bytestrings.filter(bool), streamed=st.booleans(), prefix=st.booleans())
    def append_where_it_says(self, session: Session, content: bytes, streamed: bool, prefix: bool) -> None:
        start = len(session.received)
        place = f"{start}-{start + len(content) - 1}"
        answer = self._patch(session, content, f"bytes {place}/*" if prefix else place, streamed)
        if not session.alive:
            _is_refused(answer, 404, "BLOB_UPLOAD_UNKNOWN")
            return
        session.received += content
        self._is_accepted(answer, session)

    @rule(
        session=sessions,
        content=bytestrings.filter(bool),
        off=st.integers(-3, 50).filter(bool),
        streamed=st.booleans(),
        by_put=st.booleans(),
    )
    def append_out_of_order(
        self, session: Session, content: bytes, off: int, streamed: bool, by_put: bool
    ) -> None:
        start = len(session.received) + off
        if start < 0:
            return
        place = f"{start}-{start + len(content) - 1}"
        if by_put:
            digest = digest_of(session.received + content, "sha256")
            answer = self.clients[session.owner].put(
                session.location, params={"digest": digest}, content=content, headers={"Content-Range": place}
            )
        else:
            answer = self._patch(session, content, place, streamed)
        if not session.alive:
            _is_refused(answer, 404, "BLOB_UPLOAD_UNKNOWN")
            return
        _is_refused(answer, 416, "BLOB_UPLOAD_INVALID")
        assert answer.headers["range"] == shown_range(session.received)
        assert answer.headers["location"] == session.location

    @rule(session=sessions, content=bytestrings.filter(bool), off=st.integers(1, 9), streamed=st.booleans())
    def append_of_another_length(self, session: Session, content: bytes, off: int, streamed: bool) -> None:
        start = len(session.received)
        answer = self._patch(session, content, f"{start}-{start + len(content) - 1 + off}", streamed)
        _is_refused(answer, *((400, "SIZE_INVALID") if session.alive else (404, "BLOB_UPLOAD_UNKNOWN")))

    @rule(
        session=sessions,
        place=st.sampled_from(["", "-", "0-", "-5", "a-b", "5-4", "9" * 20 + "-1", "bytes=0-1"]),
    )
    def append_at_no_place(self, session: Session, place: str) -> None:
        answer = self._patch(session, b"abc", place, streamed=False)
        if not session.alive:
            _is_refused(answer, 404, "BLOB_UPLOAD_UNKNOWN")
        else:
            _is_refused(answer, 416 if place == "5-4" else 400, "BLOB_UPLOAD_INVALID")

    @rule(session=sessions, content=bytestrings.filter(bool), share=st.floats(0, 0.99), cut=st.booleans())
    def break_off_and_resume(self, session: Session, content: bytes, share: float, cut: bool) -> None:
        """The client vanishes in the middle of a body, comes back, asks what is there and sends the rest."""
        if not session.alive:
            return
        before, sent = len(session.received), int(len(content) * share)
        self._break_off(session, content, sent, reset=cut)
        whole, deadline = session.received + content, time.monotonic() + RESUME_SECONDS
        while True:
            offset = self._offset(session)
            assert before <= offset <= before + sent
            rest = whole[offset:]
            answer = self._patch(session, rest, f"{offset}-{len(whole) - 1}", streamed=False)
            if answer.status_code == 202:
                break
            # The request that broke off may not have ended for the server yet.
            assert answer.status_code in (409, 416), answer.text
            assert time.monotonic() < deadline, answer.text
        session.received = whole
        self._is_accepted(answer, session)

    @rule(session=sessions, content=bytestrings, algorithm=algorithms, streamed=st.booleans())
    def finish(self, session: Session, content: bytes, algorithm: str, streamed: bool) -> None:
        whole = session.received + content
        digest = digest_of(whole, algorithm)
        body = _pieces(content) if streamed else content
        answer = self.clients[session.owner].put(session.location, params={"digest": digest}, content=body)
        if not session.alive:
            _is_refused(answer, 404, "BLOB_UPLOAD_UNKNOWN")
            return
        self._is_created(answer, session.repository, digest, whole)
        session.alive = False

    @rule(session=sessions, content=bytestrings, algorithm=algorithms)
    def finish_with_another_digest(self, session: Session, content: bytes, algorithm: str) -> None:
        digest = digest_of(session.received + content + b"!", algorithm)
        answer = self.clients[session.owner].put(session.location, params={"digest": digest}, content=content)
        # The session goes on as if that request had never come.
        _is_refused(answer, *((400, "DIGEST_INVALID") if session.alive else (404, "BLOB_UPLOAD_UNKNOWN")))

    @rule(
        session=sessions,
        query=st.sampled_from(["", "?digest=", "?digest=sha256:abc", "?digest=md5:" + "0" * 32]),
    )
    def finish_without_a_digest(self, session: Session, query: str) -> None:
        answer = self.clients[session.owner].put(session.location + query, content=b"abc")
        _is_refused(answer, 400, "DIGEST_INVALID")

    @rule(session=sessions)
    def ask(self, session: Session) -> None:
        answer = self.clients[session.owner].get(session.location)
        if not session.alive:
            _is_refused(answer, 404, "BLOB_UPLOAD_UNKNOWN")
            return
        assert answer.status_code == 204
        assert answer.headers["range"] == shown_range(session.received)
        assert answer.headers["location"] == session.location

    @rule(session=consumes(sessions), twice=st.booleans())
    def cancel(self, session: Session, twice: bool) -> None:
        for _ in range(2 if twice else 1):
            answer = self.clients[session.owner].delete(session.location)
            if session.alive:
                assert answer.status_code == 204, answer.text
                session.alive = False
            else:
                _is_refused(answer, 404, "BLOB_UPLOAD_UNKNOWN")

    @rule(
        session=sessions,
        method=st.sampled_from(["GET", "PATCH", "PUT", "DELETE"]),
        elsewhere=st.booleans(),
        content=st.binary(max_size=10),
    )
    def touch_a_foreign_session(self, session: Session, method: str, elsewhere: bool, content: bytes) -> None:
        """By the other user, or through the other repository: there is none, nothing happens."""
        if elsewhere:
            client = self.clients[session.owner]
            location = session.location.replace(session.repository, OTHER[session.repository])
        else:
            client, location = self.clients[1 - session.owner], session.location
        if method == "PUT":
            location += f"?digest={digest_of(session.received + content, 'sha256')}"
        body = content if method in ("PATCH", "PUT") else b""
        _is_refused(client.request(method, location, content=body), 404, "BLOB_UPLOAD_UNKNOWN")

    @invariant()
    def sessions_are_where_the_model_has_them(self) -> None:
        for session in getattr(self, "known", ())[-3:]:
            answer = self.clients[session.owner].get(session.location)
            assert answer.status_code == (204 if session.alive else 404)
            if session.alive:
                assert answer.headers["range"] == shown_range(session.received)

    @rule()
    def every_blob_is_whole(self) -> None:
        for (repository, digest), content in self.model.blobs.items():
            answer = self.clients[1].get(f"/v2/{repository}/blobs/{digest}")
            assert (answer.status_code, answer.content) == (200, content)

    def _patch(self, session: Session, content: bytes, place: str, streamed: bool) -> httpx.Response:
        body = _pieces(content) if streamed else content
        headers = {"Content-Range": place, "Content-Type": "application/octet-stream"}
        return self.clients[session.owner].patch(session.location, content=body, headers=headers)

    def _offset(self, session: Session) -> int:
        """What is there: `0-0` is nothing or one byte, and a chunk that starts wrong tells which."""
        deadline = time.monotonic() + RESUME_SECONDS
        while True:
            probe = self._patch(session, b"?", "999999999-999999999", streamed=False)
            if probe.status_code != 409:
                break
            # The request that broke off still holds the upload.
            assert time.monotonic() < deadline, probe.text
        _is_refused(probe, 416, "BLOB_UPLOAD_INVALID")
        return int(probe.json()["errors"][0]["detail"]["received"])

    def _break_off(self, session: Session, content: bytes, sent: int, *, reset: bool) -> None:
        host, _, port = self.server.host.rpartition(":")
        login = basic(*((self.server.username, self.server.password), SECOND)[session.owner])
        head = (
            f"PATCH {session.location} HTTP/1.1\r\nHost: {self.server.host}\r\nAuthorization: {login}\r\n"
            f"Content-Length: {len(content)}\r\n\r\n"
        )
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(head.encode() + content[:sent])
            if reset:
                linger = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    def _is_accepted(self, answer: httpx.Response, session: Session) -> None:
        assert answer.status_code == 202, answer.text
        assert answer.headers["range"] == shown_range(session.received)
        assert answer.headers["location"] == session.location

    def _is_created(self, answer: httpx.Response, repository: str, digest: str, content: bytes) -> None:
        assert answer.status_code == 201, answer.text
        assert answer.headers["docker-content-digest"] == digest
        assert answer.headers["location"] == f"/v2/{repository}/blobs/{digest}"
        pulled = self.clients[0].get(answer.headers["location"])
        assert (pulled.status_code, pulled.content) == (200, content)
        self.model.blobs[repository, digest] = content


def _pieces(content: bytes) -> Iterator[bytes]:
    """Makes httpx send it chunked."""
    for start in range(0, len(content), 70_000):
        yield content[start : start + 70_000]


def _is_refused(answer: httpx.Response, status: int, code: str) -> None:
    assert answer.status_code == status, (answer.status_code, answer.text)
    assert [error["code"] for error in answer.json()["errors"]] == [code]
    assert answer.headers["x-request-id"]


def test_uploads_do_what_the_model_says(server: Wherry):
    Uploads.server = server
    run_state_machine_as_test(
        Uploads,
        settings=settings(
            max_examples=30,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
