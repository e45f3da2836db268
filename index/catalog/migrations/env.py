"""Alembic's entry: migrates over the connection that `Database` hands in."""

from alembic import context

from index.catalog.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
