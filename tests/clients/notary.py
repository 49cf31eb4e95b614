"""A notation with a certificate made for one test run, and a policy that trusts that certificate alone."""

from __future__ import annotations

import json
from pathlib import Path

from engines.pytest_plugin import require
from tests.clients.driving import Client

# notation keeps a password in a credential helper or not at all; this one keeps it in the client's home.
_CREDENTIAL_HELPER = """\
#!/bin/sh
kept="$HOME/kept-by-the-helper"
case "$1" in
store) cat > "$kept" ;;
get) cat "$kept" 2>/dev/null || { echo "credentials not found in native keychain"; exit 1; } ;;
erase) rm -f "$kept" ;;
list) echo "{}" ;;
esac
"""


def notation_trusting_itself(folder: Path, signer: str) -> Client:
    """notation with a key of its own, which is all that it trusts."""
    programs = folder / "programs"
    programs.mkdir()
    helper = programs / "docker-credential-kept"
    helper.write_text(_CREDENTIAL_HELPER)
    helper.chmod(0o755)
    docker_config = folder / "docker"
    docker_config.mkdir()
    (docker_config / "config.json").write_text(json.dumps({"credsStore": "kept"}))
    environment = {"DOCKER_CONFIG": str(docker_config), "PATH": f"{programs}:/usr/bin:/bin"}
    client = Client(require("notation"), folder, environment)
    client("certificate", "generate-test", "--default", signer)
    policy = {
        "name": "tests",
        "registryScopes": ["*"],
        "signatureVerification": {"level": "strict"},
        "trustStores": [f"ca:{signer}"],
        "trustedIdentities": ["*"],
    }
    (folder / "policy.json").write_text(json.dumps({"version": "1.0", "trustPolicies": [policy]}))
    client("policy", "import", folder / "policy.json")
    return client
