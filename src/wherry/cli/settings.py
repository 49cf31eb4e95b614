"""``wherry settings``: the effective value of every setting, and where it came from. Secrets are starred."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

from wherry.cli.options import ConfigOption, DataOption, JsonOption, SetOption, resolve
from wherry.cli.output import print_rows

if TYPE_CHECKING:
    from wherry.settings import Resolved


def show_settings(
    data: DataOption = None,
    config: ConfigOption = None,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print every setting, its value and where the value came from.

    Example: WHERRY_PORT=8080 wherry settings --set store.driver=memory
    """
    print_rows(
        effective_settings(resolve(config=config, settings=settings, data=data)),
        ["setting", "value", "from", "variable"],
        as_json=as_json,
    )


def effective_settings(resolved: Resolved) -> list[dict[str, Any]]:
    """One row for each setting, in the order of their declarations."""
    from wherry.settings import Settings, declarations

    rows = []
    for declared in declarations(Settings):
        value: object = reduce(getattr, declared.key.split("."), resolved.settings)
        rows.append(
            {
                "setting": declared.key,
                "value": declared.show_redacted(value),
                "from": str(resolved.sources[declared.key]),
                "variable": declared.environment,
                "default": declared.show_default(),
            }
        )
    return rows
