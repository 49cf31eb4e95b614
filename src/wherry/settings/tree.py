"""The settings tree: every setting of Wherry, declared once.

A setting added here is at once a flag, an environment variable, a TOML key and a row of
docs/reference/settings.md (`make docs` writes the page). Rules that tie settings together are in ``rules``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from wherry.settings.declaration import setting
from wherry.settings.kinds import (
    DURATION,
    FLAG,
    NETWORKS,
    PATH,
    SECRET,
    SIZE,
    TEXT,
    Network,
    choice,
    integer,
    url_with,
)

KIB = 1 << 10
MIB = 1 << 20


class SparseManifests(StrEnum):
    DENY = "deny"
    ALLOW = "allow"


class MailTls(StrEnum):
    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class LogFormat(StrEnum):
    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class StoreDriver(StrEnum):
    FILESYSTEM = "filesystem"
    MEMORY = "memory"
    S3 = "s3"
    GCS = "gcs"
    AZURE = "azure"


class Challenge(StrEnum):
    BEARER = "bearer"
    BASIC = "basic"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """Where the bytes of blobs are kept."""

    driver: StoreDriver = setting(
        choice(StoreDriver),
        StoreDriver.FILESYSTEM,
        "What keeps the bytes of blobs: `filesystem` in the data folder, `memory` until the server ends.",
    )
    url: str | None = setting(
        url_with("s3", "gs", "az", "azure", "file"),
        None,
        "Bucket or container, and a prefix in it: `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix`.",
    )
    endpoint: str | None = setting(
        url_with("http", "https"),
        None,
        "Address of an object store that is not the cloud's own, such as MinIO or Ceph.",
    )
    region: str | None = setting(TEXT, None, "Region of the bucket.")
    access_key_id: str | None = setting(
        TEXT, None, "Access key of the object store; for Azure the name of the account.",
        default_text="the cloud's own credentials",
    )  # fmt: skip
    secret_access_key: str | None = setting(
        SECRET, None, "Secret that belongs to the access key.", secret=True,
        default_text="the cloud's own credentials",
    )  # fmt: skip
    redirect: bool = setting(
        FLAG, False, "Answer blob downloads with a redirect to a presigned URL instead of streaming them."
    )
    redirect_expires: timedelta = setting(
        DURATION, timedelta(minutes=20), "How long a presigned URL can be used."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """HTTPS on the listener itself. Both settings, or neither."""

    certificate: Path | None = setting(
        PATH, None, "PEM file with the certificate and the chain below it; turns HTTPS on."
    )
    key: Path | None = setting(PATH, None, "PEM file with the private key, without a passphrase.")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthSettings:
    """How clients log in."""

    challenge: Challenge = setting(
        choice(Challenge),
        Challenge.BEARER,
        "What an answer 401 asks for; both kinds are always accepted. `basic` is for clients without tokens.",
    )
    token_lifetime: timedelta = setting(
        DURATION, timedelta(minutes=5), "How long a token of the token endpoint can be used."
    )
    login_attempts: int = setting(
        integer(1, 1_000_000),
        20,
        "Failed logins of one name, or from one address, within the window after which more are refused.",
    )
    login_window: timedelta = setting(
        DURATION, timedelta(minutes=1), "The window that failed logins are counted in."
    )
    temporary_login: timedelta = setting(
        DURATION,
        timedelta(hours=6),
        "How long a temporary login is good for, unless it is asked for otherwise: 15 minutes to 24 hours.",
    )
    session_lifetime: timedelta = setting(
        DURATION, timedelta(hours=12), "How long a browser stays signed in at the most."
    )
    session_idle: timedelta = setting(
        DURATION, timedelta(hours=1), "How long a browser stays signed in while nothing comes of it."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcSettings:
    """Signing in through an OpenID Connect provider: offered as soon as `oidc.issuer` is set."""

    issuer: str | None = setting(
        url_with("https", "http"), None, "The provider, as it names itself in its discovery document."
    )
    client_id: str | None = setting(TEXT, None, "The name that Wherry is registered under there.")
    client_secret: str | None = setting(
        SECRET,
        None,
        "The secret that it is registered with.",
        secret=True,
        default_text="none: Wherry is a public client, and PKCE alone protects the code",
    )
    scopes: str = setting(
        TEXT,
        "openid profile email",
        "What is asked for; many providers put groups into a token only if `groups` is asked for too.",
    )
    name_claim: str = setting(
        TEXT, "preferred_username", "The claim that names a new user; where it is absent, `email`."
    )
    groups_claim: str = setting(TEXT, "groups", "The claim that lists a person's groups.")
    create_users: bool = setting(
        FLAG,
        True,
        "Whether somebody who signs in for the first time becomes a user; else only who is linked.",
    )
    admin_group: str | None = setting(
        TEXT, None, "Members of this group are administrators for as long as they are in it."
    )
    auditor_group: str | None = setting(
        TEXT, None, "Members of this group are auditors for as long as they are in it."
    )
    label: str = setting(TEXT, "Single sign-on", "What the button on the sign-in page says.")


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSettings:
    """What one request may ask for."""

    manifest_bytes: int = setting(
        SIZE,
        4 * MIB + 64 * KIB,
        "Largest manifest that is accepted (the least that the specification asks for is 4MiB).",
    )
    page_size: int = setting(
        integer(1, 100_000),
        1000,
        "Most entries on one page of tags, repositories or referrers; a larger `n` gets this many.",
    )
    json_depth: int = setting(integer(8, 1000), 64, "Deepest nesting of objects and lists in a manifest.")
    tags_per_put: int = setting(integer(1, 10_000), 100, "Most tags that one manifest push can set.")
    header_timeout: timedelta = setting(
        DURATION, timedelta(seconds=30), "How long a client may take to send the head of a request."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadSettings:
    """Blob uploads in flight."""

    idle_timeout: timedelta = setting(
        DURATION,
        timedelta(seconds=60),
        "A request whose body stands still for this long is ended; its upload can be resumed.",
    )
    expiry: timedelta = setting(
        DURATION,
        timedelta(hours=24),
        "An upload that nobody has continued for this long is forgotten, with its bytes.",
    )
    max_bytes: int | None = setting(SIZE, None, "Largest blob that is accepted.", default_text="no limit")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSettings:
    """Clusters that are registered here."""

    allowed_networks: tuple[Network, ...] = setting(
        NETWORKS,
        (),
        "Networks that clusters, webhooks and Git servers may be in although their addresses are this"
        " machine's own or link-local.",
        default_text="none",
    )
    agent_image: str = setting(
        TEXT,
        "docker.io/library/python:3.13-alpine",
        "Image that agents of joining clusters run in: any with Python 3.9 or newer as `python3`.",
    )
    agent_ca: Path | None = setting(
        PATH,
        None,
        "PEM file with the CAs that agents trust this server by.",
        default_text="those that their image has",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSettings:
    """Mail that webhooks send: offered as soon as `mail.host` is set."""

    host: str | None = setting(TEXT, None, "The server that takes the mail.")
    port: int = setting(integer(1, 65_535), 587, "Its port.")
    sender: str = setting(TEXT, "wherry@localhost", "Whom mail is from.")
    user: str | None = setting(TEXT, None, "The name to log in with there.")
    password: str | None = setting(SECRET, None, "The password to log in with there.", secret=True)
    tls: MailTls = setting(
        choice(MailTls),
        MailTls.STARTTLS,
        "How the connection is protected: after its start, from its first byte on, or not at all.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSettings:
    """Work that is done after a change: deliveries, roll-outs, webhooks, what a clock starts."""

    room: int = setting(
        integer(1, 10_000), 32, "Jobs of one kind that run at once in each server process; others wait."
    )
    lease: timedelta = setting(
        DURATION,
        timedelta(seconds=10),
        "A job whose process says nothing for this long is run anew; clocks of replicas agree better.",
    )
    keep_finished: timedelta = setting(
        DURATION, timedelta(days=7), "How long jobs that have ended stay in the list."
    )
    keep_events: timedelta = setting(
        DURATION, timedelta(days=7), "How long events stay after all have reacted to them."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """Logs, which go to standard error."""

    format: LogFormat = setting(
        choice(LogFormat), LogFormat.TEXT, "`text` for people, `json` for one object a line."
    )
    level: LogLevel = setting(choice(LogLevel), LogLevel.INFO, "The least severe message that is written.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The whole tree, frozen. Code reads it in the composition root and the command line only."""

    data: Path = setting(
        PATH, Path("data"), "Data folder: database, blobs, keys. Made if it is not there.",
        default_text="./data",
    )  # fmt: skip
    host: str = setting(TEXT, "127.0.0.1", "Address to listen on; `0.0.0.0` or `::` for all.")
    port: int = setting(integer(1, 65535), 5000, "Port to listen on.")
    workers: int = setting(
        integer(1, 256), 1, "Server processes that share the listener and the data folder."
    )
    admin_password: str | None = setting(
        SECRET,
        None,
        "Password of the first user, `admin`, read at the first start only.",
        secret=True,
        default_text="generated, printed once, kept in `DIR/admin-password`",
    )
    master_key: str | None = setting(
        SECRET,
        None,
        "Key that seals secrets in the database; the same one for all replicas. 32 bytes in URL-safe base64.",
        secret=True,
        default_text="made at the first start, kept in `DIR/master.key`",
    )
    database_url: str | None = setting(
        url_with("sqlite", "postgresql"),
        None,
        "Database for everything but the bytes: `postgresql://user:password@host/name` for several replicas.",
        default_text="SQLite at `DIR/wherry.db`",
    )
    public_url: str | None = setting(
        url_with("http", "https"),
        None,
        "Address that clients use where a proxy stands in front: for `Location` and the token endpoint.",
        default_text="what the request says",
    )
    trusted_proxies: tuple[Network, ...] = setting(
        NETWORKS,
        (),
        "Proxies whose `X-Forwarded-For`, `-Proto` and `-Host` are believed.",
        default_text="none",
    )
    sparse_manifests: SparseManifests = setting(
        choice(SparseManifests),
        SparseManifests.DENY,
        "Whether a manifest may name parts that are not there, as in mirrors of some platforms only.",
    )
    shutdown_grace: timedelta = setting(
        DURATION, timedelta(seconds=30), "How long transfers may go on after SIGTERM before they are cut."
    )
    store: StoreSettings = field(default_factory=StoreSettings)
    tls: TlsSettings = field(default_factory=TlsSettings)
    auth: AuthSettings = field(default_factory=AuthSettings)
    oidc: OidcSettings = field(default_factory=OidcSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    uploads: UploadSettings = field(default_factory=UploadSettings)
    clusters: ClusterSettings = field(default_factory=ClusterSettings)
    mail: MailSettings = field(default_factory=MailSettings)
    jobs: JobSettings = field(default_factory=JobSettings)
    log: LogSettings = field(default_factory=LogSettings)

    @property
    def effective_database_url(self) -> str:
        """``database_url``, or else the SQLite file in the data folder."""
        return self.database_url or f"sqlite:///{self.data.absolute() / 'wherry.db'}"
