"""Run by alembic: hands it the connection that migrations.upgrade has opened."""

from alembic import context

from leadapi.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a table by making it anew
)
with context.begin_transaction():
    context.run_migrations()
