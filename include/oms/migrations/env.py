"""Alembic's entry point: the numbered migrations, or all tables at once, then functions and views.

All of it is one transaction: a database is at the state of one release or at that of another.
"""

from alembic import context
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from oms import locks, schema
from oms.database import sqlalchemy_url

engine = create_engine(sqlalchemy_url(context.config.attributes["dsn"]))
script = ScriptDirectory.from_config(context.config)
known = [one.revision for one in script.walk_revisions()]
with engine.begin() as connection:
    database = connection.connection.dbapi_connection
    locks.hold(database, locks.SCHEMA.of())
    connection.execute(text("create schema if not exists oms"))
    context.configure(connection=connection, version_table_schema="oms")
    revision = context.get_context().get_current_revision()
    if revision is None:
        schema.create_tables(database)
        context.get_context().stamp(script, "head")
    elif revision not in known:
        raise schema.SchemaUnknown(revision, known)
    else:
        context.run_migrations()
    schema.bring_up_to_date(database)
engine.dispose()
