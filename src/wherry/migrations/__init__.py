"""The schema's history, from the first table on (Alembic)."""
