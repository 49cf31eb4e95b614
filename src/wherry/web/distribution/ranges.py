"""Byte ranges: `Range` of downloads (RFC 9110 §14), `Content-Range` of upload chunks (distribution-spec)."""

import re
from dataclasses import dataclass

from wherry.web.distribution.errors import Code, Problem

# Twenty digits are past any file; more are no number that anybody means. In ASCII: `\d` knows hundreds more.
_RANGE = re.compile(r"bytes=([0-9]{0,19})-([0-9]{0,19})")
# As distribution-spec writes it, or as RFC 9110 §14.4 does.
_CHUNK = re.compile(r"(?:bytes )?([0-9]{1,19})-([0-9]{1,19})(?:/(?:[0-9]{1,19}|\*))?")


@dataclass(frozen=True, slots=True)
class Piece:
    """Half-open: `start` to `stop`, without `stop`."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        return self.stop - self.start


def asked_piece(header: str | None, size: int) -> Piece | None:
    """The piece that a Range header asks for; None for the whole.

    The whole is also what no header, several ranges, and another unit than bytes get. Raises `Problem` (416)
    for a range that has nothing of the content.
    """
    if not header:
        return None
    match = _RANGE.fullmatch(header.strip(" \t"))
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        length = int(match[2])
        start, stop = max(0, size - length), size
    else:
        start = int(match[1])
        stop = min(int(match[2]) + 1, size) if match[2] else size
    if start >= stop:
        headers = {"content-range": f"bytes */{size}"}
        raise Problem(416, Code.SIZE_INVALID, f"the range is outside of the {size} bytes", headers=headers)
    return Piece(start, stop)


def chunk_piece(header: str | None) -> Piece | None:
    """Where a chunk belongs; None where the request does not say. Raises `Problem` (400, 416 if empty)."""
    if header is None:
        return None
    match = _CHUNK.fullmatch(header.strip(" \t"))
    if match is None:
        raise Problem(400, Code.BLOB_UPLOAD_INVALID, "Content-Range of a chunk is written first-last")
    start, stop = int(match[1]), int(match[2]) + 1
    if stop <= start:
        raise Problem(416, Code.BLOB_UPLOAD_INVALID, "Content-Range of a chunk ends before it starts")
    return Piece(start, stop)
