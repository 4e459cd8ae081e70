"""Slow, greedy and confused clients at a real socket: each is answered or let go, in bounded time and memory."""

import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from doors import doors
from examples import rows
from fastapi import FastAPI
from structlog.testing import capture_logs
from wire_server import Answer, answers, ask, connection, served, to_the_end, wait_until

from leadapi import guards, tables, wire
from leadapi.store import Store, open_store

LARGE = 30_000_000
FORM = b"email=alice@example.com&name=Alice&whitepaper=a-paper&post=a-post"
HEAD = b"POST /api/leads HTTP/1.1\r\nHost: blog\r\nContent-Type: application/x-www-form-urlencoded\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
GET = b"GET /healthz HTTP/1.1\r\nHost: blog\r\n\r\n"
LAST_GET = GET[:-2] + b"Connection: close\r\n\r\n"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One database for all these clients."""
    door = open_store(f"sqlite:///{tmp_path_factory.mktemp('store')}/leadapi.sqlite3")
    door.write_now(lambda connection, _: tables.metadata.create_all(connection), None)
    yield door
    door.close()


@pytest.fixture(scope="module")
def app(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    folder = tmp_path_factory.mktemp("wire")
    with doors(store, folder) as client:
        assert isinstance(client.app, FastAPI)
        (folder / "site" / "large.bin").write_bytes(b"x" * LARGE)
        yield client.app
        (folder / "site" / "large.bin").unlink()


@pytest.fixture(scope="module")
def port(app: FastAPI) -> Iterator[int]:
    """One server for all of them."""
    with served(app) as port:
        yield port


def refusal(raw: bytes) -> Answer:
    """The one answer, which says why in a sentence, with our headers, and ends the connection."""
    (answer,) = answers(raw)
    assert answer.headers["connection"] == "close"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert b"." in answer.body
    return answer


def drip(client: socket.socket, signs: bytes, seconds: float = 0.02) -> bytes:
    """Send the bytes one by one with a pause after each, until the server has something to say; then all of it."""
    client.settimeout(seconds)
    for sign in signs:
        client.sendall(bytes([sign]))
        try:
            first = client.recv(65536)
        except TimeoutError:
            continue
        client.settimeout(10)
        return first + to_the_end(client)
    raise AssertionError("The server listened to all of it.")


@pytest.mark.parametrize(
    "signs",
    [b"GET / HTTP/1.1\r\nX-A: " + b"a" * 1000, b"\r\n" * 500, b"POST" + b" " * 1000],
    ids=["header", "empty lines", "spaces"],
)
def test_headers_that_come_byte_by_byte_are_ended(
    port: int, monkeypatch: pytest.MonkeyPatch, signs: bytes
) -> None:
    """However a client spreads its headers, after HEADER_SECONDS it gets a 408."""
    monkeypatch.setattr(wire, "HEADER_SECONDS", 0.2)
    with connection(port) as client:
        assert refusal(drip(client, signs)).status == 408


def test_a_client_that_says_nothing_is_let_go(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection without a byte ends after HEADER_SECONDS."""
    monkeypatch.setattr(wire, "HEADER_SECONDS", 0.1)
    with connection(port) as client:
        assert refusal(to_the_end(client)).status == 408


@pytest.mark.parametrize("more", [b"\r\n", b"G", b"GET / HTTP/1.1\r\nX: "])
def test_a_connection_that_was_kept_open_is_no_way_to_stay(
    port: int, monkeypatch: pytest.MonkeyPatch, more: bytes
) -> None:
    """After an answer the same holds: a byte and then silence ends in a 408."""
    monkeypatch.setattr(wire, "HEADER_SECONDS", 0.1)
    with connection(port) as client:
        client.sendall(GET)
        first = client.recv(65536)
        while b"ok\n" not in first:
            first += client.recv(65536)
        client.sendall(more)
        assert refusal(to_the_end(client)).status == 408


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (HEAD + b"Content-Length: 5000\r\n\r\n", b"a" * 5000),
        (CHUNKED, b"1\r\na\r\n" * 1000),
        (CHUNKED, b"0\r\n" + b"X: y\r\n" * 1000),
    ],
    ids=["length", "chunks", "trailers"],
)
def test_a_body_that_comes_byte_by_byte_is_ended(
    port: int, monkeypatch: pytest.MonkeyPatch, head: bytes, body: bytes
) -> None:
    """After BODY_SECONDS a 408 page ends it, and nothing was stored."""
    monkeypatch.setattr(guards, "BODY_SECONDS", 0.2)
    with connection(port) as client:
        client.sendall(head)
        answer = refusal(drip(client, body))
    assert answer.status == 408
    assert b"<h1" in answer.body


def test_a_client_that_reads_nothing_is_let_go(app: FastAPI, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for a large file and does not read it loses the connection after READER_SECONDS."""
    monkeypatch.setattr(wire, "READER_SECONDS", 0.1)
    with connection(port) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(b"GET /large.bin HTTP/1.1\r\nHost: blog\r\n\r\n")
        assert client.recv(12) == b"HTTP/1.1 200"
        open_ones = app.state.server.server_state.connections
        wait_until(lambda: not open_ones)


def test_a_large_file_arrives_whole(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that reads gets all of it, whatever HEADER_SECONDS and BODY_SECONDS say."""
    monkeypatch.setattr(wire, "HEADER_SECONDS", 0.01)
    monkeypatch.setattr(guards, "BODY_SECONDS", 0.01)
    with connection(port) as client:
        client.sendall(b"GET /large.bin HTTP/1.1\r\nHost: blog\r\nConnection: close\r\n\r\nG")
        (answer,) = answers(to_the_end(client))
    assert (answer.status, len(answer.body)) == (200, LARGE)


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\nX-A: " + b"a" * 1_000_000,
        b"GET /" + b"a" * 1_000_000,
        b"GET / HTTP/1.1\r\n" + b"X-A: b\r\n" * 100_000,
        CHUNKED + b"1;" + b"a" * 1_000_000,
        CHUNKED + b"0\r\nX-A: " + b"a" * 1_000_000,
        CHUNKED + b"1\r\na\r\n" * 60_000 + b"0\r\n\r\n",
    ],
    ids=["header", "address", "many headers", "chunk extension", "trailer", "tiny chunks"],
)
def test_all_that_is_not_a_body_is_bounded(port: int, request_: bytes) -> None:
    """Headers, address, trailers and what stands between chunks are at most 64 kB and some; then comes a 431."""
    with connection(port) as client:
        client.sendall(request_)
        assert refusal(to_the_end(client)).status == 431


def test_requests_before_one_that_is_too_large_are_answered(port: int) -> None:
    """Each gets its own answer, never the refusal of a later one, and then the connection ends."""
    first, second, *refused = ask(port, GET + GET + b"GET / HTTP/1.1\r\nX-A: " + b"a" * 1_000_000)
    assert (first.status, second.status) == (200, 200)
    assert [answer.status for answer in refused] in ([], [431])


@pytest.mark.parametrize("chunked", [False, True])
def test_a_client_that_sends_too_much_still_reads_why(port: int, store: Store, chunked: bool) -> None:
    """Two megabytes get a 413 with a sentence that arrives, though most of them were never looked at."""
    before, body = rows(store, tables.submissions), b"a" * 2_000_000
    head = HEAD + b"Accept: application/json\r\n"
    if chunked:
        request = head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"
    else:
        request = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    (answer,) = ask(port, request)
    assert (answer.status, answer.headers["connection"]) == (413, "close")
    assert b'"message":"The request is too large: at most 64 kB can be sent at once."' in answer.body
    assert rows(store, tables.submissions) == before


def test_a_body_of_64_kb_is_taken(port: int) -> None:
    """The largest body is read to its end, in one piece or in chunks, and the connection goes on."""
    body = FORM + b"&more=" + b"a" * (64 * 1024 - len(FORM) - 6)
    whole = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
    pieces = b"".join(b"400\r\n" + body[at : at + 1024] + b"\r\n" for at in range(0, len(body), 1024))
    found = ask(port, whole + CHUNKED + pieces + b"0\r\n\r\n" + LAST_GET)
    assert [answer.status for answer in found] == [303, 303, 200]
    one_more = HEAD + b"Content-Length: %d\r\n\r\n" % (len(body) + 1) + body + b"a"
    assert [answer.status for answer in ask(port, one_more)] == [413]


def test_a_body_that_is_announced_too_large_is_never_asked_for(port: int) -> None:
    """Expect: 100-continue with a large length gets the 413 at once, and with a small one the word to go on."""
    with connection(port) as client:
        client.sendall(HEAD + b"Expect: 100-continue\r\nContent-Length: 999999\r\n\r\n")
        assert client.recv(12) == b"HTTP/1.1 413"
    with connection(port) as client:
        client.sendall(HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(FORM))
        assert client.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(FORM)
        assert client.recv(12) == b"HTTP/1.1 303"


def test_a_flood_after_a_refusal_is_cut_off(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes after the answer is thrown away for a bounded size; then the connection is gone."""
    monkeypatch.setattr(wire, "LARGEST_REST", 100_000)
    with connection(port) as client, pytest.raises(ConnectionError):
        client.sendall(HEAD + b"Content-Length: 999999999\r\n\r\n")
        for _ in range(10_000):
            client.sendall(b"a" * 65536)


def test_a_client_that_lingers_after_a_refusal_is_let_go(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """And for a bounded time."""
    monkeypatch.setattr(wire, "REST_SECONDS", 0.1)
    with connection(port) as client, pytest.raises(ConnectionError):
        client.sendall(HEAD + b"Content-Length: 999999999\r\n\r\n")
        assert answers(to_the_end(client))[0].status == 413
        while True:
            client.sendall(b"a")


def test_requests_sent_at_once_are_answered_in_their_order(port: int) -> None:
    """Pipelined requests (RFC 9112, 9.3.2), with bodies among them, each get their own answer."""
    post = HEAD + b"Accept: application/json\r\nContent-Length: %d\r\n\r\n" % len(FORM) + FORM
    missing = b"GET /nothing HTTP/1.1\r\nHost: blog\r\n\r\n"
    found = ask(port, GET + post + missing + post + GET + LAST_GET)
    assert [answer.status for answer in found] == [200, 202, 404, 202, 200, 200]


def test_requests_before_garbage_are_answered(port: int) -> None:
    """What is not HTTP ends the connection, after the answers to what was."""
    found = ask(port, GET + GET + b"\x16\x03\x01 nonsense\r\n\r\n")
    assert [answer.status for answer in found] == [200, 200]


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"BREW / HTTP/1.1\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: blog\r\n\r\n",
        b"GET / HTTP/1.1\r\nBad Header: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: a\x00b\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"CONNECT blog:443 HTTP/1.1\r\nHost: blog\r\n\r\n",
    ],
)
def test_what_is_not_http_gets_one_sentence(port: int, request_: bytes) -> None:
    """TLS on a plain port, two lengths, signs that no header holds: a 400 with our headers, and an end."""
    with connection(port) as client:
        client.sendall(request_)
        assert refusal(to_the_end(client)).status == 400


@pytest.mark.parametrize("upgrade", [b"websocket", b"h2c"])
def test_no_other_protocol_is_spoken(port: int, upgrade: bytes) -> None:
    """A request to change the protocol is answered in this one."""
    request = LAST_GET.replace(b"Connection: close", b"Connection: Upgrade\r\nUpgrade: " + upgrade)
    with connection(port) as client:
        client.sendall(request)
        assert client.recv(12) == b"HTTP/1.1 200"


@pytest.mark.parametrize(
    "body",
    [b"ZZ\r\n", b"-1\r\n", b"ffffffffffffffff0\r\n", b"3\r\na=bXX0\r\n\r\n", b"5\r\nemail\n"],
    ids=["no number", "negative", "too long a number", "no line end", "a bare line feed"],
)
def test_a_body_that_breaks_the_rules_is_answered_at_once(port: int, store: Store, body: bytes) -> None:
    """Chunks that are none: a 400 in a moment, and not a wait for a body that cannot come any more."""
    before = len(rows(store, tables.submissions))
    with connection(port) as client:
        client.sendall(CHUNKED + body)
        assert refusal(to_the_end(client)).status == 400
    assert len(rows(store, tables.submissions)) == before


def test_a_client_that_sends_many_requests_and_leaves_is_no_fault_of_ours(
    port: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Answers that nobody waits for any more are dropped without a word, and the next client is served."""
    for _ in range(20):
        with connection(port) as client:
            client.sendall(b"GET /large.bin HTTP/1.1\r\nHost: blog\r\n\r\n" * 5)
            client.recv(1)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert [answer.status for answer in ask(port, LAST_GET)] == [200]
    assert "Exception" not in caplog.text


def test_a_get_with_a_body_without_end_is_ended(port: int) -> None:
    """A body that nobody asked for keeps no connection open."""
    with connection(port) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: blog\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        (answer,) = answers(to_the_end(client))
    assert (answer.status, answer.headers["connection"]) == (200, "close")


def test_a_client_that_goes_away_is_no_fault_of_ours(port: int, caplog: pytest.LogCaptureFixture) -> None:
    """A body that breaks off is a line in the access log and no fault, and the next client is served."""

    def broken_off() -> list[Any]:
        return [line for line in logs if line.get("method") == "POST"]  # an earlier test's GET may end meanwhile

    with capture_logs() as logs:
        for _ in range(5):
            with connection(port) as client:
                client.sendall(HEAD + b"Content-Length: 500\r\n\r\nemail=")
        wait_until(lambda: len(broken_off()) == 5)
        assert [answer.status for answer in ask(port, LAST_GET)] == [200]
    assert [line["status"] for line in broken_off()] == [0, 0, 0, 0, 0]
    assert {line["event"] for line in logs} == {"answered"}
    assert caplog.text == ""
