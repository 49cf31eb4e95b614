"""All tables of all domains together."""

from sqlalchemy import MetaData


def whole_metadata() -> MetaData:
    """The metadata after every domain has declared its tables on it."""
    from wherry.access import tables as _access
    from wherry.audit import tables as _audit
    from wherry.clusters import tables as _clusters
    from wherry.clusters.agent import tables as _agents
    from wherry.clusters.federations import tables as _fleets
    from wherry.db import idempotent_requests as _idempotent
    from wherry.db.metadata import metadata
    from wherry.events import tables as _events
    from wherry.identity import tables as _identity
    from wherry.jobs import tables as _jobs
    from wherry.registry import tables as _registry
    from wherry.triggers import tables as _triggers
    from wherry.webhooks import tables as _webhooks

    del (
        _clusters,
        _agents,
        _fleets,
        _access,
        _audit,
        _idempotent,
        _events,
        _jobs,
        _identity,
        _registry,
        _triggers,
        _webhooks,
    )
    return metadata
