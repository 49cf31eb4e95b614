"""What Alembic runs to apply the versions; `wherry.migrations.upgrade` hands it the connection."""

from alembic import context

from wherry.migrations.schema import whole_metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=whole_metadata(),
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
