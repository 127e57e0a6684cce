"""Whose word about a client certificate is taken: a Unix socket's, or that of a listed proxy with a secret.

The client certificate as a proxy hands it over in a header, and the header names that are ours to set.

One header, `Client-Cert`, in either of two forms: RFC 9440 (`:base64 of the DER:`) or what nginx calls
`$ssl_client_escaped_cert` (PEM, percent-encoded). One name, so that a proxy that sets it has replaced whatever the
caller wrote there.
"""

import base64
import hmac
import re
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Final, Self
from urllib.parse import unquote_to_bytes

from cryptography import x509

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
    """Read a secret from a file that nobody else may read: one line.

    Raises InsecureProxySettings, or OSError.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode) or found.st_mode & _OTHERS:
        why = f"{path} can be read by others: chmod 600 it, and make a new secret"
        raise InsecureProxySettings(why)
    return check_secret_strength(path.read_bytes().strip())


def check_secret_strength(secret: bytes) -> bytes:
    """Give the secret back.

    Raises InsecureProxySettings for one that can be guessed, or that no header can carry.
    """
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


CERTIFICATE: Final = "client-cert"
CHAIN: Final = "client-cert-chain"
SECRET: Final = "sinetti-proxy-secret"  # noqa: S105 - the name of a header
"""Headers that a proxy sets; lower-case."""

LARGEST: Final = 64 * 1024
"""Octets of such a header; a certificate with an RSA key of 8192 bits and a long name has 4 kB."""

LONGEST_CHAIN: Final = 8

UNREADABLE: Final = b""
"""Stands for a certificate that cannot be read: whoever identifies it says that it is malformed."""

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"

_BINARY = re.compile(r":([A-Za-z0-9+/]*={0,2}):")
"""A byte sequence (RFC 8941, 3.3.5)."""

_NOT_IN_NAMES = re.compile(r"[^a-z0-9]")


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """What a caller showed: a certificate in DER, and certificates that may help to find its issuer."""

    certificate: bytes
    chain: tuple[x509.Certificate, ...] = ()


def is_reserved_header(name: str) -> bool:
    """Whether a header name is one of `Sinetti-…`, however its hyphens are written.

    Servers give `Sinetti_Customer_Id` and, some of them, `Sinetti.Customer.Id` to an application under the same name as
    `Sinetti-Customer-Id` (RFC 3875, 4.1.18).
    """
    return _NOT_IN_NAMES.sub("-", name.lower()).startswith("sinetti-")


def is_presented(name: str) -> bool:
    """Whether a header name is one that a certificate comes in, however its hyphens are written."""
    return _NOT_IN_NAMES.sub("-", name.lower()) in {CERTIFICATE, CHAIN}


def from_headers(certificates: Iterable[str], chains: Iterable[str] = ()) -> ClientCertificate | None:
    """Read the values of `Client-Cert` and `Client-Cert-Chain`; None where no certificate was shown.

    nginx sends an empty value, or none, for a caller without a certificate. More than one is nobody's: unreadable.
    """
    shown = [value.strip() for value in certificates]
    if not any(shown):
        return None
    if len(shown) > 1 or len(shown[0]) > LARGEST:
        return ClientCertificate(UNREADABLE)
    return ClientCertificate(_certificate(shown[0]), _chain(", ".join(chains)))


def from_tls(pems: Sequence[str]) -> ClientCertificate | None:
    """Take the certificates of a TLS handshake, as PEM and the caller's own first; None where there is none."""
    if not pems:
        return None
    above = [_of_pem(one) for one in pems[1 : 1 + LONGEST_CHAIN]]
    return ClientCertificate(_of_pem(pems[0]), _helpers(above))


def _certificate(value: str) -> bytes:
    octets = _binary(value)
    if octets is not None:
        return octets
    return _of_pem(unquote_to_bytes(value).decode("ascii", "replace"))


def _of_pem(pem: str) -> bytes:
    """Read one certificate and nothing beside it.

    Servers for WSGI join two headers of one name by a comma, and base64 that is read leniently ends at the first "=":
    then the first of two certificates would count, which may be what the caller wrote there himself.
    """
    text = pem.strip()
    if not (text.startswith(_BEGIN) and text.endswith(_END)):
        return UNREADABLE
    return _decoded("".join(text[len(_BEGIN) : -len(_END)].split()))


def _chain(value: str) -> tuple[x509.Certificate, ...]:
    """Read a list of byte sequences (RFC 9440, 2.3)."""
    if len(value) > LARGEST:
        return ()
    return _helpers([_binary(part.strip()) or UNREADABLE for part in value.split(",")[:LONGEST_CHAIN]])


def _helpers(ders: Iterable[bytes]) -> tuple[x509.Certificate, ...]:
    """Read certificates that nobody trusts, and that only help to find those that somebody does: bad ones drop out."""
    found = []
    for der in ders:
        try:
            found.append(x509.load_der_x509_certificate(der))
        except (ValueError, x509.InvalidVersion):
            continue
    return tuple(found)


def _binary(value: str) -> bytes | None:
    matched = _BINARY.fullmatch(value)
    return None if matched is None else _decoded(matched[1])


def _decoded(text: str) -> bytes:
    """Read base64 that holds nothing else (RFC 4648, 3.3)."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return UNREADABLE
