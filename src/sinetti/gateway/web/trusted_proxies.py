"""Whose word about a client certificate is taken: a Unix socket's, or that of a listed proxy with a secret."""

import hmac
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Self

SHORTEST_SECRET = 32
"""Octets, as `openssl rand -hex 16` writes them: 128 bits."""

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class InsecureProxySettings(ValueError):
    """These settings would take anybody's word; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class TrustedProxies:
    """Who may say which certificate a caller showed.

    `unix`: the door is on a Unix socket and nowhere else, so that its file decides who speaks. Otherwise the peer has
    to be in `networks` and to know `secret`; one that is set is asked for on a Unix socket as well.
    """

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    secret: bytes | None = field(default=None, repr=False)
    unix: bool = False

    @classmethod
    def listed(cls, addresses: Sequence[str], secret: bytes) -> Self:
        """Take proxies by their addresses or networks (CIDR) and the secret that they send.

        Raises InsecureProxySettings for an empty list, an address that is none, or a secret that is too short.
        """
        if not addresses:
            why = "no proxy is listed: name the addresses that may hand over certificates, or use a Unix socket"
            raise InsecureProxySettings(why)
        return cls(tuple(_network(one) for one in addresses), check_secret_strength(secret))

    @classmethod
    def on_unix_socket(cls, secret: bytes | None = None) -> Self:
        """Take whoever can open the socket's file, with a secret beside it where one is given."""
        return cls(secret=None if secret is None else check_secret_strength(secret), unix=True)

    def trusts(self, peer: str | None, secrets: Iterable[bytes]) -> bool:
        """Whether this peer's word counts: its address (None on a Unix socket), and the secrets that it sent."""
        shown = list(secrets)
        if self.secret is None:
            return self.unix and peer is None
        # Compared whatever else is wrong, and in constant time: nobody learns the secret by asking.
        known = len(shown) == 1 and hmac.compare_digest(shown[0], self.secret)
        return known and (self.unix if peer is None else not self.unix and self._lists(peer))

    def _lists(self, peer: str) -> bool:
        try:
            address = ip_address(peer.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)  # as a socket for both families has it
        return any((mapped or address) in network for network in self.networks)


def read_secret(path: Path) -> bytes:
    """Read a secret from a file that nobody else may read: one line. Raises InsecureProxySettings, or OSError."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode) or found.st_mode & _OTHERS:
        why = f"{path} can be read by others: chmod 600 it, and make a new secret"
        raise InsecureProxySettings(why)
    return check_secret_strength(path.read_bytes().strip())


def check_secret_strength(secret: bytes) -> bytes:
    """Give the secret back. Raises InsecureProxySettings for one that can be guessed, or that no header can carry."""
    if len(secret) < SHORTEST_SECRET or not secret.isascii() or not secret.decode("ascii").isprintable():
        why = f"the secret has at least {SHORTEST_SECRET} letters and digits, such as `openssl rand -hex 16` writes"
        raise InsecureProxySettings(why)
    return secret


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text)
    except ValueError as bad:
        why = f"{text!r} is neither an address nor a network"
        raise InsecureProxySettings(why) from bad
