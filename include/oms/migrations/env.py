"""Alembic's entry point: runs our numbered SQL files in one transaction each."""

from alembic import context
from sqlalchemy import create_engine, text

from oms.database import sqlalchemy_url

engine = create_engine(sqlalchemy_url(context.config.attributes["dsn"]))
with engine.connect() as connection:
    connection.execute(text("create schema if not exists oms"))
    connection.commit()
    context.configure(connection=connection, version_table_schema="oms", transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
