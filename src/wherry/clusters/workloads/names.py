"""What Kubernetes takes for a name, a label, an amount; each function says what is wrong, or None.

https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
"""

import re
from collections.abc import Mapping

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")
_QUALIFIED = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_VARIABLE = re.compile(r"[^=\x00-\x1f\x7f-\U0010ffff]+")
_PORT_NAME = re.compile(r"(?=.*[a-z])(?!.*--)[a-z0-9](?:[a-z0-9-]{0,13}[a-z0-9])?")
_QUANTITY = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+|[numkMGTPE]|[KMGTPE]i)?")
_PART = re.compile(r"\d{1,3}%")
_CRON = re.compile(r"@(?:yearly|annually|monthly|weekly|daily|midnight|hourly)|(?:\S+ +){4}\S+")
MAX_SUBDOMAIN = 253


def wrong_label(what: str, text: str, longest: int = 63) -> str | None:
    """DNS-1123 label: names of namespaces, containers, volumes, and here of workloads."""
    if len(text) <= longest and _LABEL.fullmatch(text):
        return None
    return (
        f"{what} {text[:80]!r}: 1 to {longest} lowercase letters, digits and '-',"
        " starting and ending with a letter or digit"
    )


def wrong_service_name(text: str) -> str | None:
    """DNS-1035 label: as above, and not starting with a digit."""
    if text[:1].isdigit():
        return f"service name {text[:80]!r}: it starts with a letter"
    return wrong_label("service name", text)


def wrong_object_name(what: str, text: str) -> str | None:
    """DNS-1123 subdomain: names of Secrets, ConfigMaps, claims."""
    if len(text) <= MAX_SUBDOMAIN and _SUBDOMAIN.fullmatch(text):
        return None
    return (
        f"{what} {text[:80]!r}: 1 to {MAX_SUBDOMAIN} lowercase letters, digits, '-' and '.',"
        " each part starting and ending with a letter or digit"
    )


def wrong_labels(what: str, labels: Mapping[str, str]) -> list[str]:
    """Keys and values of labels."""
    problems = [problem for key in labels if (problem := wrong_key(what, key))]
    for key, value in labels.items():
        if value and not _QUALIFIED.fullmatch(value):
            problems.append(
                f"{what} {key[:80]}={value[:80]!r}: a value is at most 63 letters, digits, '-', '_' and '.',"
                " starting and ending with a letter or digit"
            )
    return problems


def wrong_key(what: str, key: str) -> str | None:
    """A key of a label or an annotation: an optional DNS name and `/`, then a name."""
    prefix, slash, name = key.rpartition("/")
    good_prefix = not slash or (len(prefix) <= MAX_SUBDOMAIN and _SUBDOMAIN.fullmatch(prefix))
    if good_prefix and _QUALIFIED.fullmatch(name):
        return None
    return (
        f"{what} {key[:80]!r}: a key is at most 63 letters, digits, '-', '_' and '.',"
        " with a DNS name and '/' before it if need be"
    )


def wrong_variable(text: str) -> str | None:
    """Name of an environment variable."""
    if _VARIABLE.fullmatch(text):
        return None
    return f"environment variable {text[:80]!r}: printable ASCII characters without '='"


def wrong_port_name(text: str) -> str | None:
    """Name of a port (IANA service name)."""
    if _PORT_NAME.fullmatch(text):
        return None
    return f"port name {text[:40]!r}: at most 15 lowercase letters, digits and single '-', with one letter"


def wrong_port(what: str, port: int | str) -> str | None:
    """A number from 1 to 65535, or a port's name."""
    if isinstance(port, str):
        return wrong_port_name(port)
    return None if 1 <= port <= 65535 else f"{what} {port}: a port is from 1 to 65535"


def wrong_amount(what: str, text: str) -> str | None:
    """A quantity such as `250m` or `512Mi`."""
    if len(text) <= 40 and _QUANTITY.fullmatch(text) and not text.startswith("-"):
        return None
    return f"{what} {text[:40]!r}: an amount is written such as 250m, 0.5, 512Mi or 2Gi"


def wrong_part(what: str, value: int | str | None) -> str | None:
    """A number of pods, or a part of them such as `25%`."""
    if value is None or (isinstance(value, int) and value >= 0):
        return None
    if isinstance(value, str) and _PART.fullmatch(value):
        return None
    return f"{what} {value!r}: a number of pods, or a part such as 25%"


def wrong_schedule(text: str) -> str | None:
    """Roughly: the cluster reads it in full."""
    if _CRON.fullmatch(text):
        return None
    return f"schedule {text[:80]!r}: minute, hour, day, month and weekday such as '*/5 * * * *', or @hourly"
