"""YAML as Kubernetes means it: JSON values in another spelling. Bounded, and without YAML's surprises.

No aliases (a few lines of them grow to gigabytes), no key twice (which one counts is a guess), no dates.
"""

from typing import Any

import yaml

from wherry.clusters.errors import ClusterError

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 40
MAX_DOCUMENTS = 100

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class InvalidYaml(ClusterError):
    """The text says what is wrong, and where."""


def read_yaml(text: str, *, max_bytes: int = MAX_BYTES) -> Any:
    """The value of the one document in `text`; None for an empty one. Raises `InvalidYaml`."""
    documents = read_documents(text, max_bytes=max_bytes)
    if len(documents) > 1:
        raise InvalidYaml("there is more than one document in the YAML, parted by ---")
    return documents[0] if documents else None


def read_documents(text: str, *, max_bytes: int = MAX_BYTES) -> tuple[Any, ...]:
    """The values of all documents that are not empty. Raises `InvalidYaml`."""
    if len(text.encode("utf-8", "surrogatepass")) > max_bytes:
        raise InvalidYaml(f"the YAML has more than {max_bytes // 1024} KiB")
    try:
        _check_shape(text)
        loaded = tuple(yaml.load_all(text, Loader=_JsonLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = "" if mark is None else f" at line {mark.line + 1}, column {mark.column + 1}"
        raise InvalidYaml(f"this is no YAML: {error.problem or error.context}{where}") from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise InvalidYaml(f"this is no YAML: {str(error).splitlines()[0][:200]}") from None
    return tuple(document for document in loaded if document is not None)


def write_yaml(*documents: Any) -> str:
    """What `read_documents` reads again; keys stay in their order."""
    text: str = yaml.dump_all(
        documents, Dumper=_Plain, sort_keys=False, default_flow_style=False, allow_unicode=True, width=110
    )
    return text


def _check_shape(text: str) -> None:
    depth = documents = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent):
            raise InvalidYaml("the YAML has an alias (*name); write out what it stands for")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise InvalidYaml(f"the YAML is nested deeper than {MAX_DEPTH} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > MAX_DOCUMENTS:
                raise InvalidYaml(f"the YAML has more than {MAX_DOCUMENTS} documents")


class _JsonLoader(_Loader):  # type: ignore[misc]  # which of the two there is depends on the machine
    """Knows what JSON has, by YAML 1.1's spelling, and refuses what it has not."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            name = key.value
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key is a text", key.start_mark)
            if name in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {str(name)[:80]!r} is there twice", key.start_mark
                )
            seen.add(name)
        # `on: x` or `1: x`: JSON's keys are texts, and so they were meant.
        return {key.value: self.construct_object(value, deep=deep) for key, value in node.value}


_JsonLoader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag not in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:merge", "tag:yaml.org,2002:value")
    ]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}
_JSON_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float", "str", "seq", "map")}
_JsonLoader.yaml_constructors = {
    tag: constructor
    for tag, constructor in _Loader.yaml_constructors.items()
    if tag is None or tag in _JSON_TAGS
}


class _Plain(_Dumper):  # type: ignore[misc]  # as above
    """Writes texts of several lines as blocks, and what is there twice, twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _write_text(dumper: Any, text: str) -> Any:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Plain.add_representer(str, _write_text)
