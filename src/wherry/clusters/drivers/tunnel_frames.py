"""The messages of a tunnel: one byte of kind, four of the stream's number, and what the kind carries.

The agent's end of this is `wherry.clusters.agent.program`, which is a file of its own in the cluster.
"""

import json
import struct
from dataclasses import dataclass
from enum import IntEnum

PROTOCOL = 1
# So many bytes of a stream may be under way before the other end has passed some on.
WINDOW = 256 * 1024
PIECE = 32 * 1024
MAX_MESSAGE = 64 * 1024
_HEAD = struct.Struct("!BI")


class Kind(IntEnum):
    """OPEN, DATA, END (no more will come), RESET (with a reason), CREDIT (so many more may come)."""

    OPEN = 1
    DATA = 2
    END = 3
    RESET = 4
    CREDIT = 5
    PING = 6
    PONG = 7
    HELLO = 8


class TunnelBroken(Exception):
    """The other end does not keep to the protocol, or is gone. The text is fit for a person."""


@dataclass(frozen=True, slots=True)
class Frame:
    """`stream` 0 is the tunnel itself."""

    kind: Kind
    stream: int = 0
    payload: bytes = b""

    def to_bytes(self) -> bytes:
        return _HEAD.pack(self.kind, self.stream) + self.payload

    @classmethod
    def from_bytes(cls, message: bytes) -> "Frame":
        """Raises `TunnelBroken`."""
        if not _HEAD.size <= len(message) <= MAX_MESSAGE:
            raise TunnelBroken(f"the agent sent a message of {len(message)} bytes")
        number, stream = _HEAD.unpack_from(message)
        try:
            kind = Kind(number)
        except ValueError:
            raise TunnelBroken(f"the agent sent a message of an unknown kind, {number}") from None
        return cls(kind, stream, message[_HEAD.size :])


def credit(stream: int, size: int) -> Frame:
    """So many bytes more may come."""
    return Frame(Kind.CREDIT, stream, struct.pack("!I", size))


def credit_of(frame: Frame) -> int:
    """Raises `TunnelBroken`."""
    size = int.from_bytes(frame.payload, "big")
    if len(frame.payload) != 4 or not 0 < size <= WINDOW:
        raise TunnelBroken("the agent gave a credit that cannot be")
    return size


@dataclass(frozen=True, slots=True)
class Hello:
    """What the agent says of itself first."""

    protocol: int
    python: str
    host: str

    @classmethod
    def of(cls, frame: Frame) -> "Hello":
        """Raises `TunnelBroken`."""
        try:
            said = json.loads(frame.payload if frame.kind is Kind.HELLO else b"{}")
            return cls(int(said["protocol"]), str(said["python"])[:40], str(said["host"])[:100])
        except (ValueError, TypeError, KeyError, RecursionError):
            raise TunnelBroken("the agent does not say what it is") from None
