"""The migrations make exactly the tables that the program knows, from nothing and again, on both databases."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from examples import ALICE, BOB, record, reply, rows
from project_copy import ROOT
from sqlalchemy import event, inspect

from leadapi import migrations, tables
from leadapi.store import Store, open_store


@pytest.fixture
def empty(database_url: str) -> Iterator[Store]:
    """The door to a database without tables."""
    door = open_store(database_url)
    yield door
    door.close()


def config() -> Config:
    made = Config()
    made.set_main_option("script_location", str(Path(migrations.__file__).parent))
    made.set_main_option("path_separator", "os")
    return made


def downgrade(store: Store, revision: str) -> None:
    """Go back to a revision, as an operator does with alembic."""
    changed = config()
    with store.engine.execution_options(writes=True).begin() as connection:
        changed.attributes["connection"] = connection
        command.downgrade(changed, revision)


def differences(store: Store) -> list[Any]:
    """What alembic would change to come from the database to the program's tables."""
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "render_as_batch": True})
        return list(compare_metadata(context, tables.metadata))


def test_an_empty_database_gets_the_tables_of_the_program(empty: Store) -> None:
    """After `migrate` nothing is missing, nothing is too much, and what is stored comes back."""
    assert differences(empty)
    assert not migrations.current(empty.engine)
    migrations.upgrade(empty.engine)
    assert differences(empty) == []
    assert migrations.current(empty.engine)
    record(empty, ALICE)
    reply(empty, BOB)
    assert [(row.email, row.created_at) for row in rows(empty, tables.leads)] == [(ALICE.address, ALICE.now)]
    assert [row.body for row in rows(empty, tables.comments)] == [BOB.body]


def test_the_program_knows_its_newest_revision() -> None:
    """What a start compares with is what the last migration leads to."""
    assert ScriptDirectory.from_config(config()).get_current_head() == migrations.NEWEST


def test_a_second_migration_changes_nothing(empty: Store) -> None:
    """The same command again leaves tables and rows as they are."""
    migrations.upgrade(empty.engine)
    record(empty, ALICE)
    migrations.upgrade(empty.engine)
    assert differences(empty) == []
    assert len(rows(empty, tables.leads)) == 1


def test_each_step_can_be_gone_back_and_forth(empty: Store) -> None:
    """Every revision can be left and entered again; leads stay; before the first one nothing is left."""
    migrations.upgrade(empty.engine)
    record(empty, ALICE)
    steps = [step.revision for step in ScriptDirectory.from_config(config()).walk_revisions()]
    for older in steps[1:]:
        downgrade(empty, older)
        assert not migrations.current(empty.engine)
        assert differences(empty)
        with empty.engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM leads").scalar() == 1
    migrations.upgrade(empty.engine)
    assert differences(empty) == []
    downgrade(empty, "base")
    assert inspect(empty.engine).get_table_names() == ["alembic_version"]
    migrations.upgrade(empty.engine)
    assert differences(empty) == []


def test_a_step_that_fails_leaves_the_database_as_it_was(empty: Store) -> None:
    """All steps are one transaction: after a fault in the last one there is no half-made database."""

    def fail(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if "CREATE TABLE sessions" in statement:
            raise ConnectionError("the cable was pulled")

    event.listen(empty.engine, "before_cursor_execute", fail)
    with pytest.raises(ConnectionError):
        migrations.upgrade(empty.engine)
    event.remove(empty.engine, "before_cursor_execute", fail)
    assert inspect(empty.engine).get_table_names() == []
    migrations.upgrade(empty.engine)
    assert differences(empty) == []


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_migration_takes_the_time_it_needs(empty: Store) -> None:
    """The few seconds that a request may ask the database are no limit for a change to a large table."""
    limits = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if "CREATE TABLE" in statement:
            limits.append(cursor.connection.execute("SHOW statement_timeout").fetchone()[0])

    event.listen(empty.engine, "after_cursor_execute", note)
    migrations.upgrade(empty.engine)
    event.remove(empty.engine, "after_cursor_execute", note)
    assert set(limits) == {"0"}
    with empty.engine.connect() as connection:
        assert connection.exec_driver_sql("SHOW statement_timeout").scalar() == "5s"


def test_no_start_in_production_migrates() -> None:
    """The units that start the service leave the tables to the operator, who makes a backup first."""
    for path in (ROOT / "deploy").iterdir():
        commands = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
        assert not any("leadapi migrate" in line for line in commands), path.name
