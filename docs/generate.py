"""Writes the pages of docs/reference that are made from declarations in the source: `make docs`.

A test compares the pages with the declarations, so that a page cannot lag behind.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wherry.settings import Declaration

REFERENCE = Path(__file__).parent / "reference"
_MADE = "<!-- Made by `make docs` from {source}. Change it there. -->\n"


def pages() -> dict[str, str]:
    """The text of each generated page by its file name."""
    return {
        "settings.md": _settings(),
        "metrics.md": _metrics(),
        "cli.md": _cli(),
        "http-api.md": _http_api(),
        "swr.md": _swr(),
        "api.md": _api(),
        "events.md": _events(),
    }


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    def line(cells: tuple[str, ...]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"

    return "\n".join([line(head), line(("---",) * len(head)), *map(line, rows)]) + "\n"


_SETTINGS_INTRODUCTION = """\
Each setting can be given in four ways; the first that is there wins:

1. a flag: `wherry serve --port 8080`, or for any setting `--set store.driver=s3`;
2. an environment variable: `WHERRY_PORT=8080`;
3. the settings file, TOML: the one of `--config`, of `WHERRY_CONFIG`, or `wherry.toml` in the data folder;
4. its default.

`wherry settings` prints the value of each and where it came from, without secrets. A name that no setting
has stops the start, with the nearest name that there is. A secret can also be read from the file that its
variable with `_FILE` behind it names: `WHERRY_ADMIN_PASSWORD_FILE=/run/secrets/admin`.

Sizes are written `4MiB`, `500kB` or in bytes; durations `500ms`, `30s`, `5m`, `24h`, `7d` or in seconds;
lists with commas. A relative path counts from the folder that the program is started in.

```toml
# /srv/wherry/wherry.toml
host = "0.0.0.0"
workers = 2

[store]
driver = "s3"
url = "s3://images/wherry"

[uploads]
max_bytes = "20GiB"
```
"""

_METRICS_INTRODUCTION = """\
`GET /metrics` answers in the text form of Prometheus. With several workers the values of all of them are
added up. Labels take values from closed sets only, so that no client can make series grow.
"""

_CLI_INTRODUCTION = """\
Administrative commands work on a data folder (`--data DIR`), also while a server runs on it, and read the
same settings as the server. Commands that print a list or a record take `--json`. Those with `--server URL`
work on a server on another machine as well, over its API:
[how to](../how-to/administer-from-elsewhere.md).
"""


def _settings() -> str:
    from wherry.settings import Settings, declarations
    from wherry.settings.declaration import section_of

    parts = ["# Settings\n", _MADE.format(source="src/wherry/settings/tree.py"), _SETTINGS_INTRODUCTION]
    sections: list[tuple[str, str, str]] = [("", "General", "")]
    for field in dataclasses.fields(Settings):
        section = section_of(field)
        if section is not None:
            sections.append((field.name, f"`[{field.name}]`", inspect.getdoc(section) or ""))
    for name, title, doc in sections:
        parts.append(f"## {title}\n")
        if doc:
            parts.append(f"{doc}\n")
        own = [item for item in declarations(Settings) if item.key.rpartition(".")[0] == name]
        parts.append(
            _table(("Setting", "Variable", "Kind", "Default", "What it does"), map(_setting_row, own))
        )
    return "\n".join(parts)


def _setting_row(item: Declaration) -> tuple[str, ...]:
    default = item.show_default() if item.default_text else f"`{item.show_default()}`"
    doc = item.doc + (" Secret." if item.secret else "")
    return f"`{item.key}`", f"`{item.environment}`", item.kind.name, default, doc


def _metrics() -> str:
    from wherry.observability.declarations import DECLARATIONS

    rows = (
        (f"`{item.name}`", item.kind.value, ", ".join(f"`{label}`" for label in item.labels), item.doc)
        for item in DECLARATIONS
    )
    made = _MADE.format(source="src/wherry/observability/declarations.py")
    table = _table(("Metric", "Kind", "Labels", "What it measures"), rows)
    return "\n".join(["# Metrics\n", made, _METRICS_INTRODUCTION, table])


def _cli() -> str:
    import typer.main

    from wherry.cli.main import build_app

    parts = ["# Command line\n", _MADE.format(source="src/wherry/cli"), _CLI_INTRODUCTION]
    parts.extend(_commands("wherry", typer.main.get_command(build_app())))
    return "\n".join(parts)


_HTTP_API_INTRODUCTION = """\
The registry speaks the OCI Distribution Specification, 1.1 and the additions of `dev`, under `/v2/`. The word
of the specification is not repeated here: this page says which routes there are, and what each of them takes.

What an actor must have: `nothing`; a `login`; `read`, `write` or `edit` on the image. Anybody has `read` on a
public repository. Today administrators have all three on every image.
"""

_ERRORS_INTRODUCTION = """\
Every error of `/v2/` is the specification's envelope, also where the specification leaves the body open:

```json
{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "acme/web has no manifest 1.4", "detail": {}}]}
```

`X-Request-Id` in the answer finds the request in the log. Answers 429, 503 and 507 say in `Retry-After` when
to try again; 507 means that the disk is full: nothing was lost, and the same push works once there is room.
"""


_CONSOLE_INTRODUCTION = """\
Pages for people, in a browser; `/` leads there. A session's cookie counts here and for the native API, never
for the registry. What changes something is taken from pages of the same origin only (`Sec-Fetch-Site`, or
`Origin` where a browser does not send that).
"""


def _http_api() -> str:
    from wherry.web.console.routes import ROUTES as CONSOLE
    from wherry.web.distribution import errors
    from wherry.web.distribution.routes import ROUTES
    from wherry.web.operations.face import ROUTES as OPERATIONS

    head = ("Request", "Must have", "What it does")
    forms: dict[tuple[str, str], set[str]] = {}
    for kind, status, code in errors._FORMS:  # noqa: SLF001
        forms.setdefault((str(status), code.value), set()).add(_in_words(kind.__name__))
    return "\n".join(
        [
            "# HTTP API\n",
            _MADE.format(source="the route tables in src/wherry/web"),
            _HTTP_API_INTRODUCTION,
            "## Registry\n",
            _table(head, map(_route_row, ROUTES)),
            "## Console\n",
            _CONSOLE_INTRODUCTION,
            _table(head, map(_route_row, CONSOLE)),
            "## Operations\n",
            _table(head, map(_route_row, OPERATIONS)),
            "## Errors\n",
            _ERRORS_INTRODUCTION,
            _table(
                ("Status", "Code", "When"),
                (
                    (status, f"`{code}`", ", ".join(sorted(when)))
                    for (status, code), when in sorted(forms.items())
                ),
            ),
        ]
    )


_SWR_INTRODUCTION = """\
Programs that manage Huawei Cloud SWR (basic edition) through `huaweicloudsdkswr` manage Wherry: same paths,
same fields, same signatures. The API is on the address of the registry; the SDK needs an access key and that
address:

```python
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkswr.v2 import ListNamespacesRequest, SwrClient

client = (
    SwrClient.new_builder()
    .with_credentials(BasicCredentials("<access key id>", "<secret access key>", "any-project-id"))
    .with_endpoint("https://registry.example.com")
    .build()
)
print(client.list_namespaces(ListNamespacesRequest()).namespaces)
```

`wherry key create` makes an access key. Each request is signed with it (SDK-HMAC-SHA256): the server's clock
and the client's are at most 15 minutes apart, and a body has at most 12 MiB. A proxy in front passes `Host`
and `User-Agent` on as they are: they are signed.

How SWR's terms are meant here:

- A namespace is an organization, a repository an image. In paths and bodies `$` stands for `/` in an image's
  name; `%2F` does too.
- `auth` 1 is read, 3 is write, 7 is edit. `user_id` is what this API shows; in its place a user's name will
  do. Robots are users here, with the name `organization+robot`; rights of teams count, and are not listed.
- An account (domain), which images are shared with, is an organization: all who have a right on it may pull.
  So `domain_id` and `domain_name` of an image are its organization's; those of the overview and of the agency
  are the signing user's. Only private images are shared.
- Where a list is narrowed by `name` or `tag`, it shows what has the text in its name, whatever its case.
- The project id is not used; `GET /v3/projects` gives every name one.
- A temporary login may what the key that asked for it may. It lives for six hours, or for the
  `duration_seconds` (900 to 86400) of the query; `create_authorization_token` makes one for 24 hours. It ends
  early with the key that asked for it, and when its user is disabled.
- There is no limit on the number of organizations: `quota_limit` is -1.
- `num_download` counts manifests of images that were fetched, those of indexes not; `downflow_size` and the
  report `downflow` count bytes of blobs, in UTC days, of the images that are still there. What one process of
  several has counted shows after 30 seconds. The report `store` has one point: now.
- Of a share that is not there, `show_access_domain` says so with `exist: false`.

The operations of the enterprise edition (`/v2/{project_id}/instances/…` and its relatives) are answered with
501 and the code `SVCSTG.SWR.5010000`, those that are not yet available with `SVCSTG.SWR.5010001`.
"""


_SWR_STATES = """\
The first column is the SDK's method. What "answers as if there were none" has the documented shape, with
nothing in it: lists are empty, and what is looked for by its id is not found.
"""


def _swr() -> str:
    from wherry.web.swr.errors import Code
    from wherry.web.swr.routes import OPERATIONS

    return "\n".join(
        [
            "# SWR API\n",
            _MADE.format(source="src/wherry/web/swr"),
            _SWR_INTRODUCTION,
            "## Operations\n",
            _SWR_STATES,
            _table(
                ("Operation", "Request", "Action", "Must have", "State"),
                (
                    (
                        f"`{operation.name}`",
                        f"`{operation.route.method} {operation.route.shown}`",
                        f"`{operation.route.action}`",
                        f"`{operation.route.action.rule.need}`",
                        operation.state.value,
                    )
                    for operation in OPERATIONS
                ),
            ),
            "## Errors\n",
            "A code has the HTTP status in its first three digits.\n",
            _table(
                ("Code", "When"),
                ((f"`{code.value}`", code.name.replace("_", " ").lower()) for code in sorted(Code)),
            ),
        ]
    )


def _api() -> str:
    from docs.api_page import api_page

    return "\n".join(["# Native API\n", _MADE.format(source="src/wherry/web/api"), api_page(_table)])


_EVENTS_INTRODUCTION = """\
What [webhooks](../how-to/webhooks.md) are told of. In a CloudEvent, `type` is `io.wherry.` and the name here,
`subject` what it happened to, `data` the fields. A new version may add fields and events.
"""


def _events() -> str:
    from wherry.app.told_events import EVENT_KINDS

    parts = ["# Events\n", _MADE.format(source="the domains' `events.py`"), _EVENTS_INTRODUCTION]
    for kind in EVENT_KINDS:
        fields = ((f"`{name}`", says) for name, says in kind.fields.items())
        parts += [f"## `{kind.name}`\n", f"{kind.says}\n", _table(("Field", "What it means"), fields)]
    return "\n".join(parts)


def _route_row(route: Any) -> tuple[str, ...]:
    return f"`{route.method} {route.shown}`", f"`{route.action.rule.need}`", _first_sentence(route.handler)


def _first_sentence(handler: Any) -> str:
    """Of the docstring, without the method that it may begin with: that is in the table already."""
    first = inspect.cleandoc(handler.__doc__ or "").split("\n\n")[0].replace("\n", " ")
    method, colon, rest = first.partition(": ")
    return rest[:1].upper() + rest[1:] if colon and method.isupper() else first


def _in_words(name: str) -> str:
    return "".join(f" {c.lower()}" if c.isupper() else c for c in name).strip()


def _commands(path: str, command: Any) -> Iterator[str]:
    inner = getattr(command, "commands", None)
    if inner:
        for name, below in inner.items():
            yield from _commands(f"{path} {name}", below)
        return
    yield f"## `{path}`\n"
    text, _, example = inspect.cleandoc(command.help or "").partition("Example: ")
    yield text.strip() + "\n"
    if example:
        yield f"```console\n$ {example.strip()}\n```\n"
    rows = [row for row in map(_parameter, command.params) if row]
    if rows:
        yield _table(("Parameter", "What it does"), iter(rows))


def _parameter(parameter: Any) -> tuple[str, str] | None:
    if parameter.name == "help":
        return None
    names = ", ".join(f"`{name}`" for name in [*parameter.opts, *parameter.secondary_opts])
    if parameter.param_type_name == "argument":
        names = f"`{parameter.metavar or parameter.name.upper()}`"
    elif parameter.metavar:
        names += f" `{parameter.metavar}`"
    return names, getattr(parameter, "help", None) or ""


def main() -> None:
    """Write every page."""
    REFERENCE.mkdir(exist_ok=True)
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
