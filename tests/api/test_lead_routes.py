"""The journey to the whitepaper through the doors, by browser and by script, and what each mistake is told."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import pytest
import time_machine
from doors import ORIGIN, PDF, doors
from examples import rows, sent
from lead_steps import FORM, JSON, confirmed, link_in, page_of
from sqlalchemy import func, select
from starlette.testclient import TestClient

from leadapi import tables
from leadapi.store import Store

POST_PAGE = {"Referer": f"{ORIGIN}/a-post/?utm_source=x&utm_campaign=spring"}
NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)

# For promises of the doors alone, which need no second database.
sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def client(store: Store, tmp_path: Path) -> Iterator[TestClient]:
    with doors(store, tmp_path) as client:
        yield client


def test_a_browser_is_led_from_the_form_to_the_file(client: TestClient, store: Store) -> None:
    """Form, thank-you page, letter, button, PDF: each step leads to the next, and post and campaign are kept."""
    answer = client.post("/api/leads", data=FORM, headers=POST_PAGE | {"Origin": ORIGIN})
    assert (answer.status_code, answer.headers["location"]) == (303, "/whitepapers/a-paper/thanks/")
    (submission,) = rows(store, tables.submissions)
    assert (submission.post, submission.cta, submission.utm_source) == ("a-post", "end", "x")
    assert (submission.utm_campaign, submission.referrer_host) == ("spring", "127.0.0.1")
    link = link_in(sent(store)[0])
    asked = client.get(link)
    assert asked.status_code == 200
    (form,) = page_of(asked).iter("form")
    assert (form.get("method"), form.get("action")) == ("post", link)
    pressed = client.post(form.get("action"), headers={"Origin": ORIGIN})
    assert pressed.status_code == 200
    links = [a.get("href") for a in page_of(pressed).iter("a") if "/downloads/" in (a.get("href") or "")]
    file = client.get(links[0])
    assert (file.status_code, file.content) == (200, PDF)
    assert [lead.status for lead in rows(store, tables.leads)] == ["confirmed"]


def test_leads_are_countable_by_post_call_to_action_and_campaign(client: TestClient, store: Store) -> None:
    """One query over one table counts them exactly, however often a form without a script was sent."""
    places = list(product(("a-post", "b-post"), ("end", "middle"), ("", "spring", "fall")))
    wanted = Counter({(post, cta, campaign or None): n % 3 + 1 for n, (post, cta, campaign) in enumerate(places)})
    for n, (post, cta, campaign) in enumerate(wanted):
        page = f"{ORIGIN}/{post}/" + (f"?utm_campaign={campaign}" if campaign else "")
        for visitor in range(wanted[post, cta, campaign]):
            form = FORM | {"email": f"{n}.{visitor}@example.com", "post": post, "cta": cta}
            for _ in range(2):
                assert client.post("/api/leads", data=form, headers={"Referer": page}).status_code == 303
    place = [tables.submissions.c[name] for name in ("post", "cta", "utm_campaign")]
    count = select(*place, func.count(tables.submissions.c.lead_id.distinct())).group_by(*place)
    found = store.read_now(lambda connection, _: connection.execute(count).all(), None)
    assert {(post, cta, campaign): leads for post, cta, campaign, leads in found} == wanted


def test_a_script_is_told_the_same_as_json(client: TestClient, store: Store) -> None:
    """JSON in, or a form with Accept: JSON out, with a sentence for the reader and where to go next."""
    answer = client.post(
        "/api/leads", json=FORM | {"submission_id": "one", "marketing_consent": True}, headers=JSON
    )
    assert answer.status_code == 202
    assert set(answer.json()) == {"status", "message", "next"}
    assert (answer.json()["status"], answer.json()["next"]) == ("accepted", "/whitepapers/a-paper/thanks/")
    assert [row.given for row in rows(store, tables.consents)] == [True]
    again = client.post(
        "/api/leads", data=FORM | {"submission_id": "one", "marketing_consent": "yes"}, headers=JSON
    )
    assert (again.status_code, again.content) == (202, answer.content)
    assert len(sent(store)) == 1
    other = client.post("/api/leads", json=FORM | {"submission_id": "one", "name": "Bob"}, headers=JSON)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "conflict")


@sqlite_only
def test_on_two_machines_the_way_leads_back_to_the_site(store: Store, tmp_path: Path) -> None:
    """Where another machine serves the site, the redirect names it."""
    with doors(store, tmp_path, site_dir=None, site_url="https://blog.example.com") as client:
        location = client.post("/api/leads", data=FORM).headers["location"]
    assert location == "https://blog.example.com/whitepapers/a-paper/thanks/"
    assert "https://blog.example.com/api/confirm/" in sent(store)[0]["text"]


def test_no_answer_tells_whether_an_address_is_known(client: TestClient, store: Store) -> None:
    """New, pending, confirmed and robots' addresses get the same bytes and headers."""
    confirmed(client, store)
    client.post("/api/leads", data=FORM | {"email": "pending@example.com"})
    answers = [
        client.post("/api/leads", data=FORM | {"email": email, "post": "b-post"} | more, headers=JSON)
        for email, more in [
            ("new@example.com", {}),
            ("pending@example.com", {}),
            ("alice@example.com", {}),
            ("robot@example.com", {"website": "https://spam.example.com"}),
        ]
    ]
    assert len({(answer.status_code, answer.content, str(answer.headers)) for answer in answers}) == 1
    assert answers[0].status_code == 202
    held = [row.email for row in rows(store, tables.submissions) if row.held]
    assert held == ["robot@example.com"]
    assert "robot@example.com" not in [letter["to"] for letter in sent(store)]


def test_a_confirmed_address_is_mailed_the_file_at_once(client: TestClient, store: Store) -> None:
    """Asking again brings a download link by mail, without a second confirmation."""
    confirmed(client, store)
    client.post("/api/leads", data=FORM | {"post": "b-post"})
    letter = max(sent(store), key=lambda one: "/api/downloads/" in one["text"])
    assert client.get(link_in(letter)).content == PDF


@sqlite_only
def test_a_refused_form_keeps_everything_and_says_what_to_mend(client: TestClient, store: Store) -> None:
    """The 422 page holds each typed value, each error at its field, and the page it came from."""
    typed = FORM | {"email": "alice@", "name": "", "company": 'A & "B" <C>', "marketing_consent": "yes"}
    answer = client.post("/api/leads", data=typed, headers=POST_PAGE)
    assert answer.status_code == 422
    document = page_of(answer)
    inputs = {field.get("name"): field for field in document.iter("input")}
    for name in ("email", "company", "whitepaper", "post", "cta"):
        assert inputs[name].get("value") == typed[name]
    assert inputs["marketing_consent"].get("checked") is not None
    ids = {element.get("id"): element for element in document.iter() if element.get("id")}
    for name in ("email", "name"):
        assert inputs[name].get("aria-invalid") == "true"
        assert any(
            "field-error" in (ids[i].get("class") or "") for i in inputs[name].get("aria-describedby").split()
        )
    mended = {name: field.get("value", "") for name, field in inputs.items()} | {
        "email": "alice@example.com",
        "name": "Alice",
    }
    assert client.post("/api/leads", data=mended, headers={"Referer": f"{ORIGIN}/api/leads"}).status_code == 303
    (submission,) = rows(store, tables.submissions)
    assert (submission.utm_source, submission.company) == ("x", 'A & "B" <C>')
    assert submission.page.startswith("/a-post/?")


@sqlite_only
@pytest.mark.parametrize(
    ("changed", "field", "code"),
    [
        ({"email": ""}, "email", "invalid"),
        ({"email": "a@b"}, "email", "invalid"),
        ({"name": " "}, "name", "invalid"),
        ({"name": "x" * 201}, "name", "invalid"),
        ({"company": "x" * 201}, "company", "invalid"),
        ({"name": "a\nb"}, "name", "invalid"),
        ({"whitepaper": ""}, "whitepaper", "invalid"),
        ({"whitepaper": "nothing"}, "whitepaper", "unknown_whitepaper"),
        ({"post": "nothing"}, "post", "unknown_post"),
        ({"submission_id": "x" * 65}, "submission_id", "invalid"),
    ],
)
def test_each_wrong_field_has_its_sentence(
    client: TestClient, store: Store, changed: dict[str, str], field: str, code: str
) -> None:
    """JSON names the wrong field alone, with one sentence, and nothing is stored."""
    answer = client.post("/api/leads", data=FORM | changed, headers=JSON)
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "fields"}
    assert (error["code"], list(error["fields"])) == (code, [field])
    assert error["message"].endswith(".")
    assert rows(store, tables.leads) == []
    page_of(client.post("/api/leads", data=FORM | changed))


@sqlite_only
def test_a_form_whose_post_is_gone_can_be_sent_again(client: TestClient, store: Store) -> None:
    """The refused form no longer names the unknown post, so the next press goes through."""
    document = page_of(client.post("/api/leads", data=FORM | {"post": "gone"}))
    fields = {field.get("name"): field.get("value") or "" for field in document.iter("input")}
    fields.pop("marketing_consent")
    assert "post" not in fields
    assert client.post("/api/leads", data=fields).status_code == 303
    assert [row.post for row in rows(store, tables.submissions)] == [None]


@sqlite_only
def test_remarks_and_unknown_fields_are_no_reason_to_refuse(client: TestClient, store: Store) -> None:
    """A long call to action is cut, unknown fields are passed over, the post may be absent."""
    form = FORM | {"cta": "\x00" + "c" * 500, "surprise": "x", "company": "  "}
    form.pop("post")
    assert client.post("/api/leads", json=form, headers=JSON).status_code == 202
    (row,) = rows(store, tables.submissions)
    assert (row.cta, row.post, row.company) == ("c" * 64, None, "")


@sqlite_only
def test_another_site_cannot_press_the_buttons(client: TestClient, store: Store) -> None:
    """A foreign Origin gets 403 at the form and at the confirmation, and nothing changes."""
    foreign = {"Origin": "https://evil.example.com"}
    assert client.post("/api/leads", data=FORM, headers=foreign).status_code == 403
    client.post("/api/leads", data=FORM)
    assert client.post(link_in(sent(store)[0]), headers=foreign).status_code == 403
    assert [lead.status for lead in rows(store, tables.leads)] == ["pending"]


@sqlite_only
def test_too_often_is_told_and_loses_nothing(client: TestClient, store: Store) -> None:
    """The sixty-first press of a network in ten minutes is a 429 with Retry-After and the form as it was typed."""
    with time_machine.travel(NOW, tick=False):
        for n in range(60):
            assert client.post("/api/leads", data=FORM | {"email": f"a{n}@example.com"}).status_code == 303
        assert client.post("/api/leads", data=FORM | {"email": "a5@example.com"}).status_code == 303
        late = client.post("/api/leads", data=FORM | {"email": "late@example.com"})
        assert (late.status_code, late.headers["retry-after"]) == (429, "600")
        assert "late@example.com" in [field.get("value") for field in page_of(late).iter("input")]
        told = client.post("/api/leads", data=FORM | {"email": "late@example.com"}, headers=JSON)
        assert (told.status_code, told.json()["error"]["code"]) == (429, "too_often")


@sqlite_only
def test_when_nothing_can_be_saved_the_form_says_so(client: TestClient, store: Store) -> None:
    """A database that cannot be written is a 503 with Retry-After; what was typed is still there."""
    store.write_now(lambda connection, _: tables.metadata.drop_all(connection), None)
    store.close()
    answer = client.post("/api/leads", data=FORM)
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
    assert "alice@example.com" in answer.text
    assert "Nothing was saved" in answer.text
    page_of(answer)
