"""Takes secrets out of a text before it is logged: credentials in headers, pairs and URLs, tokens, keys.

It works on the finished line, so that a secret is caught wherever it came from: message, extra, traceback.
It is the last line of defence, not a licence to log a header. A client's text gets here, so every pattern is
linear in time: it starts where a word starts, and never gives back what it took (``*+``, ``++``).
"""

from __future__ import annotations

import re

STARS = "***"

# A name is secret when it is, or ends with, one of these; whatever stands between its words.
_ENDINGS = (
    "authorization",
    "cookie",
    "secret",
    "token",
    "credential",
    "credentials",
    "signature",
    "passphrase",
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
)
_ANYWHERE = ("password", "passwd")
_WHOLE_LINE = ("authorization", "cookie")

_NAME = re.compile(
    r"""(?<![A-Za-z0-9_-]) (?P<name>[A-Za-z][A-Za-z0-9_-]*+)
    \\?["']? \s*+ (?: [:=] | , (?=\s*+b?\\?["']) ) \s*+ (?: b(?=\\?["']) )?""",
    re.VERBOSE,
)
_VALUE = re.compile(
    r"""(?P<open>") (?:[^"\\]|\\.)*+ "?
      | (?P<open_single>') (?:[^'\\]|\\.)*+ '?
      | (?P<open_escaped>\\["']) (?:[^\\]|\\(?!["']))*+ (?:\\["'])?
      | (?:(?:basic|bearer|digest)\s++)? [^\s"'&,;)\]}]++""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_REST_OF_LINE = re.compile(r"[^\r\n\"']++")
_SCHEME = re.compile(r"\b(basic|bearer)\s++(?=[A-Za-z0-9._~+/-]{8})[A-Za-z0-9._~+/=-]++", re.IGNORECASE)
_URL_CREDENTIALS = re.compile(
    r"(?<![a-z0-9+.-])(?P<scheme>[a-z][a-z0-9+.-]*+://)[^\s/@:\"']*+:[^\s/@\"']++@", re.IGNORECASE
)
_JSON_WEB_TOKEN = re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{5,}+\.[A-Za-z0-9_.-]*+")
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}KEY-----|\Z)", re.DOTALL
)


def redact(text: str) -> str:
    """The text with every secret that can be told by its form replaced by stars."""
    text = _PRIVATE_KEY.sub(STARS, text)
    text = _URL_CREDENTIALS.sub(rf"\g<scheme>{STARS}@", text)
    text = _star_values(text)
    text = _SCHEME.sub(rf"\1 {STARS}", text)
    return _JSON_WEB_TOKEN.sub(STARS, text)


def is_secret_name(name: str) -> bool:
    """True for a field, header or parameter whose value must not be logged at all."""
    plain = name.lower().replace("-", "").replace("_", "")
    return plain == "sig" or plain.endswith(_ENDINGS) or any(part in plain for part in _ANYWHERE)


def _star_values(text: str) -> str:
    """name=value, "name": "value", (name, b"value"), name: Scheme value: the value, if the name is secret."""
    parts = []
    done = 0
    for match in _NAME.finditer(text):
        if match.start() < done or not is_secret_name(match["name"]):
            continue
        value = _value_after(text, match)
        if value is None:
            continue
        opened = (
            value["open"] or value["open_single"] or value["open_escaped"] if value.re is _VALUE else None
        )
        quote = opened or ""
        parts.append(f"{text[done : match.end()]}{quote}{STARS}{quote}")
        done = value.end()
    parts.append(text[done:])
    return "".join(parts)


def _value_after(text: str, name: re.Match[str]) -> re.Match[str] | None:
    if name["name"].lower().endswith(_WHOLE_LINE) and text[name.end() : name.end() + 1] not in (
        '"',
        "'",
        "\\",
        "",
    ):
        return _REST_OF_LINE.match(text, name.end())
    return _VALUE.match(text, name.end())
