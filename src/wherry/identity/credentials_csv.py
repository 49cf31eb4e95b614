"""`credentials.csv`: how an access key is handed over, once."""

import csv
import io
from dataclasses import dataclass

HEADER = ("User Name", "Access Key Id", "Secret Access Key")


class InvalidCredentialsFile(ValueError):
    """Not a credentials.csv; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """One access key with its secret."""

    user: str
    access_key_id: str
    secret: str


def write_credentials(credentials: Credentials) -> str:
    """The file's text: a header line and one line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(HEADER)
    writer.writerow((credentials.user, credentials.access_key_id, credentials.secret))
    return text.getvalue()


def read_credentials(text: str) -> Credentials:
    """Read ours and its relatives: with a byte order mark, with other headers in the same three columns.

    Raises `InvalidCredentialsFile`.
    """
    try:
        rows = [row for row in csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=None)) if row]
    except csv.Error as error:
        raise InvalidCredentialsFile(f"no CSV: {error}") from None
    if len(rows) < 2:
        raise InvalidCredentialsFile("a credentials.csv has a header line and a line with the key")
    header = [cell.strip().lower() for cell in rows[0]]
    values = [cell.strip() for cell in rows[1]]
    places = [_place(header, "user", 0), _place(header, "access key id", 1), _place(header, "secret", 2)]
    if max(places) >= len(values) or not all(values[place] for place in places[1:]):
        raise InvalidCredentialsFile("the line has no access key id or no secret")
    return Credentials(*(values[place] for place in places))


def _place(header: list[str], word: str, otherwise: int) -> int:
    return next((place for place, cell in enumerate(header) if cell.startswith(word)), otherwise)
