"""The links in the letters and the file behind them: signed, expiring, whole and in parts."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from doors import PDF, doors
from examples import rows, sent
from lead_steps import FORM, JSON, confirmed, link_in, page_of
from starlette.testclient import TestClient

from leadapi import tables
from leadapi.store import Store

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)

# For promises of the doors alone, which need no second database.
sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def client(store: Store, tmp_path: Path) -> Iterator[TestClient]:
    with doors(store, tmp_path) as client:
        yield client


@sqlite_only
def test_a_changed_link_is_refused_and_an_old_one_says_how_to_get_a_new_one(
    client: TestClient, store: Store, tmp_path: Path
) -> None:
    """One flipped character is a 403; after seven days a 410 page has a button for a new one."""
    with time_machine.travel(NOW, tick=False) as clock:
        file = confirmed(client, store)
        link = link_in(sent(store)[0])
        for address in (link, file):
            flipped = address[:-5] + ("A" if address[-5] != "A" else "B") + address[-4:]
            assert client.get(flipped).status_code == 403
            assert client.get(address[: address.rindex("/")] + "/x").status_code == 403
        assert client.get(file.replace("/downloads/", "/confirm/")).status_code == 403
        clock.shift(timedelta(days=6, hours=23))
        assert (client.get(link).status_code, client.get(file).status_code) == (200, 200)
        clock.shift(timedelta(hours=2))
        for answer in (client.get(link), client.post(link), client.get(file), client.head(file)):
            assert answer.status_code == 410
        actions = [form.get("action") for form in page_of(client.get(file)).iter("form")]
        assert actions == [file.replace("/downloads/", "/renew/download/")]
        told = client.get(file, headers=JSON).json()["error"]
        assert told["code"] == "link_expired" and f"POST {actions[0]}," in told["message"]


@sqlite_only
def test_old_links_work_until_the_old_key_is_removed(client: TestClient, store: Store, tmp_path: Path) -> None:
    """A new key in front breaks no link; without the old key they are 403."""
    file = confirmed(client, store)
    old = ("the first key that nobody guesses",)
    with doors(store, tmp_path, secret_keys=("a brand new key that nobody guesses", *old)) as rotated:
        assert rotated.get(file).status_code == 200
    with doors(store, tmp_path, secret_keys=("a brand new key that nobody guesses",)) as dropped:
        assert dropped.get(file).status_code == 403


def test_the_file_is_served_whole_and_in_parts_and_counted_once(client: TestClient, store: Store) -> None:
    """HEAD, single and several ranges work, one past the end gets 416, and all of it is one download."""
    file = confirmed(client, store)
    assert client.head(file).headers["content-length"] == str(len(PDF))
    assert rows(store, tables.downloads) == []
    for start in range(0, 1000, 100):
        part = client.get(file, headers={"Range": f"bytes={start}-{start + 99}"})
        assert (part.status_code, part.content) == (206, PDF[start : start + 100])
    last = client.get(file, headers={"Range": "bytes=-10"})
    assert (last.status_code, last.content) == (206, PDF[-10:])
    several = client.get(file, headers={"Range": "bytes=0-9, 100-109"})
    assert several.status_code == 206
    assert several.headers["content-type"].startswith("multipart/byteranges")
    for missing in ("bytes=999999-", "bytes=-0"):
        answer = client.get(file, headers={"Range": missing})
        assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{len(PDF)}"), missing
    whole = client.get(file)
    assert whole.headers["cache-control"] == "private, no-store"
    assert whole.headers["x-robots-tag"] == "noindex"
    assert whole.headers["content-type"] == "application/pdf"
    assert whole.headers["content-disposition"] == (
        'attachment; filename="Fuhren & Coachen Better People.pdf"; '
        "filename*=UTF-8''F%C3%BChren%20%26%20Coachen%20%E2%80%9CBetter%E2%80%9D%20People.pdf"
    )
    (download,) = rows(store, tables.downloads)
    assert (download.whitepaper, download.edition) == ("a-paper", "1")


@sqlite_only
@pytest.mark.parametrize(
    "wanted",
    ["lines=1-2", "bytes=9-5", "bytes=x-y", "bytes=", "bytes=--", "nonsense", f"bytes={'9' * 5000}-"],
    ids=lambda value: value[:12],
)
def test_a_range_that_is_none_of_ours_gets_the_whole_file(client: TestClient, store: Store, wanted: str) -> None:
    """A Range in another unit, or past reading, is passed over (RFC 9110, 14.2), as for the site's files."""
    answer = client.get(confirmed(client, store), headers={"Range": wanted})
    assert (answer.status_code, answer.content) == (200, PDF)


@sqlite_only
def test_a_range_is_for_get_alone(client: TestClient, store: Store) -> None:
    """HEAD tells of the whole file, whatever part is named (RFC 9110, 14.2); another state of the file too."""
    file = confirmed(client, store)
    headed = client.head(file, headers={"Range": "bytes=0-9"})
    assert (headed.status_code, headed.headers["content-length"]) == (200, str(len(PDF)))
    stale = client.get(file, headers={"Range": "bytes=0-9", "If-Range": '"of yesterday"'})
    assert (stale.status_code, stale.content) == (200, PDF)


@sqlite_only
def test_a_file_that_is_missing_is_a_404(client: TestClient, store: Store, tmp_path: Path) -> None:
    """A whitepaper without its PDF says so; an edition is never taken from outside the folder."""
    missing = confirmed(client, store, FORM | {"whitepaper": "b-paper"})
    assert client.get(missing).status_code == 404
    file = confirmed(client, store, FORM | {"post": "b-post", "email": "bob@example.com"})
    (tmp_path / "papers" / "a-paper" / "1.pdf").unlink()
    (tmp_path / "secret.pdf").write_bytes(PDF)
    (tmp_path / "papers" / "a-paper" / "1.pdf").symlink_to(tmp_path / "secret.pdf")
    assert client.get(file).status_code == 404


def test_no_get_changes_anything(client: TestClient, store: Store) -> None:
    """A scanner may open every mailed link as often as it likes; only the button confirms, again and again."""
    client.post("/api/leads", data=FORM)
    link = link_in(sent(store)[0])
    before = rows(store, tables.leads)
    for method in ("GET", "HEAD", "GET"):
        assert client.request(method, link, headers={"User-Agent": "BingPreview"}).status_code == 200
    assert rows(store, tables.leads) == before
    first, second = (client.post(link) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    assert "Download the PDF" in second.text
    assert len(sent(store)) == 1
