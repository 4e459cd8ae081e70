"""Which machines the owner's webhooks may reach: those of the public internet, and networks that the operator
allows.

A receiver is named by an address that somebody typed, and this machine may reach what the world may not: its own
services, its neighbours, the cloud's metadata. So a name is judged by every address that it resolves to, one bad
address is a refusal, and the connection goes to an address that was judged, never to the name: a second look-up
may answer otherwise (DNS rebinding). What is allowed is a list of what is public (IANA's special-purpose
registries), so that a way of writing an address that nobody thought of is refused too.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Collection
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

Address = IPv4Address | IPv6Address
Networks = Collection[IPv4Network | IPv6Network]
Resolve = Callable[[str, int], Awaitable[list[str]]]

LONGEST_URL = 2_000

_NAT64 = ip_network("64:ff9b::/96")
_GLOBAL_IPV6 = ip_network("2000::/3")
"""All that was ever given out as public (RFC 4291, 2.4; IANA)."""

_NEVER = tuple(
    map(
        ip_network,
        (
            "168.63.129.16/32",  # a cloud's own services, at a public address
            "192.0.0.0/24",  # protocols' own, of which Python takes two for public
            "192.88.99.0/24",  # 6to4, out of use (RFC 7526)
            "2001::/23",  # protocols' own, Teredo too: it carries an IPv4 address
            "2002::/16",  # 6to4: so does this
            "3fff::/20",  # documentation (RFC 9637)
        ),
    )
)


class TargetRefused(Exception):
    """The receiver lies where webhooks must not go; the message says so in one sentence."""


def complaint(url: str) -> str:
    """What is wrong with a receiver's address as it is written; nothing where it may be tried."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "This is not an address, such as https://crm.example.com/hook."
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        return f"The address must be at most {LONGEST_URL:,} plain characters, as a browser sends them."
    if parts.scheme not in ("https", "http") or not parts.hostname or port == 0:
        return "The address must begin with https:// and a host, such as https://crm.example.com/hook."
    return _too_much(parts)


def _too_much(parts: SplitResult) -> str:
    if "@" in parts.netloc:
        return "The address must hold no user and password; the signature says who sends."
    return "The address must hold no # part; it is never sent." if parts.fragment else ""


async def checked(host: str, port: int, scheme: str, allowed: Networks, resolve: Resolve) -> list[Address]:
    """The addresses of the host, each of which may be asked. Raises TargetRefused, or OSError where there is none.

    Without TLS only what the operator allowed is asked: on the way to anything else people's data can be read.
    """
    found = [ip_address(text) for text in await resolve(host, port)]
    if not found:
        raise OSError(f"The host {host} has no address.")
    for address in found:
        if not may_be_asked(address, allowed):
            raise TargetRefused(f"The host {host} resolves to {address}, which is not on the public internet.")
        if scheme != "https" and not _within(address, allowed):
            raise TargetRefused(f"The host {host} is not asked without TLS: its address must begin with https.")
    return found


def may_be_asked(address: Address, allowed: Networks = ()) -> bool:
    """Whether this one address is public, or in a network that the operator allows."""
    plain = _plain(address)
    if _within(plain, allowed):
        return True
    public = plain.is_global and not plain.is_multicast and not _within(plain, _NEVER)
    return public and (plain.version == 4 or plain in _GLOBAL_IPV6)


async def look_up(host: str, port: int) -> list[str]:
    """All addresses of the host, as this machine knows them."""
    rows = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(row[4][0]) for row in rows))


def _within(address: Address, networks: Networks) -> bool:
    return any(_plain(address) in network for network in networks)


def _plain(address: Address) -> Address:
    """The IPv4 address that an IPv6 address leads to, where it does (RFC 4291, 2.5.5.2; RFC 6052, 2.1)."""
    if isinstance(address, IPv6Address):
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
        return address.ipv4_mapped or address
    return address
