"""A real service, used and misused with marked values: no log line has them, and erasing leaves none."""

import email
import json
import re
import signal
import sqlite3
import urllib.error
import urllib.parse
import urllib.request
from email import policy

import pytest
from commands import PATIENCE, Place, Service, serving, wait_until

from leadapi import letters

ADDRESS, NAME, IP = "marked.alice@example.com", "Markedname Liddell", "203.0.113.77"


def ask(service: Service, path: str, method: str = "GET", **fields: str) -> tuple[int, str]:
    """Ask as a browser behind the trusted proxy does; redirects are followed."""
    data = urllib.parse.urlencode(fields).encode() if method == "POST" else None
    headers = {"X-Forwarded-For": IP, "Referer": f"https://blog.example.com/a-post/?utm_source={NAME[:10]}"}
    url = f"http://127.0.0.1:{service.port}{path}"
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, data, headers | {"Accept": "application/json"}, method=method),
            timeout=PATIENCE,
        ) as answer:
            return answer.status, answer.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def link(place: Place, room: str) -> str:
    """The path of the first link into a room that a letter has brought."""

    def look() -> list[str]:
        found = []
        for path in (place.folder / "mail").glob("*.eml"):
            part = email.message_from_bytes(path.read_bytes(), policy=policy.default).get_body(("plain",))
            assert part is not None
            found += re.findall(rf"https://blog\.example\.com({room}\S+)", part.get_content())
        return found

    return wait_until(look, f"a letter with a link to {room}")[0]


def walk(service: Service, place: Place) -> list[str]:
    """From the form to the erasing, with a mistake at each step; answers the tokens that were used."""
    lead = {"email": ADDRESS, "name": NAME, "whitepaper": "a-paper", "post": "a-post", "marketing_consent": "yes"}
    reply = {"email": ADDRESS, "name": NAME, "post": "a-post", "body": f"Words of {NAME}"}
    assert ask(service, "/api/leads", "POST", **lead)[0] == 202
    assert ask(service, "/api/leads", "POST", **lead | {"email": f"{ADDRESS}@"})[0] == 422
    assert ask(service, "/api/comments", "POST", **reply)[0] == 202
    assert ask(service, "/api/comments", "POST", **reply | {"post": NAME})[0] == 422
    assert ask(service, "/api/privacy", "POST", email=ADDRESS)[0] == 202
    assert ask(service, "/api/privacy", "POST", email=f"<{ADDRESS}>")[0] == 422
    ways = [link(place, letters.LINK_PATHS[purpose]) for purpose in ("confirm", "moderate", "privacy")]
    confirm, moderate, privacy = ways
    answer = json.loads(ask(service, confirm, "POST")[1])
    ways.append(answer["download"])
    assert ask(service, answer["download"])[0] == 200
    assert ask(service, moderate, "POST", decision="approve")[0] == 200
    for way in ways:
        for path in (way, f"{way}x", f"{way}/{NAME.replace(' ', '%20')}", f"{way}?email={ADDRESS}"):
            for method in ("GET", "HEAD", "PUT", "DELETE"):
                ask(service, path, method)
    assert NAME in ask(service, f"{privacy}/export")[1]
    assert ask(service, f"{privacy}/erase", "POST")[0] == 200
    for way in ways:
        ask(service, way, "POST", decision="approve")
    return [way.rpartition("/")[2] for way in ways]


def told_of(text: str, tokens: list[str]) -> list[str]:
    """Which of the marked values stand in the text."""
    marked = ["marked", "Liddell", IP, "127.0.0.1", *tokens, *(token.rpartition(".")[2] for token in tokens)]
    return [word for word in marked if word.lower() in text.lower()]


def test_no_log_line_and_no_file_names_the_erased(ready: Place) -> None:
    """Log, database with its log and index, export, small files: after the erasing none names anybody."""
    with serving(ready, TRUSTED_PROXIES="127.0.0.1") as service:
        tokens = walk(service, ready)
        files = [path for path in ready.folder.rglob("*") if path.is_file() and path.parent.name != "mail"]
        assert any(path.name == "db.sqlite3-wal" for path in files)
        wait_until(
            lambda: not any(b"marked" in path.read_bytes().lower() for path in files), "the files are clean"
        )
        assert not told_of(ready.run("export-leads").out, tokens)
        ended = service.stop()
    log = ended.out + ended.err
    assert log.count('"answered"') > 50
    assert told_of(log.replace("http://127.0.0.1", ""), tokens) == []


@pytest.mark.parametrize("fault", ["no mail server", "no table"])
def test_faults_are_logged_without_who_met_them(ready: Place, fault: str) -> None:
    """A letter that cannot leave, and a fault of our own with its trace, name nobody either."""
    with serving(ready, TRUSTED_PROXIES="127.0.0.1", MAIL_URL="smtp://127.0.0.1:1") as service:
        lead = {"email": ADDRESS, "name": NAME, "whitepaper": "a-paper", "post": "a-post"}
        if fault == "no table":
            database = sqlite3.connect(ready.folder / "db.sqlite3")
            database.execute("DROP TABLE confirmations")
            database.execute("DROP TABLE events")
            database.close()
            assert ask(service, "/api/leads", "POST", **lead)[0] == 500
        else:
            assert ask(service, "/api/leads", "POST", **lead)[0] == 202
            outbox = f"file:{ready.folder}/db.sqlite3?mode=ro"

            def tried() -> bool:
                database = sqlite3.connect(outbox, uri=True)
                try:
                    return bool(database.execute("SELECT 1 FROM outbox WHERE last_error IS NOT NULL").fetchone())
                finally:
                    database.close()

            wait_until(tried, "the letter was tried")
        service.process.send_signal(signal.SIGTERM)
        log = "".join(service.process.communicate(timeout=PATIENCE))
    assert {"no mail server": "delivery_failed", "no table": "unforeseen_error"}[fault] in log
    assert told_of(log.replace("http://127.0.0.1", "").replace("127.0.0.1:1", ""), []) == []
