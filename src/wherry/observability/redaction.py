"""Takes secrets out of a text before it is logged: credentials in headers, pairs and URLs, tokens, keys.

It works on the finished line, so that a secret is caught wherever it came from: message, extra, traceback.
It is the last line of defence, not a licence to log a header.
"""

from __future__ import annotations

import re

STARS = "***"

_CONFIDENTIAL = (
    r"(?:proxy-)?authorization|set-cookie|cookie|x-amz-(?:signature|credential|security-token)|x-goog-signature"
    r"|[a-z0-9_.-]*(?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?)"
    r"[a-z0-9_-]*|sig(?:nature)?"
)

# name = value, "name": "value", ('name', b'value'), name: Scheme value. A value in quotes ends at its quote.
_PAIR = re.compile(
    rf"""(?P<head>(?<![a-z0-9_])(?:{_CONFIDENTIAL})\\?["']?\s*(?:[:=]|,(?=\s*b?\\?["']))\s*b?)
    (?:
        (?P<quote>\\?["'])(?P<quoted>.*?)(?P=quote)
      | (?P<scheme>(?:basic|bearer|digest)\s+)?[^\s"'&,;)\]}}]+
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_SCHEME = re.compile(r"\b(basic|bearer)\s+(?=[A-Za-z0-9._~+/-]{8})[A-Za-z0-9._~+/=-]+", re.IGNORECASE)
_URL_CREDENTIALS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)[^\s/@:\"']*:[^\s/@\"']+@", re.IGNORECASE)
_JSON_WEB_TOKEN = re.compile(r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*)?")
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
_SECRET_KEY = re.compile(rf"(?:{_CONFIDENTIAL})", re.IGNORECASE)


def redact(text: str) -> str:
    """The text with every secret that can be told by its form replaced by stars."""
    text = _PRIVATE_KEY.sub(STARS, text)
    text = _URL_CREDENTIALS.sub(rf"\g<scheme>{STARS}@", text)
    text = _PAIR.sub(_starred_pair, text)
    text = _SCHEME.sub(rf"\1 {STARS}", text)
    return _JSON_WEB_TOKEN.sub(STARS, text)


def is_secret_name(name: str) -> bool:
    """True for a field, header or parameter whose value must not be logged at all."""
    return _SECRET_KEY.fullmatch(name) is not None


def _starred_pair(match: re.Match[str]) -> str:
    quote = match["quote"] or ""
    return f"{match['head']}{quote}{STARS}{quote}"
