"""Uploads: begin (or mount, or all in one request), append, ask, finish, cancel."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

from starlette.responses import Response

from wherry.access.actions import Action
from wherry.blobs.errors import UploadInterrupted
from wherry.blobs.intake import Staged, StoredBlob
from wherry.kit.ids import new_id
from wherry.oci.digests import Algorithm, Digest
from wherry.oci.errors import InvalidDigest
from wherry.oci.names import RepositoryName
from wherry.registry import uploads
from wherry.registry.errors import ChunkLengthWrong, ChunkOutOfOrder, UploadTooLarge, UploadUnknown
from wherry.registry.mount import mount_blob, repositories_with
from wherry.registry.uploads import Upload
from wherry.web.body import BodyTooLong, body_chunks
from wherry.web.distribution.call import Call
from wherry.web.distribution.errors import Code, Problem
from wherry.web.distribution.permission import challenge, decide, scope_for
from wherry.web.distribution.ranges import chunk_piece

# Well within a lease, so that a slow but living writer never loses its session.
_RENEW_AFTER = timedelta(seconds=20)


async def start_upload(call: Call) -> Response:
    """POST: mount a blob that is here already, take a whole one (`digest`), or begin a session."""
    wanted = call.asked("mount")
    if wanted is not None and await _mount(call, Digest.parse(wanted), call.asked("from")):
        return _created(call.repository, Digest.parse(wanted))
    whole = call.asked("digest")
    digest = Digest.parse(whole) if whole is not None else None
    algorithm = digest.algorithm if digest else _algorithm(call.asked("digest-algorithm"))
    upload, name, user_id, now = new_id(), call.repository, call.user_id, call.services.clock.now()
    await call.services.database.write(
        lambda tx: uploads.start_upload(tx, name, user_id, upload, algorithm, now), durable=False
    )
    if digest is not None:
        try:
            return await _finish(call, upload, digest)
        except Exception:
            await _forget(call, upload)  # nobody was told of the session
            raise
    return _accepted(name, Staged(upload, 0), status=202)


async def upload_status(call: Call) -> Response:
    """GET: how much of the upload is safely here."""
    name, upload, user_id = call.repository, call.parameters["upload"], call.user_id
    found = await call.services.database.read(lambda tx: uploads.find_upload(tx, name, user_id, upload))
    return _accepted(name, found.staged, status=204)


async def append_chunk(call: Call) -> Response:
    """PATCH: more bytes, in order."""
    async with _claimed(call, call.parameters["upload"]) as claim:
        await claim.append()
    return _accepted(call.repository, claim.staged, status=202)


async def finish_upload(call: Call) -> Response:
    """PUT: the last bytes, if any are left, and the digest of all."""
    digest = call.asked("digest")
    if digest is None:
        raise Problem(400, Code.DIGEST_INVALID, "the query says the digest of the blob: ?digest=…")
    return await _finish(call, call.parameters["upload"], Digest.parse(digest))


async def cancel_upload(call: Call) -> Response:
    """DELETE: forget the session and its bytes."""
    await _forget(call, call.parameters["upload"])
    return Response(b"", 204)


async def _finish(call: Call, upload: str, digest: Digest) -> Response:
    async with _claimed(call, upload) as claim:
        blob = await claim.finish(digest)
    return _created(call.repository, blob.digest)


async def _forget(call: Call, upload: str) -> None:
    name, user_id, services = call.repository, call.user_id, call.services
    staged = await services.database.write(
        lambda tx: uploads.end_upload(tx, name, user_id, upload), durable=False
    )
    await services.intake.discard(staged)


class _Claim:
    """An upload that this request alone may write to."""

    def __init__(self, call: Call, upload: Upload, writer: str) -> None:
        self._call = call
        self._upload = upload
        self._writer = writer
        self.staged = upload.staged
        self.ended = False

    async def append(self) -> None:
        """Store the request's body behind what is there. Raises if it does not belong there or breaks off."""
        before, call = self.staged, self._call
        piece = chunk_piece(call.header(b"content-range"))
        if piece is not None and piece.start != before.received:
            raise ChunkOutOfOrder(before.upload, before.received, piece.start)
        announced = call.content_length()
        if piece is not None and announced is not None and announced != piece.length:
            raise ChunkLengthWrong(piece.length, announced)
        limit = call.services.limits.upload_bytes
        if limit is not None and before.received + (announced or 0) > limit:
            raise UploadTooLarge(limit)
        try:
            after = await call.services.intake.append(
                before,
                self._body(None if limit is None else limit - before.received),
                algorithm=self._upload.algorithm,
            )
        except UploadInterrupted as interrupted:
            if isinstance(interrupted.__cause__, BodyTooLong):
                raise UploadTooLarge(limit or 0) from None
            self.staged = interrupted.staged
            raise interrupted.__cause__ or interrupted from None
        received = after.received - before.received
        if piece is not None and received != piece.length:
            raise ChunkLengthWrong(piece.length, received)
        self.staged = after

    async def finish(self, digest: Digest) -> StoredBlob:
        """Append the body, if there is one, and make a blob of it all."""
        call, before = self._call, self.staged
        if call.content_length() != 0:
            await self.append()
        services, upload, writer = call.services, self._upload, self._writer
        try:
            with services.metrics.timed_store("finish"):
                blob = await services.intake.finish(self.staged, digest)
        except Exception:
            # The last bytes may be the wrong ones: the session goes on from before them.
            self.staged = before
            raise
        now = services.clock.now()
        surplus = await services.database.write(
            lambda tx: uploads.finish_upload(tx, upload, writer, blob, now)
        )
        self.ended = True
        # The row decides which bytes are the blob; what else was staged goes.
        await services.intake.discard(self.staged, keep=None if surplus else blob)
        if surplus:
            await services.store.delete(surplus)
        return blob

    async def _body(self, limit: int | None) -> AsyncIterator[bytes]:
        call, services = self._call, self._call.services
        renewed = services.clock.now()
        async for chunk in body_chunks(call.receive, services.limits.idle, limit):
            now = services.clock.now()
            if now - renewed > _RENEW_AFTER:
                renewed = now
                renew = partial(uploads.renew_claim, upload=self._upload.id, writer=self._writer, now=now)
                await services.database.write(renew, durable=False)
            yield chunk


@asynccontextmanager
async def _claimed(call: Call, upload: str) -> AsyncIterator[_Claim]:
    """Take the upload; when the request ends, record what is here. Raises `UploadUnknown`, `UploadBusy`."""
    services, name, user_id, writer = call.services, call.repository, call.user_id, new_id()
    claimed_at = services.clock.now()
    found = await services.database.write(
        lambda tx: uploads.claim_upload(tx, name, user_id, upload, writer, claimed_at), durable=False
    )
    claim = _Claim(call, found, writer)
    try:
        with services.metrics.upload_in_flight():
            yield claim
    except ChunkOutOfOrder as error:
        raise _out_of_order(name, error) from None
    finally:
        if not claim.ended:
            await _release(call, claim, writer)


async def _release(call: Call, claim: _Claim, writer: str) -> None:
    staged, now = claim.staged, call.services.clock.now()
    try:
        await call.services.database.write(
            lambda tx: uploads.release_upload(tx, staged, writer, now), durable=False
        )
    except UploadUnknown:  # cancelled meanwhile: what this request wrote goes too
        await call.services.intake.discard(staged)
        raise


async def _mount(call: Call, digest: Digest, source_text: str | None) -> bool:
    source = RepositoryName.parse(source_text) if source_text else await _source_of(call, digest)
    if source is None or not await _may_pull(call, source):
        return False
    target, user_id, now = call.repository, call.user_id, call.services.clock.now()
    return await call.services.database.write(lambda tx: mount_blob(tx, target, source, digest, user_id, now))


async def _may_pull(call: Call, source: RepositoryName) -> bool:
    """Whether this request may read the source.

    Where the user may and only the token does not say so, the client is asked to come back with both scopes.
    """
    decision = await decide(call, Action.IMAGE_PULL, source)
    if decision.needs_scope:
        both = f"{scope_for(Action.IMAGE_PUSH, call.repository)} {scope_for(Action.IMAGE_PULL, source)}"
        raise challenge(
            call, "the token does not let you read the source of the mount", "insufficient_scope", both
        )
    return decision.allowed


async def _source_of(call: Call, digest: Digest) -> RepositoryName | None:
    """A repository that has the blob and that the user may read; one that the token covers goes first."""
    candidates = await call.services.database.read(lambda tx: repositories_with(tx, digest))
    possible = None
    for name, _ in candidates:
        decision = await decide(call, Action.IMAGE_PULL, name)
        if decision.allowed:
            return name
        if decision.needs_scope:
            possible = possible or name
    return possible


def _algorithm(name: str | None) -> Algorithm:
    if name is None:
        return Algorithm.SHA256
    try:
        return Algorithm(name)
    except ValueError:
        known = ", ".join(Algorithm)
        raise InvalidDigest(name, f"unsupported digest algorithm; supported are {known}") from None


def _created(name: RepositoryName, digest: Digest) -> Response:
    headers = {"location": f"/v2/{name}/blobs/{digest}", "docker-content-digest": str(digest)}
    return Response(b"", 201, headers)


def _accepted(name: RepositoryName, staged: Staged, status: int) -> Response:
    return Response(b"", status, _progress(name, staged.upload, staged.received))


def _progress(name: RepositoryName, upload: str, received: int) -> dict[str, str]:
    return {
        "location": f"/v2/{name}/blobs/uploads/{upload}",
        # Inclusive, so that nothing at all reads 0-0, as in the CNCF registry.
        "range": f"0-{max(0, received - 1)}",
        "docker-upload-uuid": upload,
    }


def _out_of_order(name: RepositoryName, error: ChunkOutOfOrder) -> Problem:
    headers = _progress(name, error.upload, error.received)
    return Problem(416, Code.BLOB_UPLOAD_INVALID, str(error), {"received": error.received}, headers)
