"""A reply is stored as typed, told to the owner once, and shown only after the owner's decision."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from examples import BOB, NOW, SENDER, reply, rows, sent
from sqlalchemy import event

from leadapi import comment_list, comments, letters, signed_links, tables
from leadapi.errors import NotFound
from leadapi.store import Store


def listed(store: Store, post: str | None = None) -> list[dict[str, Any]]:
    return store.read_now(comment_list.approved, post)


def version(store: Store, post: str | None = None) -> str:
    return store.read_now(comment_list.version, post)


def decide(store: Store, comment: str, decision: comments.Decision, minutes: int = 1) -> Any:
    return store.write_now(comments.decide, (comment, decision, NOW + timedelta(minutes=minutes)))


def test_a_reply_is_stored_as_typed_and_waits(store: Store) -> None:
    """Nothing is changed in name or text, and nobody sees it before the owner's decision."""
    assert reply(store, BOB) == ["recorded"]
    (row,) = rows(store, tables.comments)
    assert (row.name, row.body, row.email) == (BOB.name, BOB.body, BOB.email)
    assert (row.post, row.parent_id, row.status, row.created_at) == ("a-post", None, "pending", NOW)
    assert listed(store) == []


def test_the_owner_is_written_to_once(store: Store) -> None:
    """The letter shows the reply and leads to the page that decides about it."""
    reply(store, BOB, BOB)
    (letter,) = sent(store)
    (row,) = rows(store, tables.comments)
    assert letter["to"] == "owner@example.com"
    assert letter["subject"] == "New comment on: A Post"
    assert "> Well said." in letter["text"]
    link = next(line for line in letter["text"].splitlines() if "/api/moderate/" in line)
    token = link.rpartition("/")[2]
    assert signed_links.read("moderate", token, SENDER.keys, letters.MODERATION_AGE) == {"comment": row.id}


def test_an_approved_reply_is_listed_as_safe_html(store: Store) -> None:
    """The list shows name, moment and rendered text, oldest first, and never the address."""
    reply(store, replace(BOB, now=NOW + timedelta(minutes=1)), replace(BOB, body="First", post="b-post"))
    for row in rows(store, tables.comments):
        decide(store, row.id, "approve")
    first, second = listed(store)
    assert set(first) == {"id", "post", "parent", "name", "created", "html"}
    assert (first["html"], first["created"]) == ("<p>First</p>\n", "2026-03-01T09:30:00Z")
    assert second["name"] == "Bob <b>"
    assert second["html"] == "<p>Well said.</p>\n<p><em>Really</em> &lt;script&gt;</p>\n"
    assert [comment["post"] for comment in listed(store, "a-post")] == ["a-post"]
    assert "bob@example.com" not in str(listed(store))


def test_a_decision_may_be_repeated_and_changed(store: Store) -> None:
    """The same decision again changes nothing, not even its time; another one takes its place."""
    reply(store, BOB)
    (row,) = rows(store, tables.comments)
    assert decide(store, row.id, "approve")["status"] == "approved"
    again = decide(store, row.id, "approve", minutes=5)
    assert again["decided_at"] == NOW + timedelta(minutes=1)
    assert decide(store, row.id, "spam")["status"] == "spam"
    assert decide(store, row.id, "refuse")["status"] == "refused"
    assert listed(store) == []
    assert decide(store, row.id, "approve", minutes=9)["decided_at"] == NOW + timedelta(minutes=9)
    assert len(listed(store)) == 1
    with pytest.raises(NotFound):
        decide(store, "nothing", "approve")


def test_the_version_changes_exactly_with_the_list(store: Store) -> None:
    """Equal lists have equal ETags, different lists different ones, for the site and for each post."""
    empty = version(store)
    reply(store, BOB, replace(BOB, body="Other"), replace(BOB, post="b-post"))
    assert version(store) == empty
    first, second, third = (row.id for row in sorted(rows(store, tables.comments), key=lambda row: row.post))
    seen = {empty}
    for comment in (first, second, third):
        decide(store, comment, "approve")
        assert version(store) not in seen
        seen.add(version(store))
    of_post = version(store, "a-post")
    decide(store, third, "refuse")
    assert version(store, "a-post") == of_post
    decide(store, second, "refuse", minutes=2)
    assert version(store, "a-post") != of_post
    assert version(store, "nowhere") == empty
    assert empty.startswith('"')
    assert empty.endswith('"')


def test_an_answer_needs_an_approved_comment_of_the_same_post(store: Store) -> None:
    """A reply to nothing, to a waiting comment or to another post's comment is not stored."""
    reply(store, BOB)
    (parent,) = rows(store, tables.comments)
    answer = replace(BOB, body="Answer", parent=parent.id)
    assert reply(store, answer) == ["no_parent"]
    decide(store, parent.id, "approve")
    assert reply(store, replace(answer, post="b-post"), replace(answer, parent="nothing")) == ["no_parent"] * 2
    assert reply(store, answer) == ["recorded"]
    child = next(row for row in rows(store, tables.comments) if row.body == "Answer")
    assert child.parent_id == parent.id


def test_a_second_press_is_the_same_reply(store: Store) -> None:
    """The same text by the same address on the same post within ten minutes is one; an id is one for ever."""
    later = replace(BOB, email="BOB@example.com", now=NOW + timedelta(minutes=9))
    assert reply(store, BOB) == ["recorded"]
    assert reply(store, later) == ["repeated"]
    assert reply(store, replace(BOB, now=NOW + timedelta(minutes=10))) == ["recorded"]
    with_id = replace(BOB, submission_id="one")
    assert reply(store, with_id, with_id, replace(with_id, body="x")) == ["recorded", "repeated", "conflict"]
    assert reply(store, replace(with_id, name="Mallory")) == ["conflict"]
    assert len(sent(store)) == 3


def test_what_a_robot_filled_in_is_kept_and_not_mailed(store: Store) -> None:
    """A held reply is stored for the owner and does not stand in a person's way."""
    assert reply(store, replace(BOB, held=True), BOB) == ["recorded", "recorded"]
    assert {row.status for row in rows(store, tables.comments)} == {"held", "pending"}
    assert len(sent(store)) == 1


def test_a_batch_of_replies_costs_the_same_few_statements(store: Store) -> None:
    """Twenty-five replies in one batch take no more statements than one."""
    counts: list[int] = []
    event.listen(store.engine, "before_cursor_execute", lambda *_: counts.append(1))
    reply(store, BOB)
    of_one = len(counts)
    counts.clear()
    reply(store, *(replace(BOB, body=f"Reply {n}") for n in range(25)))
    assert len(counts) <= of_one <= 11
    assert len(rows(store, tables.comments)) == 26
