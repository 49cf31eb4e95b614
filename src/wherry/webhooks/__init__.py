"""Webhooks: what happened here is told to others, and what happened elsewhere is heard."""
