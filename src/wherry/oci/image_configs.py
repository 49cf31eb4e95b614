"""What an image's config says (image-spec, config.md), for people: nothing here is relied on.

A config is any JSON that somebody pushed: what is not of the specification's form is left out.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Beyond it a config is nothing that people look at.
MAX_CONFIG = 1024 * 1024
_MAX_TEXT = 4096
_MAX_ITEMS = 200


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """`env_names` are the names of the environment's variables: values may be secrets that should not be
    there."""

    os: str | None
    architecture: str | None
    variant: str | None
    os_version: str | None
    created: str | None
    author: str | None
    user: str | None
    working_dir: str | None
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    env_names: tuple[str, ...]
    exposed_ports: tuple[str, ...]
    volumes: tuple[str, ...]
    labels: Mapping[str, str]

    @property
    def platform(self) -> str:
        """Such as `linux/arm/v7`; empty where the config does not name both system and architecture."""
        if self.os is None or self.architecture is None:
            return ""
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


def parse_config(content: bytes) -> ImageConfig | None:
    """None for what is no JSON object."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    run = document.get("config")
    run = run if isinstance(run, dict) else {}
    return ImageConfig(
        os=text_of(document.get("os")),
        architecture=text_of(document.get("architecture")),
        variant=text_of(document.get("variant")),
        os_version=text_of(document.get("os.version")),
        created=text_of(document.get("created")),
        author=text_of(document.get("author")),
        user=text_of(run.get("User")),
        working_dir=text_of(run.get("WorkingDir")),
        entrypoint=_texts(run.get("Entrypoint")),
        command=_texts(run.get("Cmd")),
        env_names=tuple(each.partition("=")[0] for each in _texts(run.get("Env"))),
        exposed_ports=_keys(run.get("ExposedPorts")),
        volumes=_keys(run.get("Volumes")),
        labels=labels_of(run.get("Labels")),
    )


def text_of(value: object) -> str | None:
    """A text that can be sent as UTF-8, cut where it is long; None for an empty one, and for what is none."""
    if not isinstance(value, str) or not value:
        return None
    return value[:_MAX_TEXT].encode("utf-8", "replace").decode()


def labels_of(value: object) -> dict[str, str]:
    """Labels or annotations: texts by texts, as many as people read."""
    if not isinstance(value, dict):
        return {}
    pairs = ((text_of(name), text_of(text) or "") for name, text in list(value.items())[:_MAX_ITEMS])
    return {name: text for name, text in pairs if name is not None}


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    return tuple(text for text in map(text_of, value[:_MAX_ITEMS]) if text is not None)


def _keys(value: Any) -> tuple[str, ...]:
    return _texts(list(value)) if isinstance(value, dict) else ()
