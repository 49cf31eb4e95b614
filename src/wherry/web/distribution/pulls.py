"""GET and HEAD of manifests and blobs: the hot path."""

import logging
from collections.abc import AsyncIterator
from contextlib import aclosing

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from wherry.blobs.errors import BlobBytesMissing
from wherry.oci.digests import Digest
from wherry.oci.media_types import INDEXES
from wherry.oci.names import parse_reference
from wherry.registry.pull import PulledBlob
from wherry.web.distribution.call import Call
from wherry.web.distribution.ranges import Piece, asked_piece

logger = logging.getLogger(__name__)

# Below this, reading and sending is cheaper than having the server open a file: 20 KiB took 88 µs that way.
_SMALL = 64 * 1024

RawHeaders = list[tuple[bytes, bytes]]

# Whatever somebody pushed, and as whatever media type: a browser must not run it.
_INERT = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; sandbox"),
)


class RawResponse(Response):
    """Headers as bytes and a body, with nothing worked out on the way."""

    def __init__(self, status: int, headers: RawHeaders, body: bytes = b"") -> None:
        self.status_code = status
        self.raw_headers = headers
        self.body = body
        self.background = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body})


async def get_manifest(call: Call) -> Response:
    """The exact bytes that were pushed, as the type that they were pushed as."""
    found = await call.services.pulls.manifest(call.repository, parse_reference(call.parameters["reference"]))
    digest = found.digest.encode()
    headers = [
        (b"content-type", found.media_type.encode()),
        (b"content-length", b"%d" % len(found.content)),
        (b"docker-content-digest", digest),
        (b"etag", b'"%b"' % digest),
        *_INERT,
    ]
    if _is_known(call, digest):
        return RawResponse(304, headers[2:])
    if call.is_head:
        return RawResponse(200, headers)
    if found.media_type not in INDEXES:
        call.services.pull_counts.image(call.repository)
    return RawResponse(200, headers, found.content)


async def get_blob(call: Call) -> Response:
    """The blob or a piece of it, as a stream, or redirected to where it is."""
    blob = await call.services.pulls.blob(call.repository, Digest.parse(call.parameters["digest"]))
    digest = blob.digest.encode()
    headers = [
        (b"content-type", b"application/octet-stream"),
        (b"docker-content-digest", digest),
        (b"etag", b'"%b"' % digest),
        (b"accept-ranges", b"bytes"),
        (b"cache-control", b"private, max-age=31536000, immutable"),
        *_INERT,
    ]
    if call.is_head:
        return RawResponse(200, [*headers, (b"content-length", b"%d" % blob.size)])
    if _is_known(call, digest):
        return RawResponse(304, headers[1:])
    piece = asked_piece(call.header(b"range"), blob.size)
    store, whole = call.services.store, piece or Piece(0, blob.size)
    call.services.pull_counts.content(call.repository, whole.length)
    if call.services.redirect is not None:
        url = await store.presigned_url(blob.location, call.services.redirect)
        if url is not None:
            return RawResponse(307, [(b"location", url.encode()), (b"content-length", b"0"), headers[1]])
    if piece is None and blob.size <= _SMALL:
        return await _small(call, blob, [*headers, (b"content-length", b"%d" % blob.size)])
    headers.append((b"content-length", b"%d" % whole.length))
    if piece is not None:
        headers.append((b"content-range", b"bytes %d-%d/%d" % (piece.start, piece.stop - 1, blob.size)))
    content = store.read(blob.location, whole.start, whole.stop)
    return StreamedResponse(206 if piece else 200, headers, content, whole.length)


async def _small(call: Call, blob: PulledBlob, headers: RawHeaders) -> Response:
    content = b"".join([piece async for piece in call.services.store.read(blob.location, 0, blob.size)])
    if len(content) != blob.size:
        logger.error("blob %s has %d bytes in the store, not %d", blob.digest, len(content), blob.size)
        raise BlobBytesMissing(blob.location)
    return RawResponse(200, headers, content)


class StreamedResponse(Response):
    """`length` bytes from a stream. If it ends early the connection breaks: half is not taken for all."""

    def __init__(self, status: int, headers: RawHeaders, content: AsyncIterator[bytes], length: int) -> None:
        self.status_code = status
        self.raw_headers = headers
        self._content = content
        self._length = length

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sent, started = 0, False
        async with aclosing(self._content) as pieces:  # type: ignore[type-var]
            async for piece in pieces:
                if not started:  # an error before the first piece can still be answered
                    await self._start(send)
                    started = True
                sent += len(piece)
                await send({"type": "http.response.body", "body": piece, "more_body": sent < self._length})
        if not started:
            await self._start(send)
        if sent < self._length:
            raise BrokenOffError(f"the store gave {sent} of {self._length} bytes")
        if self._length == 0:
            await send({"type": "http.response.body", "body": b""})

    async def _start(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})


class BrokenOffError(Exception):
    """The store ended before the blob did."""


def _is_known(call: Call, digest: bytes) -> bool:
    known = call.header(b"if-none-match")
    return known is not None and digest.decode() in known
