"""The command line as an operator meets it: real processes, one sentence for each mistake, and an exit code."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from commands import COMMAND, SERVE, Ended, Place, ask, opened, press, serving, with_tables
from examples import ALICE, record
from project_copy import ROOT, clean_environment
from sqlalchemy import text

from leadapi.store import open_store


@pytest.mark.parametrize(
    "arguments",
    [
        ("migrate",),
        ("doctor",),
        ("export-leads",),
        ("dead-letters",),
        ("bounces", "--secret"),
        ("webhooks", "list"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_each_command_runs_as_the_documents_name_it(ready: Place, arguments: tuple[str, ...]) -> None:
    """`python -m leadapi`, with nothing read before, does what it does in the other tests."""
    afresh, forked = (ready.run(*arguments, afresh=afresh) for afresh in (True, False))
    assert (afresh.code, afresh.out, afresh.err) == (forked.code, forked.out, forked.err)
    assert afresh.code == 0


def test_a_weak_start_is_refused_with_every_reason(ready: Place) -> None:
    """Each weak secret and each missing thing keeps `serve` from starting, is named, and no secret is printed."""
    weak = [
        {"SECRET_KEYS": ("", "is not set")},
        {"SECRET_KEYS": ("k7Gw2" * 10, "repeats")},
        {"HASH_KEY": ("change-me-change-me-k7Gw2-please-now", "can be guessed")},
        {"SECRET_KEYS": ("k7Gw2", "is shorter"), "SITE_URL": ("http://blog.example.com", "is not https")},
        {"SITE_DIR": ("nowhere", "no site"), "ENV": ("prod", "'production' or 'development'")},
    ]
    started = [ready.start(*SERVE, **{name: value for name, (value, _) in faults.items()}) for faults in weak]
    for faults, process in zip(weak, started, strict=True):
        ended = Ended(process)
        assert ended.code == 1, faults
        said = [line for line in ended.lines() if line.startswith("LEADAPI_")]
        assert len(said) == len(faults)
        for name, (_, told) in faults.items():
            assert any(line.startswith(f"LEADAPI_{name}: ") and told in line for line in said), said
        assert "was not started" in ended.err
        assert "k7Gw2" not in ended.out + ended.err


def test_a_start_without_a_good_database_is_refused(place: Place) -> None:
    """No database, one without tables, what is none, and a place that takes no file: each is one sentence."""
    folder = place.folder
    open_store(f"sqlite:///{folder}/empty").close()
    (folder / "empty").touch()
    (folder / "text").write_text("This is no database at all.\n" * 1_000)
    (folder / "folder").mkdir()
    wrong = {
        f"sqlite:///{folder}/none": "Run: python -m leadapi migrate",
        f"sqlite:///{folder}/empty": "Run: python -m leadapi migrate",
        f"sqlite:///{folder}/text": "not a database",
        f"sqlite:///{folder}/folder": "unable to open",
        f"sqlite:///{folder}/text/db": "no database",
        "postgresql://alice:k7Gw2@127.0.0.1:1/blog": "refused",
    }
    started = [(told, place.start(*SERVE, DATABASE_URL=url)) for url, told in wrong.items()]
    for told, process in started:
        ended = Ended(process)
        assert ended.code == 1, told
        [line] = [line for line in ended.lines() if line.startswith("LEADAPI_DATABASE_URL: ")]
        assert told in line
        assert "k7Gw2" not in line
    assert not (folder / "none").exists()


def test_a_database_of_a_newer_version_is_left_alone(ready: Place) -> None:
    """Tables that this program does not know are neither used nor changed."""
    with opened(ready) as store:
        newer = text("UPDATE alembic_version SET version_num = 'newer'")
        store.write_now(lambda connection, _: connection.execute(newer), None)
    assert ready.run(*SERVE).code == 1
    ended = ready.run("migrate")
    assert ended.code == 1
    assert "newer version" in ended.err


def test_a_trial_may_start_with_warnings(ready: Place) -> None:
    """A loopback address without TLS and letters in files are told and do not keep the service from starting."""
    with serving(ready, SITE_URL="http://127.0.0.1:8000", afresh=True) as service:
        ended = service.stop()
    assert ended.code == 0
    warnings = [line.split(": ")[1] for line in ended.lines() if line.startswith("Warning")]
    assert warnings == ["LEADAPI_SITE_URL", "LEADAPI_MAIL_URL"]


def test_the_doctor_says_everything_at_once(place: Place) -> None:
    """What cannot be read, what is missing, what is weak, and the database: all in one go, exit code 1."""
    wrong = {
        "ENV": "prod",
        "SECRET_KEYS": "short",
        "HASH_KEY": "",
        "SITE_URL": "",
        "SITE_DIR": "no",
        "MAIL_FROM": "x",
    }
    ended = place.run("doctor", **wrong)
    assert ended.code == 1
    told = [line.split(": ")[:2] for line in ended.out.splitlines()]
    assert sorted(told) == [
        *(
            ["Error", f"LEADAPI_{name}"]
            for name in ("DATABASE_URL", "ENV", "HASH_KEY", "MAIL_FROM", "SECRET_KEYS")
        ),
        *(["Error", f"LEADAPI_{name}"] for name in ("SITE_DIR", "SITE_URL")),
        ["Warning", "LEADAPI_MAIL_URL"],
    ]
    assert not (place.folder / "db.sqlite3").exists()


def test_the_doctor_is_content_with_warnings(ready: Place) -> None:
    """What does not keep the service from starting does not fail the command."""
    ended = ready.run("doctor")
    assert ended.code == 0
    assert [line.split(":")[0] for line in ended.lines()] == [
        "Warning",
        "Nothing keeps the service from starting.",
    ]


def test_commands_that_sign_nothing_need_no_secret(tmp_path: Path, database_url: str) -> None:
    """With a database alone `migrate` makes the tables, also twice at once, and they can be exported from."""
    place = Place(tmp_path, database_url)
    only = {"LEADAPI_DATABASE_URL": database_url}
    for process in [place.start("migrate", only=only) for _ in range(2)]:
        ended = Ended(process)
        assert (ended.code, ended.lines()) == (0, ["The database is up to date."])
    export = place.run("export-leads", only=only)
    assert (export.code, export.lines()) == (0, [])
    assert ["DATABASE_URL" in line for line in place.run("doctor", only=only).lines()].count(True) == 0


def test_the_export_holds_every_lead_beside_a_running_service(tmp_path: Path, database_url: str) -> None:
    """What the service has answered for is in the export: a line of JSON for each lead, those of robots too."""
    place = Place(tmp_path, database_url)
    with_tables(database_url)
    alice = {"email": "alice@example.com", "name": "Alice\u2028Führer", "submission_id": "one"}
    robot = {"email": "robot@example.com", "name": "Robot", "website": "http://x.example"}
    with serving(place) as service:
        for fields in (alice, alice | {"post": "a-post", "submission_id": "two"}, robot):
            assert b" 202 " in ask(service.port, press(fields)).partition(b"\r\n")[0]
        export = place.run(
            "export-leads", only={"LEADAPI_DATABASE_URL": database_url, "PYTHONIOENCODING": "ascii"}
        )
        service.stop()
    assert (export.code, export.err) == (0, "")
    leads = {lead["email"]: lead for lead in map(json.loads, export.out.splitlines())}
    assert set(leads) == {"alice@example.com", "robot@example.com"}
    assert leads["alice@example.com"]["name"] == alice["name"]
    assert leads["alice@example.com"]["status"] == "pending"
    assert leads["alice@example.com"]["submission_ids"] == ["one", "two"]
    assert [leads[email]["held"] for email in sorted(leads)] == [False, True]


@pytest.mark.parametrize("count", [1, 1_000], ids=["less than a pipe holds", "more"])
def test_the_export_may_be_cut_short(ready: Place, count: int) -> None:
    """A reader who leaves is no error, whether it was long or short; a full disk is, in one sentence."""
    with opened(ready) as store:
        record(store, *[replace(ALICE, address=f"alice{n}@example.com", network=f"{n}") for n in range(count)])
    environment = clean_environment(PYTHONPATH=str(ROOT), **ready.good)
    reader, writer = os.pipe()
    os.close(reader)
    gone = subprocess.Popen(
        [*COMMAND, "export-leads"], stdout=writer, stderr=subprocess.PIPE, env=environment, text=True
    )
    os.close(writer)
    with Path("/dev/full").open("w") as full:
        stuck = subprocess.Popen(
            [*COMMAND, "export-leads"], stdout=full, stderr=subprocess.PIPE, env=environment, text=True
        )
    shell = [f"{sys.executable} -m leadapi export-leads | head -n 1"]
    head = subprocess.run(shell, shell=True, env=environment, capture_output=True, text=True, check=True)
    assert (gone.communicate()[1], gone.returncode) == ("", 0)
    assert (stuck.communicate()[1], stuck.returncode) == (
        "The leads cannot be printed: No space left on device.\n",
        1,
    )
    assert (json.loads(head.stdout)["status"], head.stderr) == ("pending", "")


def test_an_export_without_a_database_makes_none(place: Place) -> None:
    """Where there is nothing to read, that is said; no empty database appears."""
    for url, told in (
        (place.good["LEADAPI_DATABASE_URL"], "there is no database"),
        ("postgresql://alice:k7Gw2@127.0.0.1:1/blog", "refused"),
        ("mysql://alice:k7Gw2@127.0.0.1:1/blog", "must begin with"),
    ):
        ended = place.run("export-leads", only={"LEADAPI_DATABASE_URL": url})
        assert (ended.code, ended.out, len(ended.lines())) == (1, "", 1)
        assert told in ended.err and "k7Gw2" not in ended.err
    assert not (place.folder / "db.sqlite3").exists()
