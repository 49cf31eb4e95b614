"""``wherry db``: the schema of the database."""

from __future__ import annotations

import typer

from wherry.cli.data_folder import require_database
from wherry.cli.options import ConfigOption, DataOption, JsonOption, fail, resolve
from wherry.cli.output import print_record

schema = typer.Typer(no_args_is_help=True, help="The schema of the database.")


@schema.command()
def status(data: DataOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Print where the database is and whether its schema is the one that this version works with.

    Example: wherry db status --data /srv/wherry
    """
    settings = resolve(config=config, data=data).settings
    require_database(settings)
    from wherry.db.database import Database
    from wherry.db.errors import DatabaseError
    from wherry.migrations.upgrade import HEAD, current_version
    from wherry.settings.kinds import without_password

    try:
        database = Database(settings.effective_database_url)
        try:
            version = database.read_now(current_version)
        finally:
            database.close()
    except DatabaseError as error:
        fail(str(error))
    print_record(
        {
            "database": without_password(settings.effective_database_url),
            "version": version,
            "needed": HEAD,
            "up_to_date": version == HEAD,
        },
        as_json=as_json,
    )


@schema.command()
def upgrade(data: DataOption = None, config: ConfigOption = None) -> None:
    """Bring the schema to the one that this version works with; `wherry serve` does it too when it starts.

    Example: wherry db upgrade --data /srv/wherry
    """
    settings = resolve(config=config, data=data).settings
    from wherry.db.errors import DatabaseError
    from wherry.migrations.upgrade import SchemaTooNew
    from wherry.migrations.upgrade import upgrade as upgrade_schema

    if settings.database_url is None:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        version = upgrade_schema(settings.effective_database_url)
    except (DatabaseError, SchemaTooNew) as error:
        fail(str(error))
    typer.echo(f"The schema is at version {version}.")
