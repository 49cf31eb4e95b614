"""Pure: a new image in the text of a file. All else in it stays as it is, comments and order included.

YAML is read for where its scalars begin and end, and only those characters are exchanged.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import yaml

from wherry.triggers.gitops.errors import EditRefused, OlderVersion
from wherry.triggers.versions import Version

# Larger ones are no values or manifests that somebody keeps by hand.
MAX_FILE = 1024 * 1024

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


class EditKind(StrEnum):
    """How the place in the file is found: kustomize's `images:`, Helm values by path, or marked lines."""

    KUSTOMIZE = "kustomize"
    HELM = "helm"
    MARKER = "marker"


class Part(StrEnum):
    """What of an image is written at a place."""

    IMAGE = "image"
    NAME = "name"
    TAG = "tag"
    DIGEST = "digest"


@dataclass(frozen=True, slots=True)
class NewImage:
    """`name` with the registry's host; `digest` None where the tag alone is to be written.

    With `is_ordered` it is not written where a newer version stands.
    """

    name: str
    tag: str
    digest: str | None
    is_ordered: bool = False

    def part(self, part: Part) -> str:
        """As it is written. Empty for a digest that is not to be pinned."""
        if part is Part.IMAGE:
            return f"{self.name}:{self.tag}" + (f"@{self.digest}" if self.digest else "")
        return {Part.NAME: self.name, Part.TAG: self.tag, Part.DIGEST: self.digest or ""}[part]


@dataclass(frozen=True, slots=True)
class Edit:
    """One file of the repository, and how its places are found.

    `image` is for kustomize the `name` of the entry, for marked lines the word behind `# wherry:`. `places`
    are for Helm the paths of values, such as `{Part.TAG: "web.image.tag"}`.
    """

    kind: EditKind
    path: str
    image: str = ""
    places: tuple[tuple[Part, str], ...] = ()


@dataclass(frozen=True, slots=True)
class _Change:
    start: int
    end: int
    text: str
    tag_before: str = ""


def edited(text: str, edit: Edit, image: NewImage) -> str:
    """The file with the image in it; equal to `text` where it is there already.

    Raises `EditRefused`, `OlderVersion`.
    """
    if len(text) > MAX_FILE:
        raise EditRefused(edit.path, f"it is larger than {MAX_FILE // 1024} KiB")
    try:
        documents = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError) as error:
        raise EditRefused(edit.path, f"it is no YAML: {_one_line(error)}") from None
    changes = _FINDERS[edit.kind](text, documents, edit, image)
    _refuse_older(edit, image, changes)
    for change in sorted(changes, key=lambda one: -one.start):
        text = text[: change.start] + change.text + text[change.end :]
    return text


def _kustomize(text: str, documents: Sequence[yaml.Node], edit: Edit, image: NewImage) -> Sequence[_Change]:
    entries = [
        entry
        for document in documents
        for entry in _items(_value(document, "images"))
        if edit.image in (_text(_value(entry, "name")), _text(_value(entry, "newName")))
    ]
    if not entries:
        raise EditRefused(edit.path, f"its images: have no entry with the name {edit.image}")
    changes = []
    for entry in entries:
        name = _value(entry, "name")
        if _text(name) != image.name:
            changes.append(_put(text, edit, entry, "newName", image.name))
        changes.append(_put(text, edit, entry, "newTag", image.tag, Part.TAG))
        if image.digest is not None:
            changes.append(_put(text, edit, entry, "digest", image.digest))
        elif _value(entry, "digest") is not None:
            raise EditRefused(edit.path, "the entry pins a digest, and the trigger writes tags only")
    return _together(changes)


def _helm(text: str, documents: Sequence[yaml.Node], edit: Edit, image: NewImage) -> Sequence[_Change]:
    if not edit.places:
        raise EditRefused(edit.path, "the trigger names no path of a value")
    changes = []
    for part, path in edit.places:
        node: yaml.Node | None = documents[0] if documents else None
        for name, index in _STEP.findall(path):
            node = _value(node, name) if name else _item(node, int(index))
        if not isinstance(node, yaml.ScalarNode):
            raise EditRefused(edit.path, f"it has no value at {path}")
        changes.append(_replace(text, node, image.part(part), part))
    return changes


def _marker(text: str, documents: Sequence[yaml.Node], edit: Edit, image: NewImage) -> Sequence[_Change]:
    marker = re.compile(rf"#\s*wherry:\s*{re.escape(edit.image)}(?::(name|tag|digest))?\s*$")
    by_line: dict[int, yaml.ScalarNode] = {}
    for document in documents:
        for node in _scalars(document):
            known = by_line.get(node.end_mark.line)
            if known is None or known.end_mark.index < node.end_mark.index:
                by_line[node.end_mark.line] = node
    changes = []
    for number, line in enumerate(text.split("\n")):
        found = marker.search(line.rstrip("\r"))
        if found is None:
            continue
        scalar = by_line.get(number)
        if scalar is None or scalar.start_mark.line != number:
            raise EditRefused(edit.path, f"line {number + 1} is marked and has no value")
        part = Part(found[1] or "image")
        changes.append(_replace(text, scalar, image.part(part), part))
    if not changes:
        raise EditRefused(edit.path, f"no line is marked with # wherry: {edit.image}")
    return changes


_Finder = Callable[[str, Sequence[yaml.Node], Edit, NewImage], Sequence[_Change]]
_FINDERS: dict[EditKind, _Finder] = {
    EditKind.KUSTOMIZE: _kustomize,
    EditKind.HELM: _helm,
    EditKind.MARKER: _marker,
}


def _refuse_older(edit: Edit, image: NewImage, changes: Sequence[_Change]) -> None:
    mine = Version.parse(image.tag) if image.is_ordered else None
    for change in changes:
        theirs = None if mine is None else Version.parse(change.tag_before)
        if mine is not None and theirs is not None and mine < theirs:
            raise OlderVersion(f"{edit.path} has {change.tag_before}, and {image.tag} is older")


def _put(text: str, edit: Edit, entry: yaml.Node, key: str, value: str, part: Part | None = None) -> _Change:
    """The entry's value exchanged, or a line for it under the one of its name."""
    known = _value(entry, key)
    if isinstance(known, yaml.ScalarNode):
        return _replace(text, known, value, part)
    if known is not None or not isinstance(entry, yaml.MappingNode) or entry.flow_style:
        raise EditRefused(edit.path, f"the entry of {edit.image} has no place for {key}")
    first, _ = entry.value[0]
    last = max(value.end_mark.index for _, value in entry.value if isinstance(value, yaml.ScalarNode))
    end_of_line = text.find("\n", last)
    ending = "\r\n" if text[end_of_line - 1 : end_of_line] == "\r" else "\n"
    at = len(text) if end_of_line < 0 else end_of_line - (len(ending) - 1)
    return _Change(at, at, f"{ending}{' ' * first.start_mark.column}{key}: {_plain(value)}")


def _together(changes: Sequence[_Change]) -> list[_Change]:
    """Lines that go to the same place as one, in their order."""
    merged: dict[tuple[int, int], _Change] = {}
    for one in changes:
        key = (one.start, one.end)
        before = merged.get(key)
        merged[key] = one if before is None else _Change(*key, before.text + one.text)
    return list(merged.values())


def _replace(text: str, node: yaml.ScalarNode, value: str, part: Part | None = None) -> _Change:
    start, end = node.start_mark.index, node.end_mark.index
    if node.style == "'":
        written = "'" + value.replace("'", "''") + "'"
    elif node.style == '"':
        written = json.dumps(value)
    else:
        written = _plain(value)
        # An empty value ends where it begins, right behind the colon.
        if start == end and text[start - 1 : start] not in ("", " "):
            written = " " + written
    return _Change(start, end, written, _tag_in(str(node.value), part))


def _tag_in(value: str, part: Part | None) -> str:
    """Empty where there is none."""
    if part is Part.IMAGE:
        return value.partition("@")[0].rpartition(":")[2]
    return value if part is Part.TAG else ""


def _plain(value: str) -> str:
    """Without quotes where YAML reads the same text then: 1.10 would be a number."""
    try:
        if yaml.safe_load(value) == value and yaml.safe_load(f"k: {value}") == {"k": value}:
            return value
    except yaml.YAMLError:
        pass
    return json.dumps(value)


def _scalars(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    """Each once, also those that aliases name again."""
    waiting, seen = [node], set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, yaml.ScalarNode):
            yield one
        elif isinstance(one, yaml.SequenceNode):
            waiting.extend(one.value)
        elif isinstance(one, yaml.MappingNode):
            waiting.extend(part for pair in one.value for part in pair)


def _value(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if isinstance(name, yaml.ScalarNode) and name.value == key:
                found: yaml.Node = value
                return found
    return None


def _items(node: yaml.Node | None) -> list[yaml.Node]:
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _item(node: yaml.Node | None, index: int) -> yaml.Node | None:
    items = _items(node)
    return items[index] if index < len(items) else None


def _text(node: yaml.Node | None) -> str | None:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
