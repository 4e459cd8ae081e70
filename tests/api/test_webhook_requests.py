"""One request goes to the address that was judged, ends in time, and follows nobody."""

import asyncio
import ssl
import time
from ipaddress import ip_network

import httpx2
import pytest
import trustme
from webhook_sink import ENDLESS, SILENCE, Sink, listening, plain

from leadapi import webhook_requests
from leadapi.webhook_requests import MOST_READ, Answer, Request, asker
from leadapi.webhook_targets import TargetRefused

pytestmark = pytest.mark.anyio

HERE = [ip_network("127.0.0.1/32")]


@pytest.fixture
def anyio_backend() -> str:
    """The service runs on asyncio alone."""
    return "asyncio"


class Names:
    """A resolver whose answers change: each look-up takes the next one, the last stays."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers, self.asked = list(answers), 0

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked += 1
        return self.answers[min(self.asked, len(self.answers)) - 1]


def post(url: str, body: bytes = b"{}") -> Request:
    return Request("POST", url, {"Content-Type": "application/json"}, body)


async def test_a_request_arrives_as_it_was_made() -> None:
    """Method, path, host and body; the name is looked up once, and nothing of ours is added but who we are."""
    sink, names = Sink([plain(200, b"thanks")]), Names(["127.0.0.1"])
    async with listening(sink) as port:
        answer = await asker(HERE, resolve=names)(post(f"http://crm.example.com:{port}/hook?a=1", b'{"a":1}'))
    [received] = sink.received
    assert (received.method, received.path, received.body) == ("POST", "/hook?a=1", b'{"a":1}')
    assert received.headers["host"] == f"crm.example.com:{port}"
    assert received.headers["user-agent"] == "leadapi"
    assert answer == Answer(200, b"thanks")
    assert names.asked == 1


async def test_a_name_that_turns_to_this_machine_is_not_followed_there() -> None:
    """Rebinding: what was judged is what is connected to, and each request is judged anew."""
    sink = Sink()
    async with listening(sink) as port:
        names = Names(["127.0.0.1"], ["169.254.169.254"], ["127.0.0.1", "10.0.0.1"], ["127.0.0.2"])
        ask = asker(HERE, resolve=names)
        await ask(post(f"http://crm.example.com:{port}/"))
        for _ in range(3):
            with pytest.raises(TargetRefused):
                await ask(post(f"http://crm.example.com:{port}/"))
    assert (sink.connections, names.asked) == (1, 4)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "[::ffff:127.0.0.1]"])
async def test_this_machine_is_never_connected_to(host: str) -> None:
    """Without the operator's leave no connection reaches loopback, with TLS or without."""
    sink = Sink()
    async with listening(sink) as port:
        for scheme in ("http", "https"):
            with pytest.raises(TargetRefused):
                await asker([])(post(f"{scheme}://{host}:{port}/"))
    assert sink.connections == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer_and_leads_nowhere(status: int) -> None:
    """Where a receiver sends us, as to the cloud's metadata or to our own services, no connection is made."""
    other = Sink()
    async with listening(other) as other_port:
        for target in (
            "http://169.254.169.254/latest/meta-data/",
            f"http://127.0.0.1:{other_port}/",
            "//10.0.0.1/",
        ):
            sink = Sink([plain(status, Location=target)])
            async with listening(sink) as port:
                answer = await asker(HERE)(post(f"http://127.0.0.1:{port}/"))
            assert (answer.status, sink.connections) == (status, 1)
    assert other.connections == 0


async def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would look the name up by itself, and connect wherever that leads."""
    proxy, sink = Sink(), Sink()
    async with listening(proxy) as proxy_port, listening(sink) as port:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy_port}")
        await asker(HERE)(post(f"http://127.0.0.1:{port}/"))
    assert (proxy.connections, sink.connections) == (0, 1)


async def test_little_of_an_endless_answer_is_read() -> None:
    """After 64 kB the connection is closed, whatever is still to come."""
    sink = Sink([ENDLESS])
    async with listening(sink) as port:
        answer = await asker(HERE)(post(f"http://127.0.0.1:{port}/"))
    assert (answer.status, len(answer.body)) == (200, MOST_READ)


async def test_an_answer_is_not_unpacked() -> None:
    """A small answer that would unpack into a large one stays small."""
    sink = Sink([plain(200, b"\x1f\x8b not gzip at all", Content_Encoding="gzip")])
    async with listening(sink) as port:
        answer = await asker(HERE)(post(f"http://127.0.0.1:{port}/"))
    assert answer.body == b"\x1f\x8b not gzip at all"
    assert sink.received[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("behaviour", [SILENCE, ENDLESS])
async def test_a_request_ends_in_time(behaviour: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A receiver that says nothing, or never ends, holds nobody up: the limit is on the whole."""
    monkeypatch.setattr(webhook_requests, "SECONDS", 0.2)
    monkeypatch.setattr(webhook_requests, "MOST_READ", 10**12)
    sink = Sink([behaviour])
    async with listening(sink) as port:
        began = time.monotonic()
        with pytest.raises(TimeoutError, match="no whole answer"):
            await asker(HERE)(post(f"http://127.0.0.1:{port}/"))
    assert time.monotonic() - began < 5


def test_the_limit_is_ten_seconds() -> None:
    """As promised, and 64 kB."""
    assert (webhook_requests.SECONDS, MOST_READ) == (10, 65_536)


async def test_a_slow_resolver_is_part_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The look-up of the name counts too."""
    monkeypatch.setattr(webhook_requests, "SECONDS", 0.05)

    async def never(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    with pytest.raises(TimeoutError):
        await asker(HERE, resolve=never)(post("https://crm.example.com/"))


async def test_the_next_address_is_tried_where_one_does_not_answer() -> None:
    """A name with an address that is dead is reached by the other."""
    sink = Sink()
    async with listening(sink) as port:
        ask = asker([ip_network("127.0.0.0/8")], resolve=Names(["127.0.0.9", "127.0.0.1"]))
        assert (await ask(post(f"http://crm.example.com:{port}/"))).status == 204
    assert sink.connections == 1


async def test_nobody_there_is_an_error_of_the_network() -> None:
    """A port on which nobody listens."""
    async with listening(Sink()) as port:
        pass
    with pytest.raises(httpx2.ConnectError):
        await asker(HERE)(post(f"http://127.0.0.1:{port}/"))


def certified(*names: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The contexts of a server that has a certificate for the names, and of a client that believes in it."""
    authority = trustme.CA()
    server, client = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert(*names).configure_cert(server)
    authority.configure_trust(client)
    return server, client


async def test_the_certificate_must_be_the_names_own() -> None:
    """The connection goes to an address, and the certificate is that of the name all the same."""
    server, client = certified("crm.example.com")
    sink = Sink()
    async with listening(sink, server) as port:
        ask = asker(HERE, client, Names(["127.0.0.1"]))
        assert (await ask(post(f"https://crm.example.com:{port}/"))).status == 204
        with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await ask(post(f"https://other.example.com:{port}/"))
        with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await asker(HERE, None, Names(["127.0.0.1"]))(post(f"https://crm.example.com:{port}/"))
    assert [received.headers["host"] for received in sink.received] == [f"crm.example.com:{port}"]


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("99999999999", 24 * 3600),
        ("soon", None),
        ("-5", None),
        ("", None),
        ("Mon, 1 Jan 99999999999999 00:00:00 GMT", None),
        ("Mon, 1 Jan 2024 00:00:00 +99999999999999", None),
    ],
)
async def test_how_long_we_are_asked_to_wait_is_bounded(said: str, seconds: int | None) -> None:
    """Retry-After in seconds; what makes no sense says nothing."""
    sink = Sink([plain(503, Retry_After=said)])
    async with listening(sink) as port:
        assert (await asker(HERE)(post(f"http://127.0.0.1:{port}/"))).retry_after == seconds


async def test_a_date_to_wait_for_is_understood() -> None:
    """Retry-After as a date; one that is past is now."""
    for date, least, most in (
        ("Fri, 31 Dec 2199 23:59:59 GMT", 24 * 3600, 24 * 3600),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 0, 0),
    ):
        sink = Sink([plain(429, Retry_After=date)])
        async with listening(sink) as port:
            answer = await asker(HERE)(post(f"http://127.0.0.1:{port}/"))
        assert answer.retry_after is not None and least <= answer.retry_after <= most
