"""No connection leaves for a private address, however the URL is written."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.config import Http
from service.fetch.guard import AddressRefused, Guard, is_public
from service.fetch.transports import Fetcher
from service.model import Failure, FailureKind, Fetched, Source, utcnow
from tests.servers import FeedServer

PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "100.100.100.200",
    "169.254.169.254",
    "168.63.129.16",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.255.255.250",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2002:0808:0808::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]
PUBLIC = ["93.184.216.34", "8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_refused_with_the_way_out(address: str) -> None:
    assert not is_public(ip_address(address))
    assert "is a private address (http.allowed_networks opens it)" in Guard().refusal(address, 80)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_passes(address: str) -> None:
    assert is_public(ip_address(address))
    assert Guard().refusal(address, 443) == ""


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_the_same_when_it_is_mapped_or_translated(address: IPv4Address) -> None:
    for prefix in (0xFFFF << 32, int(IPv6Address("64:ff9b::"))):
        assert is_public(IPv6Address(prefix | int(address))) == is_public(address)


@given(st.ip_addresses())
def test_whatever_passes_is_global(address: IPv4Address | IPv6Address) -> None:
    if is_public(address) and not (isinstance(address, IPv6Address) and int(address) >> 125 != 1):
        assert address.is_global
        assert not address.is_multicast


def test_an_opened_network_is_open_in_both_of_its_forms_and_no_further() -> None:
    guard = Guard([ip_network("10.1.0.0/16"), ip_network("fd00:1::/32")])
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "fd00:1::5"):
        assert guard.refusal(address, 8080) == ""
    for address in ("10.2.0.1", "127.0.0.1", "fd00:2::5"):
        assert guard.refusal(address, 8080)


def test_ports_of_other_services_are_refused_even_in_an_opened_network() -> None:
    guard = Guard([ip_network("10.0.0.0/8")])
    assert [port for port in (22, 25, 80, 443, 6667, 8080) if guard.refusal("10.0.0.1", port)] == [
        22,
        25,
        6667,
    ]


def test_no_socket_comes_into_being_for_a_private_address() -> None:
    with pytest.raises(AddressRefused, match="fe80::1 is a private address"):
        Guard().open_socket((socket.AF_INET6, socket.SOCK_STREAM, 0, "", ("fe80::1%eth0", 80, 0, 2)))
    with Guard().open_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("8.8.8.8", 80))) as opened:
        assert opened.family is socket.AF_INET


# ---------------------------------------------------------------- with real requests

WAYS_TO_WRITE_LOOPBACK = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0177.0.0.1",
    "0x7f.1",
    "0x7f000001",
    "0.0.0.0",
    "0",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[0:0:0:0:0:ffff:7f00:1]",
    "[64:ff9b::7f00:1]",
    "[fe80::1%25lo]",
    "127。0。0。1",
    "①②⑦.⓪.⓪.①",
    "127.0.0.1.",
    "user:secret@127.0.0.1",
    "example.org@127.0.0.1",
    "example.org\\@127.0.0.1",
    "127.0.\t0.1",
]


@pytest.fixture(scope="module")
def server() -> Iterator[FeedServer]:
    with FeedServer() as server:
        server.serve("/feed", b"<rss/>")
        yield server


@pytest.fixture(scope="module")
def guarded() -> Iterator[Fetcher]:
    fetcher = Fetcher(Http(), clock=utcnow, agent_version="1")
    yield fetcher
    fetcher.close()


@pytest.mark.parametrize("host", WAYS_TO_WRITE_LOOPBACK)
def test_loopback_is_not_reached_however_it_is_written(
    guarded: Fetcher, server: FeedServer, host: str
) -> None:
    port = server.origin.rpartition(":")[2]
    result = guarded.fetch(Source(name="x", url=f"http://{host}:{port}/feed"))
    assert isinstance(result, Failure)
    assert result.kind is FailureKind.REFUSED, result.reason
    assert "secret" not in result.reason
    assert not server.requests


def test_the_refusal_names_the_address_behind_a_name(guarded: Fetcher, server: FeedServer) -> None:
    url = server.url("/feed").replace("127.0.0.1", "localhost")
    result = guarded.fetch(Source(name="x", url=url))
    assert isinstance(result, Failure)
    assert result.reason == "127.0.0.1 is a private address (http.allowed_networks opens it)"


def test_a_name_is_fetched_where_one_of_its_addresses_is_open(server: FeedServer) -> None:
    """`localhost` is ::1 too, which stays closed and is passed over."""
    fetcher = Fetcher(Http(allowed_networks=("127.0.0.1",)), clock=utcnow, agent_version="1")
    try:
        url = server.url("/feed").replace("127.0.0.1", "localhost")
        assert isinstance(fetcher.fetch(Source(name="x", url=url)), Fetched)
    finally:
        fetcher.close()
        server.requests.clear()
