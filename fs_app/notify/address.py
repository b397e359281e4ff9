"""Where a webhook may go: the one gate for addresses that users give.

A name is resolved once, every address it has is checked, and the connection is made to the very address that was
checked: a name that changes between the look and the connection changes nothing.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from fs_app.errors import InvalidInput

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[[str, int], Sequence[str]]

URL_MAX = 2000
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._\-]{0,251}[A-Za-z0-9])?\.?", re.ASCII)
_PRINTABLE = re.compile(r"[\x21-\x7e]+", re.ASCII)
# Ports of services that would take an HTTP request for commands of their own (the list browsers keep, shortened).
_BAD_PORTS = frozenset(
    {
        *(0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104),
        *(109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515),
        *(526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049),
        *(3659, 4045, 4190, 5060, 5061, 6000, 6379, 6566, 6665, 6666, 6667, 6668, 6669, 6697, 8021, 10080, 11211),
    }
)
_NAT64 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))


@dataclass(frozen=True, slots=True)
class Target:
    """A checked URL in parts. ``path`` includes the query and begins with a slash."""

    scheme: str
    host: str  # without the brackets of an IPv6 address
    port: int
    path: str

    @property
    def authority(self) -> str:
        """What the Host header says: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == {"http": 80, "https": 443}[self.scheme] else f"{host}:{self.port}"


def parse_url(url: str, field: str = "url") -> Target:
    """``url`` in parts. Raises InvalidInput naming ``field``.

    >>> parse_url("https://example.org/hook?a=1")
    Target(scheme='https', host='example.org', port=443, path='/hook?a=1')
    """

    def wrong(message: str) -> InvalidInput:
        return InvalidInput(field, message)

    if len(url) > URL_MAX or not _PRINTABLE.fullmatch(url) or "\\" in url:
        raise wrong(f"not a web address: plain ASCII without spaces or backslashes, at most {URL_MAX} characters")
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        raise wrong("not a web address: give one such as https://example.org/confirmed") from None
    if parts.scheme not in ("http", "https"):
        raise wrong("must begin with https:// or http://")
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        raise wrong("holds a user name or password: webhooks are signed, leave it out")
    if not (_HOST.fullmatch(host) or _literal(host)):
        raise wrong("has no host name: give one such as https://example.org/confirmed")
    if port in _BAD_PORTS:
        raise wrong(f"port {port} is not one that web servers use")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or (443 if parts.scheme == "https" else 80), path)


def allowed_addresses(target: Target, allowed: Sequence[Network], resolve: Resolver) -> list[str]:
    """The addresses of the target's host, when every one of them may be spoken to.

    ``allowed`` are networks that may be spoken to although they are private. Raises InvalidInput when one may not,
    OSError when the name does not resolve.
    """
    literal = _literal(target.host)
    texts = [str(literal)] if literal else list(resolve(target.host, target.port))
    if not texts:
        raise OSError(f"{target.host} has no address")
    for text in texts:
        address = ipaddress.ip_address(text.partition("%")[0])
        if not _may(address, allowed):
            raise InvalidInput("url", f"{target.host} is {address}, inside this machine or a private network")
    return texts


def check_literal(target: Target, allowed: Sequence[Network], field: str = "url") -> None:
    """Refuse a host that is itself an address, or ``localhost``, which may not be spoken to. Asks nobody.

    Raises InvalidInput naming ``field``.
    """
    literal = _literal(target.host)
    if literal is None and (target.host == "localhost" or target.host.endswith(".localhost")):
        literal = ipaddress.IPv4Address("127.0.0.1")
    if literal is not None and not _may(literal, allowed):
        raise InvalidInput(
            field,
            f"{target.host} is inside this machine or a private network: give a public address, or have the operator"
            " allow that network (webhook_networks)",
        )


def resolve(host: str, port: int) -> Sequence[str]:
    """Every address of ``host``, in the system's order of preference. Blocks. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(address: IpAddress) -> bool:
    """Whether ``address``, and any IPv4 address wrapped in it, belongs to the public internet."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address.teredo is not None:
            inner = address.teredo[1]
        if inner is None and any(address in network for network in _NAT64):
            inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if inner is None and int(address) >> 32 == 0:  # ::a.b.c.d, long deprecated; :: and ::1 among them
            return False
        if inner is not None:
            return is_public(inner)
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _may(address: IpAddress, allowed: Sequence[Network]) -> bool:
    return is_public(address) or any(_within(address, network) for network in allowed)


def _within(address: IpAddress, network: Network) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None and network.version == 4:
        return address.ipv4_mapped in network
    return address in network


def _literal(host: str) -> IpAddress | None:
    """The address that ``host`` is, in any spelling the system's resolver would take (127.1, 0x7f000001)."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    if re.fullmatch(r"[0-9a-fA-FxX.]+", host) and re.match(r"[0-9]", host):
        try:
            return ipaddress.IPv4Address(socket.inet_aton(host))
        except (OSError, ValueError):
            return None
    return None
