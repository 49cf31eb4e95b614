"""The native API under `/api/v1`: resources as JSON, problems as problem+json, described by OpenAPI 3.1."""
