"""Which addresses and ports may be connected to: the one guard of everything that is fetched.

A feed's URL, a redirect and a name's DNS answer are all written by others, and each may point into the
house: at a router, a database, a cloud's metadata service. So the address itself is judged, at the last
moment before a socket exists, whatever the URL looked like.

Source: IANA special-purpose address registries (RFC 6890); RFC 4291 2.5.5.2 (IPv4-mapped), RFC 6052
(NAT64), RFC 7526 (6to4), RFC 4380 (Teredo); the port list of the Fetch standard (WHATWG), "port blocking".
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network
AddressInfo: TypeAlias = tuple[int, int, int, str, tuple[object, ...]]  # as `getaddrinfo` gives them

GLOBAL_UNICAST = IPv6Network("2000::/3")  # all that IANA has given out so far
NAT64 = IPv6Network("64:ff9b::/96")
REMEMBERED = 4096  # hosts that were judged: each is, several times for every poll
AZURE_WIRE_SERVER = IPv4Address("168.63.129.16")  # a public address by its number, a metadata service in fact

# One port a line would hide what this is.
# fmt: off
BAD_PORTS = frozenset({
    1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104,
    109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515,
    526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049,
    3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
})
# fmt: on


class AddressRefused(OSError):  # noqa: N818 - a refusal; the library passes an OSError on to the next address
    """This address is not connected to; `str()` is the reason."""


class Guard:
    """The judge of addresses. `networks` are private ones that the administrator opened."""

    def __init__(self, networks: Iterable[Network] = ()) -> None:
        self._networks = tuple(networks)
        self._judged = lru_cache(REMEMBERED)(self._judge)

    def opened(self, address: Address) -> bool:
        """Whether the administrator opened the network of this address."""
        return any(form in network for form in (address, plain(address)) for network in self._networks)

    def refusal(self, host: str, port: int | None = None) -> str:
        """Why an address (a literal one) and port are not connected to; "" if they are.

        A `host` that is no literal address passes: it is judged when it has been resolved.
        """
        if port in BAD_PORTS:
            return f"port {port} is not a web server's"
        return self._judged(host)

    def _judge(self, host: str) -> str:
        try:
            address = ip_address(host.strip("[]").partition("%")[0])
        except ValueError:
            return ""
        if is_public(address) or self.opened(address):
            return ""
        return f"{address} is a private address (http.allowed_networks opens it)"

    def address(self, host: str) -> str:
        """The first address of a host that may be connected to.

        It takes the place of the name from here on, which may have another one a moment later. Raises
        AddressRefused where there is none, `socket.gaierror` where the name has no address.
        """
        reason = ""
        for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM):
            address = str(info[4][0])
            if not (reason := self.refusal(address)):
                return address
        raise AddressRefused(reason)

    def open_socket(self, info: AddressInfo) -> socket.socket:
        """A socket for an address that passes; raises AddressRefused for any other."""
        family, kind, protocol, _, (host, port, *_) = info
        if reason := self.refusal(str(host), int(str(port))):
            raise AddressRefused(reason)
        return socket.socket(family, kind, protocol)


def is_public(address: Address) -> bool:
    """Whether the address belongs to the public internet.

    6to4 and Teredo carry an IPv4 address of anybody's choice, and nobody serves a feed from them: refused.
    """
    address = plain(address)
    if isinstance(address, IPv4Address):
        return address.is_global and not address.is_multicast and address != AZURE_WIRE_SERVER
    tunnel = address.sixtofour is not None or address.teredo is not None
    return address in GLOBAL_UNICAST and address.is_global and not tunnel


def plain(address: Address) -> Address:
    """The IPv4 address that the kernel or a NAT64 gateway takes out of this one; else itself."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return address.ipv4_mapped
        if address in NAT64:
            return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address
