"""The grammars of names, tags, digests, types and ranges, written a second time without regular expressions.

An oracle: it says what the texts of the specifications allow, and imports nothing of what it judges.
"""

from __future__ import annotations

from string import ascii_letters, ascii_lowercase, digits

HEX = frozenset(digits + "abcdef")
LOWER = frozenset(ascii_lowercase + digits)
WORD = frozenset(ascii_letters + digits + "_")
TAG_REST = WORD | frozenset(".-")
# RFC 6838 §4.2
TYPE_FIRST = frozenset(ascii_letters + digits)
TYPE_REST = TYPE_FIRST | frozenset("!#$&-^_.+")
DIGITS = frozenset(digits)

HEX_LENGTHS = {"sha256": 64, "sha512": 128}
MAX_NAME = 255


def is_name(text: str) -> bool:
    """distribution-spec: components of lowercase words with single separators between, joined by slashes."""
    return len(text) <= MAX_NAME and all(_is_component(part) for part in text.split("/"))


def _is_component(text: str) -> bool:
    if not text or text[0] not in LOWER or text[-1] not in LOWER:
        return False
    place = 0
    while place < len(text):
        end = place
        while end < len(text) and text[end] not in LOWER:
            end += 1
        separator = text[place:end]
        if separator and separator not in (".", "_", "__") and set(separator) != {"-"}:
            return False
        place = end + 1
    return True


def is_tag(text: str) -> bool:
    """One to 128 characters, the first of which is a letter, a digit or an underscore."""
    return 1 <= len(text) <= 128 and text[0] in WORD and set(text) <= TAG_REST


def is_digest(text: str) -> bool:
    """Of a registered algorithm, in lowercase hexadecimal."""
    name, separator, encoded = text.partition(":")
    return bool(separator) and len(encoded) == HEX_LENGTHS.get(name, -1) and set(encoded) <= HEX


def is_media_type(text: str) -> bool:
    """type/subtype, each a restricted name."""
    kind, separator, subtype = text.partition("/")
    return bool(separator) and _is_restricted_name(kind) and _is_restricted_name(subtype)


def _is_restricted_name(text: str) -> bool:
    return 1 <= len(text) <= 127 and text[0] in TYPE_FIRST and set(text) <= TYPE_REST


def byte_range(text: str, size: int) -> tuple[int, int] | None:
    """RFC 9110 §14.1.2: first and last byte that one range in bytes asks for; None where it is no such range.

    An answer whose last byte lies before its first asks for nothing that is there.
    """
    unit, separator, asked = text.partition("=")
    first, dash, last = asked.partition("-")
    if unit != "bytes" or not separator or not dash or not _is_number(first + last):
        return None
    if not first:
        return max(0, size - int(last)), size - 1
    if not last:
        return int(first), size - 1
    return int(first), min(int(last), size - 1)


def chunk_range(text: str) -> tuple[int, int] | None:
    """distribution-spec: `first-last`, both in digits; None where it is written otherwise."""
    first, dash, last = text.partition("-")
    if not dash or not _is_number(first) or not _is_number(last):
        return None
    return int(first), int(last)


def _is_number(text: str) -> bool:
    return bool(text) and set(text) <= DIGITS
