"""Ids that nobody can guess and every log line can carry."""

import secrets


def new_id() -> str:
    """128 random bits as 32 lowercase hexadecimal digits."""
    return secrets.token_hex(16)
