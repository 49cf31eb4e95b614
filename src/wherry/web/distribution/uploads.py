"""Uploads: begin (or mount, or all in one request), append, ask, finish, cancel."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from starlette.responses import Response

from wherry.access.actions import Action
from wherry.blobs.errors import UploadInterrupted
from wherry.blobs.intake import Staged
from wherry.kit.ids import new_id
from wherry.oci.digests import Algorithm, Digest
from wherry.oci.errors import InvalidDigest
from wherry.oci.names import RepositoryName
from wherry.registry import uploads
from wherry.registry.errors import (
    ChunkLengthWrong,
    ChunkOutOfOrder,
    UploadBusy,
    UploadTooLarge,
    UploadUnknown,
)
from wherry.registry.mount import mount_blob, repositories_with
from wherry.registry.uploads import Upload
from wherry.web.body import BodyTooLong, body_chunks
from wherry.web.distribution.call import Call
from wherry.web.distribution.errors import Code, Problem
from wherry.web.distribution.permission import challenge, decide, scope_for
from wherry.web.distribution.ranges import chunk_piece


async def start_upload(call: Call) -> Response:
    """POST: mount a blob that is here already, take a whole one (`digest`), or begin a session."""
    wanted = call.asked("mount")
    if wanted is not None and await _mount(call, Digest.parse(wanted), call.asked("from")):
        return _created(call.repository, Digest.parse(wanted))
    whole = call.asked("digest")
    digest = Digest.parse(whole) if whole is not None else None
    algorithm = digest.algorithm if digest else _algorithm(call.asked("digest-algorithm"))
    upload = await _begin(call, algorithm)
    if digest is None:
        return _accepted(call.repository, upload.staged, status=202)
    try:
        return await _finish(call, upload, digest)
    except Exception:
        with suppress(UploadUnknown):
            await _forget(call, upload)  # nobody was told of the session
        raise


async def upload_status(call: Call) -> Response:
    """GET: how much of the upload is safely here."""
    return _accepted(call.repository, (await _find(call)).staged, status=204)


async def append_chunk(call: Call) -> Response:
    """PATCH: more bytes, in order."""
    async with _writing(call) as upload:
        upload, staged = await _append(call, upload)
        await _record(call, upload.staged, staged)
    return _accepted(call.repository, staged, status=202)


async def finish_upload(call: Call) -> Response:
    """PUT: the last bytes, if any are left, and the digest of all."""
    digest = call.asked("digest")
    if digest is None:
        raise Problem(400, Code.DIGEST_INVALID, "the query says the digest of the blob: ?digest=…")
    wanted = Digest.parse(digest)
    async with _writing(call) as upload:
        return await _finish(call, upload, wanted)


async def cancel_upload(call: Call) -> Response:
    """DELETE: forget the session and its bytes."""
    await _forget(call, await _find(call))
    return Response(b"", 204)


async def _begin(call: Call, algorithm: Algorithm) -> Upload:
    upload_id, name, user_id, now = new_id(), call.repository, call.user_id, call.services.clock.now()
    if call.services.begun is not None:
        upload = await call.services.begun.begin(name, user_id, upload_id, algorithm)
        if upload is not None:
            return upload
    return await call.services.database.write(
        lambda tx: uploads.start_upload(tx, name, user_id, upload_id, algorithm, now), durable=False
    )


async def _find(call: Call) -> Upload:
    begun, upload_id = call.services.begun, call.parameters["upload"]
    if begun is not None:
        upload = await begun.find(call.repository, call.user_id, upload_id)
        if upload is not None:
            return upload
    return await call.services.uploads.find(call.repository, call.user_id, upload_id)


@asynccontextmanager
async def _writing(call: Call) -> AsyncIterator[Upload]:
    """The upload, to no other request of this process until its row is written. Raises `UploadBusy`.

    The store's own lock ends with the append: a second writer would cut away what the first is about to
    acknowledge.
    """
    found, written = await _find(call), call.services.written
    if found.id in written:
        raise UploadBusy(found.id)
    written.add(found.id)
    try:
        yield await _find(call)  # as it is now that nobody else changes it
    finally:
        written.discard(found.id)


async def _append(call: Call, upload: Upload, last_of: Digest | None = None) -> tuple[Upload, Staged]:
    """Store the request's body behind what is there; what came of a body that breaks off is recorded.

    With `last_of` it is the last one of the blob of that digest. Answers the upload as it stood before, which
    has a row if anything was staged, and how it stands now.
    """
    before, services = upload.staged, call.services
    piece = chunk_piece(call.header(b"content-range"))
    announced = call.content_length()
    if piece is not None and piece.start != before.received:
        raise _out_of_order(call.repository, ChunkOutOfOrder(upload.id, before.received, piece.start))
    if piece is not None and announced is not None and announced != piece.length:
        raise ChunkLengthWrong(piece.length, announced)
    limit = services.limits.upload_bytes
    if limit is not None and before.received + (announced or 0) > limit:
        raise UploadTooLarge(limit)
    room = None if limit is None else limit - before.received

    async def with_a_row() -> None:
        nonlocal upload
        upload = await _recorded(call, upload)

    try:
        with services.metrics.upload_in_flight():
            chunks = body_chunks(call.receive, services.limits.idle, room)
            after = await services.intake.append(
                before,
                chunks,
                algorithm=upload.algorithm,
                last_of=last_of if announced is not None else None,
                before_staging=with_a_row,
            )
    except UploadInterrupted as interrupted:
        if isinstance(interrupted.__cause__, BodyTooLong):
            raise _let_go(interrupted, UploadTooLarge(limit or 0)) from None
        await _record(call, before, interrupted.staged)
        raise _let_go(interrupted, interrupted.__cause__ or interrupted) from None
    received = after.received - before.received
    if piece is not None and received != piece.length:
        raise ChunkLengthWrong(piece.length, received)
    return upload, after


def _let_go(interrupted: UploadInterrupted, error: BaseException) -> BaseException:
    """`error`, and no word of the frames that `interrupted` came through.

    They refer to the request's body and it to them, so the HTTP server would keep the connection open until
    Python's collector comes by.
    """
    if interrupted.__cause__ is not None:
        interrupted.__cause__.__traceback__ = None
    interrupted.__cause__ = interrupted.__traceback__ = None
    return error


async def _record(call: Call, before: Staged, after: Staged) -> None:
    services, now = call.services, call.services.clock.now()
    # Refused, it must discard nothing: whoever was first may have made a blob of the same staged bytes.
    await services.database.write(lambda tx: uploads.record_progress(tx, before, after, now), durable=False)


async def _recorded(call: Call, upload: Upload) -> Upload:
    if upload.is_recorded:
        return upload
    now, user_id = call.services.clock.now(), call.user_id
    recorded = await call.services.database.write(
        lambda tx: uploads.record_upload(tx, upload, user_id, now), durable=False
    )
    _forget_begun(call, upload)
    return recorded


async def _finish(call: Call, upload: Upload, digest: Digest) -> Response:
    """Append the body, if there is one, and make a blob of it all.

    Where the digest turns out wrong the row stays as it was: the session goes on from before this body.
    """
    services = call.services
    staged = upload.staged
    if call.content_length() != 0:
        upload, staged = await _append(call, upload, digest)
    else:
        upload = await _recorded(call, upload)
    with services.metrics.timed_store("finish"):
        blob = await services.intake.finish(staged, digest)
    now = services.clock.now()
    surplus = await services.database.write(lambda tx: uploads.finish_upload(tx, upload, blob, now))
    _forget_begun(call, upload)
    await services.intake.discard(staged, keep=blob)
    if surplus is not None:  # the row of before names other bytes of the same blob
        await services.store.delete(surplus)
    return _created(call.repository, digest)


def _forget_begun(call: Call, upload: Upload) -> None:
    if call.services.begun is not None:
        call.services.begun.forget(upload.id)


async def _forget(call: Call, upload: Upload) -> None:
    _forget_begun(call, upload)
    try:
        staged = await call.services.database.write(
            lambda tx: uploads.end_upload(tx, upload.id), durable=False
        )
    except UploadUnknown:
        if upload.is_recorded:
            raise
        return  # it never had a row
    await call.services.intake.discard(staged)


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
