"""What looks suspicious is held, told to nobody but the owner, and goes on when the owner says so."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from altcha import solve_challenge
from altcha.v2 import Challenge, Payload
from doors import doors
from examples import ALICE, BOB, NOW, SENDER, record, reply, rows, sent
from lead_steps import FORM, JSON
from starlette.testclient import TestClient

from leadapi import held_submissions, proofs, rate_limits, tables, verdicts, waves
from leadapi.address_flags import flags
from leadapi.clock import now
from leadapi.held_submissions import Decided
from leadapi.store import Store

Counts = Callable[[int, int], int]
KEYS = ("the first key that nobody guesses", "the second key that nobody guesses")


@pytest.fixture
def client(store: Store, tmp_path: Path) -> Iterator[TestClient]:
    """A browser in front of the service."""
    with doors(store, tmp_path) as client:
        yield client


def held(store: Store) -> list[str | None]:
    """Why each submission is held, the oldest first; None where it is not."""
    submissions = sorted(rows(store, tables.submissions), key=lambda row: (row.created_at, row.id))
    return [row.held_reason if row.held else None for row in submissions]


def decided(decision: held_submissions.Decision, **which: str) -> Decided:
    meant: dict[str, str | None] = {"submission": None, "reason": None}
    return Decided(decision, **(meant | which), titles={"a-paper": "A Paper"}, sender=SENDER, now=NOW)


def test_a_form_that_we_served_takes_a_person_a_moment(client: TestClient, store: Store) -> None:
    """Sent at once after we served it, it is held; a moment later, or without our token, it is not."""
    quick = verdicts.form_token(KEYS, now())
    slow = verdicts.form_token(KEYS, now() - verdicts.LEAST_TIME)
    for name, token in (("quick", quick), ("slow", slow), ("none", ""), ("odd", quick[:-2] + "AA")):
        for headers in ({}, JSON):
            form = FORM | {"email": f"{name}{len(headers)}@example.com", "form_token": token}
            assert client.post("/api/leads", data=form, headers=headers).status_code in (303, 202)
    assert sorted(filter(None, held(store))) == ["quick", "quick"]
    assert len(sent(store)) == 6


def test_a_refused_form_carries_the_moment_when_it_was_served(client: TestClient, store: Store) -> None:
    """The page with the mistakes holds a token of ours; what comes back at once is held, on both kinds of form."""
    page = client.post("/api/leads", data=FORM | {"email": "nobody"}).text
    token = page.partition('name="form_token" value="')[2].partition('"')[0]
    client.post("/api/leads", data=FORM | {"form_token": token})
    assert held(store) == ["quick"]
    comment = {"post": "a-post", "name": "Bob", "email": "bob@example.com", "body": "Hello"}
    client.post("/api/comments", data=comment | {"form_token": token})
    assert [row.status for row in rows(store, tables.comments)] == ["held"]


def test_past_a_forms_limit_submissions_are_held_and_not_refused(store: Store) -> None:
    """The form's limit holds what is too much of it; other forms and the next ten minutes are not touched."""
    most = rate_limits.LEADS_BY_FORM.most
    many = [replace(ALICE, address=f"a{n}@example.com", network=f"10.0.{n // 50}.0/24") for n in range(most + 20)]
    for start in range(0, len(many), 50):
        assert set(record(store, *many[start : start + 50])) == {"recorded"}
    assert (held(store).count(None), held(store).count("wave")) == (most, 20)
    record(
        store,
        replace(ALICE, address="other@example.com", post="b-post"),
        replace(ALICE, address="worker@example.com", proven=True),
    )
    record(store, replace(ALICE, address="later@example.com", now=NOW + timedelta(minutes=10)))
    assert held(store).count("wave") == 20
    assert record(store, replace(many[-1], network="10.9.9.0/24")) == ["repeated"]


def test_what_the_owner_lets_go_on_is_served_as_if_it_had_just_come(store: Store) -> None:
    """The letter and the event go out once, however often the button is pressed."""
    robot = replace(ALICE, held_reason="honeypot")
    record(store, robot)
    assert (sent(store), rows(store, tables.events)) == ([], [])
    (waiting,) = store.read_now(held_submissions.waiting, 10)
    assert waiting["held_reason"] == "honeypot"
    release = decided("release", submission=waiting["id"])
    assert [store.write_now(held_submissions.decide, release) for _ in range(2)] == [1, 0]
    assert held(store) == [None]
    assert [row.kind for row in rows(store, tables.events)] == ["lead.created"]
    (letter,) = sent(store)
    assert "/api/confirm/" in letter["text"]
    assert store.read_now(held_submissions.waiting, 10) == []


def test_a_whole_wave_is_decided_about_with_one_button(store: Store) -> None:
    """All of one reason go on, or are left; the others stay where they are."""
    record(store, *(replace(ALICE, address=f"w{n}@example.com", held_reason="wave") for n in range(30)))
    record(store, replace(ALICE, address="robot@example.com", held_reason="honeypot"))
    assert store.read_now(held_submissions.how_many, None) == {"wave": 30, "honeypot": 1}
    assert store.write_now(held_submissions.decide, decided("refuse", reason="honeypot")) == 1
    assert store.write_now(held_submissions.decide, decided("release", reason="wave")) == 30
    assert store.read_now(held_submissions.how_many, None) == {}
    assert len(sent(store)) == 30
    assert len(rows(store, tables.submissions)) == 31


def test_only_the_owner_decides(client: TestClient, store: Store) -> None:
    """Without a session the door is shut."""
    record(store, replace(ALICE, held_reason="wave"))
    assert client.post("/admin/held", data={"decision": "release", "reason": "wave"}).status_code == 403
    assert held(store) == ["wave"]


def test_a_tenfold_burst_is_told_to_the_owner_once(store: Store) -> None:
    """Two a minute for a week are usual; twenty in one minute are a wave, told within the minute, once an hour."""
    usual = [
        replace(ALICE, address=f"u{n}@example.com", network=f"10.1.{n % 250}.0/24", now=NOW - timedelta(days=1))
        for n in range(100)
    ]
    record(store, *usual)
    for n in range(19):
        record(store, replace(ALICE, address=f"b{n}@example.com", now=NOW - timedelta(seconds=n)))
    look = waves.Look(NOW, "owner@example.com", SENDER)
    assert not store.write_now(waves.look, look)
    assert not store.read_now(waves.on, NOW)
    reply(store, *(replace(BOB, body=f"Reply {n}") for n in range(25)))
    assert store.write_now(waves.look, look)
    assert store.write_now(waves.look, replace(look, now=NOW + timedelta(seconds=15)))
    letters = [letter for letter in sent(store) if letter.get("subject") == "Many forms are coming in"]
    assert [letter["to"] for letter in letters] == ["owner@example.com"]
    assert "25 comments" in letters[0]["text"] and "whitepaper" not in letters[0]["text"]
    assert store.read_now(waves.on, NOW + timedelta(minutes=9))
    assert not store.read_now(waves.on, NOW + timedelta(minutes=12))


def solved(challenge: dict[str, object]) -> str:
    """What the worker in the browser sends."""
    asked = Challenge.from_dict(challenge)
    solution = solve_challenge(asked)
    assert solution
    return Payload(asked, solution).to_base64()


def test_a_proof_of_work_is_asked_for_in_a_wave_alone(client: TestClient, store: Store) -> None:
    """Without a wave there is nothing to solve; in one, a solved challenge counts once."""
    assert client.get("/api/challenge").status_code == 204
    store.write_now(lambda connection, at: rate_limits.mark(connection, rate_limits.WAVE, at), now())
    challenge = client.get("/api/challenge").json()
    text = solved(challenge)
    proof = proofs.read(text, ("a new key in front", *KEYS))
    assert proof and proof.expires_at > now()
    uses = ["mine", "mine", "another", None, "mine"]
    assert [store.write_now(proofs.use, (proof, use)) for use in uses] == [True, True, False, False, True]
    store.write_now(proofs.forget_old, proof.expires_at)
    assert rows(store, tables.used_proofs) == []


@pytest.mark.parametrize("quicker", ["the one with the proof", "the other"])
def test_a_double_press_in_a_wave_loses_nothing(client: TestClient, store: Store, quicker: str) -> None:
    """Both requests bring the one proof, and whichever is stored counts; another press needs another proof."""
    text = solved(proofs.challenge(KEYS, now()))
    form = FORM | {"submission_id": "the-press", "altcha": text}
    limit, full = rate_limits.LEADS_BY_FORM, {f"{form['whitepaper']} {form['post']}": 10_000}
    store.write_now(lambda connection, at: rate_limits.take_all(connection, limit, full, at), now())
    if quicker == "the other":  # the first one's proof was counted, and it is not stored yet
        proof = proofs.read(text, KEYS)
        assert proof and store.write_now(proofs.use, (proof, "the-press"))
    for _ in range(2):
        assert client.post("/api/leads", data=form, headers=JSON).status_code == 202
    client.post("/api/leads", data=form | {"submission_id": "another", "email": "bob@example.com"})
    assert held(store) == [None, "wave"]
    assert len([letter for letter in sent(store) if letter["to"] == FORM["email"]]) == 1


@pytest.mark.parametrize("text", ["", "x", "e30=", "bm90IGpzb24=", "A" * 10_000, '{"challenge":{}}'])
def test_what_is_no_proof_is_none(text: str) -> None:
    """Whatever the field holds, nothing breaks."""
    assert proofs.read(text, KEYS) is None


def test_a_proof_under_another_key_or_with_another_number_is_none() -> None:
    """Only what we asked for and what was really solved counts."""
    asked = proofs.challenge(KEYS, now())
    text = solved(asked)
    assert proofs.read(text, KEYS)
    assert proofs.read(text, ("some other key that nobody guesses",)) is None
    unsolved = Payload(
        Challenge.from_dict(asked), solution=type(solve_challenge(Challenge.from_dict(asked)))(1, "00")
    )  # type: ignore[misc,call-arg]  # a solution that is none
    assert proofs.read(unsolved.to_base64(), KEYS) is None
    old = proofs.challenge(KEYS, now() - proofs.LASTS - timedelta(seconds=2))
    assert proofs.read(solved(old), KEYS) is None


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("alice@example.com", []),
        ("Info@example.com", ["role"]),
        ("sales+blog@example.com", ["role"]),
        ("alice@mailinator.com", ["disposable"]),
        ("admin@sub.mailinator.com", ["disposable", "role"]),
    ],
)
def test_thrown_away_and_shared_addresses_are_flagged(address: str, wanted: list[str]) -> None:
    """The owner sees it; nobody is refused for it."""
    assert flags(address) == wanted
