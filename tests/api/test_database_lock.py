"""SQLite keeps to one serving process: commands that write wait for their turn, those that read run beside it."""

import os
import signal
from pathlib import Path

import pytest
from commands import SERVE, Place, ask, opened, press, serving, with_tables
from examples import ALICE, record, rows

from leadapi import tables

TAKEN = (
    "LEADAPI_DATABASE_URL: another process serves or migrates this database. "
    "Stop the service first, or use PostgreSQL for several."
)
NOTE = "Note: the database is in use, as by a running service; whether it can be written was not tried."


@pytest.mark.parametrize("command", [SERVE, ("migrate",)], ids=["serve", "migrate"])
@pytest.mark.parametrize("development", [False, True], ids=["production", "development"])
def test_what_writes_does_not_run_beside_a_service(
    ready: Place, command: tuple[str, ...], development: bool
) -> None:
    """A second server and a migration leave with one sentence that names the mend, and the first serves on."""
    with serving(ready) as service:
        second = ready.run(*command, ENV="development" if development else "production")
        assert (second.code, second.err.splitlines()) == (1, [TAKEN])
        assert b" 202 " in ask(service.port, press({"email": "alice@example.com", "name": "Alice"}))


def test_another_name_of_the_file_is_the_same_database(ready: Place) -> None:
    """A link to the file, or to its folder, is no way around."""
    (ready.folder / "link").symlink_to(ready.folder / "db.sqlite3")
    (ready.folder / "folder").symlink_to(ready.folder)
    with serving(ready):
        for name in ("link", "folder/db.sqlite3", "site/../db.sqlite3"):
            assert ready.run("migrate", DATABASE_URL=f"sqlite:///{name}").err.splitlines() == [TAKEN]


def test_what_reads_runs_beside_a_service(ready: Place) -> None:
    """The export and the doctor need no stop; the doctor writes nothing then, and says so."""
    with opened(ready) as store:
        record(store, ALICE)
    with serving(ready):
        assert ALICE.address in ready.run("export-leads").out
        doctor = ready.run("doctor")
    assert (doctor.code, doctor.out.splitlines()[0]) == (0, NOTE)
    assert doctor.out.splitlines()[-1] == "Nothing keeps the service from starting."


def test_the_doctor_tries_to_write_where_nobody_serves(ready: Place) -> None:
    """After a service has ended its database is examined whole again, and no file is made for that."""
    before = set(ready.folder.iterdir())
    assert NOTE not in ready.run("doctor").out
    assert {path.name for path in set(ready.folder.iterdir()) - before} == set()
    with serving(ready):
        pass
    assert NOTE not in ready.run("doctor").out


def test_a_killed_service_leaves_no_lock(ready: Place) -> None:
    """After kill -9 the next one starts at once."""
    with serving(ready) as service:
        os.kill(service.process.pid, signal.SIGKILL)
        service.process.wait()
        with serving(ready) as next_one:
            assert next_one.stop().code == 0
    assert ready.run("migrate").code == 0


def test_postgresql_takes_as_many_as_come(tmp_path: Path, postgresql_database: str) -> None:
    """A second server and a migration run beside the first."""
    place = Place(tmp_path, postgresql_database)
    with_tables(postgresql_database)
    with serving(place), serving(place) as second:
        assert place.run("migrate").code == 0
        assert b" 202 " in ask(second.port, press({"email": "alice@example.com", "name": "Alice"}))
    assert list(tmp_path.glob("*.lock")) == []


def test_the_doctor_counts_the_letters_that_nobody_got(ready: Place) -> None:
    """Letters that were given up are a warning with their number and the first one's time."""
    with opened(ready) as store:
        record(store, ALICE)
        assert len(rows(store, tables.outbox)) == 1
        given_up = tables.outbox.update().values(dead_at=ALICE.now)
        store.write_now(lambda connection, _: connection.execute(given_up), None)
    doctor = ready.run("doctor")
    assert doctor.code == 0
    assert (
        "Warning: LEADAPI_MAIL_URL: 1 letter could not be delivered since March 1, 2026, 09:30 UTC. "
        "`python -m leadapi dead-letters` says why, and sends them again."
    ) in doctor.out.splitlines()
