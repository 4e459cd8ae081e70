"""No webhook reaches a machine that the world cannot reach, however its address is written or given."""

import asyncio
from collections.abc import Sequence
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadapi.webhook_targets import TargetRefused, checked, complaint, look_up, may_be_asked

PRIVATE = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.9",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%2",
    "fec0::1",
    "ff02::1",
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "172.15.0.1", "172.32.0.1", "2606:4700::1111", "2a00:1450::1", "64:ff9b::808:808"]


@pytest.mark.parametrize("text", PRIVATE)
def test_what_is_not_public_is_refused(text: str) -> None:
    """Private, loopback, link-local, shared, reserved, multicast, and what carries one of them."""
    assert not may_be_asked(ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_what_is_public_may_be_asked(text: str) -> None:
    """The neighbours of the private networks, and what a NAT64 makes of a public address, are public."""
    assert may_be_asked(ip_address(text))


@given(st.ip_addresses(v=4))
def test_an_address_is_judged_the_same_however_ipv6_carries_it(address: object) -> None:
    """Mapped, or translated by a NAT64, an IPv4 address is what it is."""
    alone = may_be_asked(ip_address(str(address)))
    assert may_be_asked(ip_address(f"::ffff:{address}")) == alone
    assert may_be_asked(ip_address(f"64:ff9b::{address}")) == alone


def test_the_operator_may_allow_a_network_and_no_more() -> None:
    """An intranet's receiver is reached; its neighbours are not."""
    allowed = [ip_network("10.1.0.0/16"), ip_network("fd12::/64")]
    assert may_be_asked(ip_address("10.1.2.3"), allowed)
    assert may_be_asked(ip_address("::ffff:10.1.2.3"), allowed)
    assert may_be_asked(ip_address("fd12::5"), allowed)
    assert not may_be_asked(ip_address("10.2.0.1"), allowed)
    assert not may_be_asked(ip_address("fd12:0:0:1::5"), allowed)


async def resolved(*addresses: str, scheme: str = "https", allowed: Sequence[str] = ()) -> list[str]:
    async def resolve(host: str, port: int) -> list[str]:
        return list(addresses)

    networks = [ip_network(text) for text in allowed]
    return [str(address) for address in await checked("crm.example.com", 443, scheme, networks, resolve)]


def test_one_bad_address_among_many_is_a_refusal() -> None:
    """A name is as bad as the worst of its addresses: nobody knows which one is taken."""
    assert asyncio.run(resolved("8.8.8.8", "2606:4700::1111")) == ["8.8.8.8", "2606:4700::1111"]
    for bad in ("127.0.0.1", "::1", "169.254.169.254"):
        with pytest.raises(TargetRefused, match="not on the public internet"):
            asyncio.run(resolved("8.8.8.8", bad))


def test_without_tls_only_what_is_allowed_is_asked() -> None:
    """People's data goes over the internet encrypted; in a network of the operator's it may do without."""
    with pytest.raises(TargetRefused, match="https"):
        asyncio.run(resolved("8.8.8.8", scheme="http"))
    assert asyncio.run(resolved("10.0.0.1", scheme="http", allowed=["10.0.0.0/8"])) == ["10.0.0.1"]


def test_a_name_without_an_address_is_no_refusal() -> None:
    """It may have one tomorrow."""
    with pytest.raises(OSError, match="no address"):
        asyncio.run(resolved())


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "localhost", "::1"])
def test_other_ways_to_write_this_machine_are_seen(host: str) -> None:
    """Whatever the resolver makes of a host is judged, not what it looks like."""

    async def ask() -> None:
        await checked(host, 443, "https", [], look_up)

    with pytest.raises(TargetRefused, match="not on the public internet"):
        asyncio.run(ask())


@pytest.mark.parametrize(
    "url",
    [
        "",
        "crm.example.com",
        "ftp://crm.example.com/",
        "file:///etc/passwd",
        "gopher://crm.example.com/",
        "https://",
        "https:///path",
        "https://alice:secret@crm.example.com/",
        "https://crm.example.com@127.0.0.1/",
        "https://crm.example.com/#part",
        "https://crm.example.com:99999/",
        "https://crm.example.com:0/",
        "https://[::1/",
        "https://crm.example.com/\r\nX: y",
        "https://crm.example.com/a b",
        "https://crm.exämple.com/",
        "https://crm.example.com/" + "a" * 2_000,
    ],
)
def test_what_is_no_address_of_a_receiver_is_told(url: str) -> None:
    """A wrong address gets a sentence when it is typed."""
    assert complaint(url).endswith(".")


def test_a_good_address_has_no_complaint() -> None:
    """Ports, paths and queries are the receiver's business."""
    assert complaint("https://crm.example.com:8443/hook?key=1") == ""
