"""What a kind of event is: declared once by the domain that it happens in."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EventKind:
    """`name` such as `tag.moved`; `says` what happened; `fields` what each field of the body means."""

    name: str
    says: str
    fields: Mapping[str, str]
