"""The list of all comments costs its rendering once for each state, however often it is asked for."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from doors import doors
from examples import BOB, NOW, reply, rows
from starlette.testclient import TestClient

from leadapi import comment_markup, comments, tables
from leadapi.store import Store


@pytest.fixture
def client(store: Store, tmp_path: Path) -> Iterator[TestClient]:
    with doors(store, tmp_path) as client:
        yield client


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that are rendered from now on."""
    seen: list[str] = []
    render = comment_markup.render

    def counted(text: str) -> str:
        seen.append(text)
        return render(text)

    monkeypatch.setattr(comment_markup, "render", counted)
    return seen


def decide(store: Store, comment: str, decision: comments.Decision, minutes: int) -> None:
    store.write_now(comments.decide, (comment, decision, NOW + timedelta(minutes=minutes)))


def test_an_unchanged_list_is_rendered_once(client: TestClient, store: Store, rendered: list[str]) -> None:
    """Ten requests for three comments render three texts, and all get the same bytes under the same ETag."""
    reply(store, *(replace(BOB, body=f"Reply {n}") for n in range(3)))
    for row in rows(store, tables.comments):
        decide(store, row.id, "approve", 1)
    answers = [client.get("/api/comments") for _ in range(10)]
    assert sorted(rendered) == ["Reply 0", "Reply 1", "Reply 2"]
    assert len({(answer.content, answer.headers["etag"]) for answer in answers}) == 1
    assert {answer.headers["content-type"] for answer in answers} == {"application/json"}
    assert len(answers[0].json()["comments"]) == 3
    head = client.head("/api/comments")
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", answers[0].headers["etag"])


def test_a_changed_list_is_seen_at_once(client: TestClient, store: Store) -> None:
    """Each decision changes what is listed, also back to what it was before."""
    reply(store, BOB, replace(BOB, body="Other"))
    first, second = (row.id for row in rows(store, tables.comments))
    listed: list[list[str]] = []
    for minutes, (comment, decision) in enumerate(
        [(first, "approve"), (second, "approve"), (second, "spam"), (first, "refuse")]
    ):
        decide(store, comment, decision, minutes)  # type: ignore[arg-type]
        listed.append([comment["id"] for comment in client.get("/api/comments").json()["comments"]])
    assert listed == [[first], sorted([first, second]), [first], []]


def test_lists_of_posts_are_their_own(client: TestClient, store: Store) -> None:
    """What is kept for the whole site answers no question about one post."""
    reply(store, BOB, replace(BOB, body="Other", post="b-post"))
    for row in rows(store, tables.comments):
        decide(store, row.id, "approve", 1)
    assert len(client.get("/api/comments").json()["comments"]) == 2
    assert [client.get(f"/api/comments/{post}").json()["count"] for post in ("a-post", "b-post", "closed")] == [
        1,
        1,
        0,
    ]
    assert len(client.get("/api/comments").json()["comments"]) == 2
