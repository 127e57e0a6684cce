"""Proxies that may pass client certificates in a header, and the header names.

A trusted proxy connects through a Unix socket, or is listed and sends a secret.

The only certificate header is `Client-Cert`, in one of two forms. These are RFC 9440 (`:base64 of the DER:`), and
nginx's `$ssl_client_escaped_cert` (PEM, percent-encoded). With one name, a proxy that sets it has replaced the value
that the caller sent.
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
"""Shortest secret in octets, as `openssl rand -hex 16` writes it: 128 bits."""

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class InsecureProxySettings(ValueError):
    """Proxy settings that would trust every peer; the text says what is missing."""


@dataclass(frozen=True)
class TrustedProxies:
    """Proxies that may state which certificate a caller presented.

    `unix`: the server listens on a Unix socket only, so the permissions of its file decide which processes connect.
    Otherwise the peer's address must be in `networks` and the peer must send `secret`. If a secret is set, it is
    required on a Unix socket as well.
    """

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    secret: bytes | None = field(default=None, repr=False)
    unix: bool = False

    @classmethod
    def listed(cls, addresses: Sequence[str], secret: bytes) -> Self:
        """Trust proxies by their addresses or networks (CIDR) and their secret.

        Raises InsecureProxySettings for an empty list, an invalid address, or a secret that is too short.
        """
        if not addresses:
            raise InsecureProxySettings(
                "no proxy is listed: list the addresses that may pass on certificates, or use a Unix socket"
            )
        return cls(tuple(_network(address) for address in addresses), check_secret_strength(secret))

    @classmethod
    def on_unix_socket(cls, secret: bytes | None = None) -> Self:
        """Trust every process that can open the socket's file, with an optional secret."""
        return cls(secret=None if secret is None else check_secret_strength(secret), unix=True)

    def trusts(self, peer: str | None, secrets: Iterable[bytes]) -> bool:
        """Return whether this peer is trusted.

        `peer` is its address (None on a Unix socket), `secrets` are the secrets that it sent.
        """
        sent_secrets = list(secrets)
        if self.secret is None:
            return self.unix and peer is None
        # Compared first and in constant time, so that response times reveal nothing about the secret.
        known = len(sent_secrets) == 1 and hmac.compare_digest(sent_secrets[0], self.secret)
        return known and (self.unix if peer is None else not self.unix and self._lists(peer))

    def _lists(self, peer: str) -> bool:
        try:
            address = ip_address(peer.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)  # a dual-stack socket reports IPv4 peers this way
        return any((mapped or address) in network for network in self.networks)


def read_secret(path: Path) -> bytes:
    """Read a secret of one line from a file that only its owner may read.

    Raises InsecureProxySettings if other users may read it, or OSError.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode) or status.st_mode & _OTHERS:
        raise InsecureProxySettings(f"other users can read {path}: run chmod 600 and create a new secret")
    return check_secret_strength(path.read_bytes().strip())


def check_secret_strength(secret: bytes) -> bytes:
    """Return the secret unchanged if it is strong enough.

    Raises InsecureProxySettings if it can be guessed, or if no header can carry it.
    """
    if len(secret) < SHORTEST_SECRET or not secret.isascii() or not secret.decode("ascii").isprintable():
        raise InsecureProxySettings(
            f"the secret needs at least {SHORTEST_SECRET} letters and digits; `openssl rand -hex 16` creates one"
        )
    return secret


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text)
    except ValueError as bad:
        raise InsecureProxySettings(f"{text!r} is neither an address nor a network") from bad


CERTIFICATE: Final = "client-cert"
CHAIN: Final = "client-cert-chain"
SECRET: Final = "sinetti-proxy-secret"  # noqa: S105 - the name of a header
"""Headers that a proxy sets, in lower case."""

LARGEST: Final = 64 * 1024
"""Largest size of such a header in octets.

A certificate with an RSA key of 8192 bits and a long name has 4 kB.
"""

LONGEST_CHAIN: Final = 8

UNREADABLE: Final = b""
"""Placeholder for an unreadable certificate; the verdict on it is "malformed"."""

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"

_BINARY = re.compile(r":([A-Za-z0-9+/]*={0,2}):")
"""Byte sequence (RFC 8941, 3.3.5)."""

_NOT_IN_NAMES = re.compile(r"[^a-z0-9]")


@dataclass(frozen=True)
class ClientCertificate:
    """Presented certificate in DER, with certificates that may help to find its CA."""

    certificate: bytes
    chain: tuple[x509.Certificate, ...] = ()


def is_reserved_header(name: str) -> bool:
    """Return whether a header name is one of `Sinetti-…`, in any spelling of hyphens.

    Servers pass `Sinetti_Customer_Id` to an application under the same name as `Sinetti-Customer-Id` (RFC 3875,
    4.1.18). Some of them do so for `Sinetti.Customer.Id` too.
    """
    return _NOT_IN_NAMES.sub("-", name.lower()).startswith("sinetti-")


def is_presented(name: str) -> bool:
    """Return whether a header carries a certificate, in any spelling of hyphens."""
    return _NOT_IN_NAMES.sub("-", name.lower()) in {CERTIFICATE, CHAIN}


def from_headers(certificates: Iterable[str], chains: Iterable[str] = ()) -> ClientCertificate | None:
    """Parse the values of `Client-Cert` and `Client-Cert-Chain`.

    Returns None if no certificate was presented: nginx then sends an empty value, or none. More than one value is
    ambiguous and counts as unreadable.
    """
    values = [value.strip() for value in certificates]
    if not any(values):
        return None
    if len(values) > 1 or len(values[0]) > LARGEST:
        return ClientCertificate(UNREADABLE)
    return ClientCertificate(_certificate(values[0]), _chain(", ".join(chains)))


def from_tls(pems: Sequence[str]) -> ClientCertificate | None:
    """Return the certificates of a TLS handshake, the caller's own first, from PEM.

    Returns None if there are none.
    """
    if not pems:
        return None
    above = [_of_pem(pem) for pem in pems[1 : 1 + LONGEST_CHAIN]]
    return ClientCertificate(_of_pem(pems[0]), _helpers(above))


def _certificate(value: str) -> bytes:
    octets = _binary(value)
    if octets is not None:
        return octets
    return _of_pem(unquote_to_bytes(value).decode("ascii", "replace"))


def _of_pem(pem: str) -> bytes:
    """Parse exactly one certificate.

    WSGI servers join two headers of one name by a comma, and a lenient base64 decoder ends at the first "=". The first
    of two certificates would then count, and the caller may have written it.
    """
    text = pem.strip()
    if not (text.startswith(_BEGIN) and text.endswith(_END)):
        return UNREADABLE
    return _decoded("".join(text[len(_BEGIN) : -len(_END)].split()))


def _chain(value: str) -> tuple[x509.Certificate, ...]:
    """Parse a list of byte sequences (RFC 9440, 2.3)."""
    if not value or len(value) > LARGEST:
        return ()
    return _helpers([_binary(part.strip()) or UNREADABLE for part in value.split(",")[:LONGEST_CHAIN]])


def _helpers(ders: Iterable[bytes]) -> tuple[x509.Certificate, ...]:
    """Parse untrusted certificates that only help to build a path.

    Unreadable certificates are skipped.
    """
    certificates = []
    for der in ders:
        try:
            certificates.append(x509.load_der_x509_certificate(der))
        except (ValueError, x509.InvalidVersion):
            continue
    return tuple(certificates)


def _binary(value: str) -> bytes | None:
    matched = _BINARY.fullmatch(value)
    return None if matched is None else _decoded(matched[1])


def _decoded(text: str) -> bytes:
    """Decode base64 strictly (RFC 4648, 3.3)."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return UNREADABLE
