"""``wherry trigger create``: by options, or from a file with the document of the API."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wherry.cli.cluster_calls import sealer_of
from wherry.cli.options import ConfigOption, DataOption, fail
from wherry.cli.server import ApiCall, ServerOption
from wherry.cli.trigger_calls import AsOption, ImageArgument, Triggers

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from wherry.access.decisions import Actor
    from wherry.oci.names import RepositoryName
    from wherry.web.api.trigger_documents import WantedTrigger

Texts = list[str] | None


def create(
    image: ImageArgument,
    name: Annotated[str | None, typer.Argument(metavar="[TRIGGER]", help="Its name; or --file.")] = None,
    every: Annotated[bool, typer.Option("--all", help="For every tag.")] = False,
    tag: Annotated[Texts, typer.Option("--tag", help="For this tag; may be given several times.")] = None,
    regex: Annotated[str | None, typer.Option("--regex", help="For tags that RE2 matches whole.")] = None,
    glob: Annotated[str | None, typer.Option("--glob", help="For tags such as nightly-*.")] = None,
    semver: Annotated[str | None, typer.Option("--semver", help="For versions of this range: ~1.4.")] = None,
    platform: Annotated[
        str | None,
        typer.Option("--platform", help="Such as linux/amd64: what is pushed for another is skipped."),
    ] = None,
    cluster: Annotated[Texts, typer.Option("--cluster", help="In this cluster; may be given often.")] = None,
    wave: Annotated[
        Texts, typer.Option("--wave", metavar="A,B", help="Clusters of one wave; given once for each wave.")
    ] = None,
    fleet: Annotated[str | None, typer.Option("--fleet", help="In the clusters of this fleet.")] = None,
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="Namespace.")] = "default",
    workload: Annotated[
        str | None, typer.Option("--workload", metavar="[KIND/]NAME", help="Such as Deployment/web.")
    ] = None,
    selector: Annotated[
        str | None, typer.Option("--selector", metavar="[KIND/]LABELS", help="Such as app=web.")
    ] = None,
    container: Annotated[Texts, typer.Option("--container", help="Only this container.")] = None,
    with_init: Annotated[bool, typer.Option("--with-init", help="Init containers too.")] = False,
    approval: Annotated[bool, typer.Option("--approval", help="Wait for somebody's approval.")] = False,
    window: Annotated[
        Texts,
        typer.Option("--window", metavar="'mon,tue 09:00-17:00 ZONE'", help="Only in these hours."),
    ] = None,
    delay: Annotated[int, typer.Option("--delay", min=0, help="Seconds to wait first.")] = 0,
    deadline: Annotated[int, typer.Option("--deadline", min=1, help="Seconds a roll-out may take.")] = 600,
    git_url: Annotated[str | None, typer.Option("--git-url", help="Commit there instead.")] = None,
    git_branch: Annotated[str, typer.Option("--git-branch", help="What is edited.")] = "main",
    git_push_branch: Annotated[str | None, typer.Option("--git-push-branch", help="Else that.")] = None,
    git_user: Annotated[str | None, typer.Option("--git-user", help="User at the Git server.")] = None,
    password_stdin: Annotated[
        bool, typer.Option("--git-password-stdin", help="Read the password from standard input.")
    ] = False,
    kustomize: Annotated[
        Texts, typer.Option("--kustomize", metavar="PATH=NAME", help="A file, and the name in `images:`.")
    ] = None,
    helm: Annotated[
        Texts, typer.Option("--helm", metavar="PATH=VALUE", help="A values file, and the tag's path in it.")
    ] = None,
    marker: Annotated[
        Texts, typer.Option("--marker", metavar="PATH=WORD", help="A file, and the word behind # wherry:.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="The API's document, in YAML or JSON; - is stdin.")
    ] = None,
    user: AsOption = None,
    server: ServerOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Make a trigger: when a tag is pushed, these workloads are updated.

    Example: wherry trigger create acme/web prod --semver '~1.4' --cluster berlin -n shop --workload web
    """
    of = Triggers(image, server, data, config, user)
    if file is not None:
        document = _read(file)
        if name is not None:
            document["name"] = name
    else:
        git: dict[str, Any] | None = None
        if git_url is not None:
            git = {"url": git_url, "branch": git_branch, "push_branch": git_push_branch, "user": git_user}
            git |= {"password": sys.stdin.read().strip() or None} if password_stdin else {}
            git |= {"edits": _edits(kustomize, helm, marker)}
        target = {"git": git} if git else _target(namespace, workload, selector, cluster, wave, fleet)
        if git is None:
            target |= {"containers": container or [], "with_init": with_init}
        options = {"approval": approval, "delay": delay, "deadline": deadline}
        document = {
            "name": name or "",
            "condition": _condition(every, tag, regex, glob, semver),
            "target": target,
            "options": options | {"windows": [_window(text) for text in window or ()]},
            "platform": platform,
        }
    _make(of, _checked(document))


def _make(of: Triggers, body: WantedTrigger) -> None:
    from wherry.triggers.conditions import Condition
    from wherry.triggers.manage import create_trigger
    from wherry.web.api.trigger_documents import wanted_of

    def work(tx: Connection, actor: Actor, image: RepositoryName, now: datetime) -> str:
        return create_trigger(tx, actor, image, wanted_of(body, sealer_of(of.data, of.config)), now).owner

    owner = of.change(
        ApiCall("POST", ("triggers",), body.model_dump(mode="json", exclude_unset=True)),
        work,
        {"trigger": body.name},
        lambda made: str(made["owner"]),
    )
    condition = Condition(body.condition.kind, body.condition.text)
    typer.echo(f"{of.image} has the trigger {body.name} now, for {condition}; it acts as {owner}.")


def _checked(document: dict[str, Any]) -> WantedTrigger:
    from pydantic import ValidationError

    from wherry.web.api.trigger_documents import WantedTrigger

    try:
        return WantedTrigger.model_validate(document)
    except ValidationError as error:
        fail("; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()), 2)


def _read(file: Path) -> dict[str, Any]:
    from wherry.clusters.yaml_text import InvalidYaml, read_yaml

    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
        document = read_yaml(text)
    except (OSError, UnicodeDecodeError, InvalidYaml) as error:
        fail(f"{file}: {error}", 2)
    if not isinstance(document, dict):
        fail(f"{file}: this is no trigger", 2)
    return document


def _condition(
    every: bool, tags: Texts, regex: str | None, glob: str | None, semver: str | None
) -> dict[str, str]:
    given = {"regex": regex, "glob": glob, "semver": semver, "tag": ";".join(tags) if tags else None}
    found = [{"kind": kind, "text": text} for kind, text in given.items() if text is not None]
    found += [{"kind": "all", "text": ""}] if every else []
    if len(found) != 1:
        fail("one of --all, --tag, --regex, --glob and --semver says for which tags it is", 2)
    return found[0]


def _target(
    namespace: str,
    workload: str | None,
    selector: str | None,
    clusters: Texts,
    waves: Texts,
    fleet: str | None,
) -> dict[str, Any]:
    if clusters and waves:
        fail("clusters are given by --cluster or by --wave, not both", 2)
    # A label may have a slash, as in app.kubernetes.io/name=web; kinds of workloads have no dot.
    before, slash, rest = (workload or selector or "").partition("/")
    has_kind = slash and before.isalpha() and "=" not in before
    parted = [wave.split(",") for wave in waves or ()] or ([clusters] if clusters else [])
    chosen = rest if has_kind else workload or selector
    target = {"namespace": namespace, "waves": parted, "fleet": fleet}
    target |= {"name": chosen} if workload else {"selector": chosen}
    return target | ({"kind": before} if has_kind else {})


def _window(text: str) -> dict[str, Any]:
    days, _, rest = text.partition(" ")
    hours, _, zone = rest.partition(" ")
    start, dash, end = hours.partition("-")
    if not dash:
        fail(f"--window {text!r}: such as 'mon,tue 09:00-17:00 Europe/Berlin'", 2)
    return {"days": days.split(","), "start": start, "end": end, "zone": zone or "UTC"}


def _edits(kustomize: Texts, helm: Texts, marker: Texts) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for kind, texts in (("kustomize", kustomize), ("helm", helm), ("marker", marker)):
        for text in texts or ():
            path, equals, what = text.partition("=")
            if not equals:
                fail(f"--{kind} {text!r}: such as PATH=NAME", 2)
            edit: dict[str, Any] = {"kind": kind, "path": path}
            made.append(
                edit | ({"places": [{"part": "tag", "path": what}]} if kind == "helm" else {"image": what})
            )
    return made
