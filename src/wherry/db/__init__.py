"""The database: one transaction per request, a narrow reader for the pull path. Knows no domain."""
