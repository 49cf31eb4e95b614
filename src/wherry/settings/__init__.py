"""Settings: one frozen tree, from flags, environment, TOML file and defaults.

Read by the app and the command line only. ``load_settings(...)`` resolves it; a test builds what it needs:
``Settings(data=tmp_path, store=StoreSettings(driver=StoreDriver.MEMORY))``.
"""

from wherry.settings.declaration import Declaration, declarations
from wherry.settings.errors import SettingsError
from wherry.settings.load import Origin, Resolved, Source, load_settings
from wherry.settings.tree import (
    AuthSettings,
    Challenge,
    LimitSettings,
    LogFormat,
    LogLevel,
    LogSettings,
    OidcSettings,
    Settings,
    SparseManifests,
    StoreDriver,
    StoreSettings,
    TlsSettings,
    UploadSettings,
)

__all__ = [
    "AuthSettings",
    "Challenge",
    "Declaration",
    "LimitSettings",
    "LogFormat",
    "LogLevel",
    "LogSettings",
    "OidcSettings",
    "Origin",
    "Resolved",
    "Settings",
    "SettingsError",
    "Source",
    "SparseManifests",
    "StoreDriver",
    "StoreSettings",
    "TlsSettings",
    "UploadSettings",
    "declarations",
    "load_settings",
]
