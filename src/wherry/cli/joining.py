"""``wherry cluster join``: what a cluster's owner applies in it, so that an agent there dials out to us."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wherry.cli.cluster_calls import sealer_of, target_of
from wherry.cli.data_folder import change, open_database
from wherry.cli.options import ConfigOption, DataOption, fail, resolve

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from wherry.clusters.joining import Invitation
    from wherry.settings import Settings

_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 (compared with, not bound to)


def join(
    name: Annotated[str, typer.Argument(metavar="CLUSTER", help="Name of the cluster.")],
    organization: Annotated[
        str | None, typer.Option("--organization", help="Whose it is; else the whole site's.")
    ] = None,
    description: Annotated[str, typer.Option("--description", help="What it is for.")] = "",
    default_secret: Annotated[
        bool, typer.Option(help="Keep a `default-secret` for pulling in every namespace.")
    ] = True,
    url: Annotated[
        str | None,
        typer.Option("--url", help="Address of this server as the cluster knows it; else the public URL."),
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option("--manifest", help="Write the manifest to this file (`-` for standard output)."),
    ] = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Register a cluster by an agent in it, which dials out: print the one command that its owner runs.

    Again for a cluster that has joined: another credential, which ends the one before once it is used.

    Example: wherry cluster join edge --organization acme
    """
    from wherry.audit.entries import Kind, Target
    from wherry.clusters.cluster import find_cluster
    from wherry.clusters.joining import Joining, begin_join, find_agent, invite_again, redeem_token
    from wherry.kit.clock import SystemClock

    settings, sealer = resolve(config=config, data=data).settings, sealer_of(data, config)
    address = (url or _address(settings)).rstrip("/")
    asked = Joining(name, organization, description, default_secret)
    with open_database(data, config) as database:
        now = SystemClock().now()

        def invite(tx: Connection) -> Invitation:
            known = find_cluster(tx, name)
            if known is None or find_agent(tx, known) is None:
                return begin_join(tx, sealer, asked, created_by=None, now=now)
            return invite_again(tx, name, now)

        made = change(
            database,
            "cluster.register",
            lambda made: target_of(made.cluster),
            invite,
            {"by": "agent"},
        )
        if manifest is None:
            typer.echo(f"kubectl apply -f {address}/join/{made.token}")
            typer.echo(
                f"Good once, until {made.expires_at:%Y-%m-%d %H:%M} UTC; whoever has it gets the agent's"
                " credential.",
                err=True,
            )
            return
        cluster, credential = change(
            database,
            "agent.join",
            lambda pair: Target(Kind.CLUSTER, pair[0].name, pair[0].organization),
            lambda tx: redeem_token(tx, made.token, now),
            {"change": "manifest written"},
        )
    _write(manifest, _manifest(settings, address, credential))
    if str(manifest) != "-":
        typer.echo(
            f"The manifest of the agent of {cluster.name} is in {manifest}: kubectl apply -f {manifest}"
        )


def _address(settings: Settings) -> str:
    if settings.public_url is not None:
        return settings.public_url
    if settings.host in _EVERYWHERE:
        fail("say by --url (or the setting public_url) at which address clusters reach this server", 2)
    shown = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{'https' if settings.tls.certificate else 'http'}://{shown}:{settings.port}"


def _manifest(settings: Settings, address: str, credential: str) -> str:
    from wherry.clusters.agent.manifest import Running, manifest
    from wherry.clusters.yaml_text import write_yaml

    authorities = settings.clusters.agent_ca
    try:
        ca = None if authorities is None else authorities.read_text()
    except OSError as error:
        fail(f"{authorities}: {error.strerror}")
    return write_yaml(*manifest(Running(address, settings.clusters.agent_image, ca), credential))


def _write(path: Path, text: str) -> None:
    if str(path) == "-":
        typer.echo(text, nl=False)
        return
    try:
        # The credential is in it.
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
    except OSError as error:
        fail(f"{path}: {error.strerror}")
