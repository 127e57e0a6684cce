"""Login with SSH keys of valid certificates of the SFTP channel.

A key may log in only as the user of its own organisation. sshd runs this through AuthorizedKeysCommand
(sshd_config(5)) each time that a key is offered; see docs/relying/sftp.md.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_public_key

from sinetti.domain.values import MAXIMUM_LENGTH
from sinetti.gateway.verdicts.verdict import Verdict, VerdictReason
from sinetti.pki.chain import load_bundle
from sinetti.pki.encoding import PublicKey, load_certificate

LONGEST_KEY = 4096
"""Largest key in characters of base64; an RSA key of 8192 bits has 1,400."""

LARGEST_FILE = 65_536
"""Largest file in octets, with a holder's certificate and perhaps its chain."""

_TYPES = {
    "ssh-rsa": "ssh-rsa",
    "rsa-sha2-256": "ssh-rsa",
    "rsa-sha2-512": "ssh-rsa",
    "ecdsa-sha2-nistp256": "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384": "ecdsa-sha2-nistp384",
}
"""Key type by the algorithm name that sshd may report.

The names rsa-sha2-* are signature algorithms of ssh-rsa keys (RFC 8332, 3).
"""

_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,255}\$?")
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_CUSTOMER = re.compile(rf"[A-Za-z0-9./-]{{1,{MAXIMUM_LENGTH}}}")

_SAYS_NO_OF_THE_KEY = frozenset({VerdictReason.REVOKED, VerdictReason.STATUS_UNKNOWN})


class Identifies(Protocol):
    """Interface of the gateway, as needed here."""

    def identify(self, certificate: x509.Certificate | bytes, now: datetime) -> Verdict:
        """Return the verdict on one certificate."""


@dataclass(frozen=True)
class KeyAccepted:
    """Acceptance: the key may log in.

    Holds the one line for sshd, in the format of authorized_keys, and the certificate's serial number.
    """

    line: str
    serial: str


@dataclass(frozen=True)
class KeyRejected:
    """Rejection: the key may not log in.

    `why` is a sentence for the operator. It contains no data of an organisation.
    """

    why: str


@dataclass(frozen=True)
class OfferedKey:
    """Offered key, and the name of the user for the login."""

    user: str
    key: PublicKey


def parse_offered(user: str, kind: str, encoded: str) -> OfferedKey:
    """Parse the arguments from sshd: user (%u), type (%t) and base64 (%k) of a key.

    Raises ValueError with a sentence.
    """
    if not _USER.fullmatch(user):
        raise ValueError("this is not a user name")
    if kind not in _TYPES:
        raise ValueError(f"holders' keys are of the types {', '.join(_TYPES)}; no others are checked")
    if len(encoded) > LONGEST_KEY or not _BASE64.fullmatch(encoded):
        raise ValueError("the key is not base64, or too long")
    try:
        key = load_ssh_public_key(f"{_TYPES[kind]} {encoded}".encode())
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, PublicKey):
        raise ValueError(f"the key is not of type {kind}")  # noqa: TRY004 -- the octets are wrong, not the caller's types
    return OfferedKey(user, key)


def read_users(text: str) -> Mapping[str, str]:
    """Parse the table of users: a user and a customer id in each line.

    Text after a # is a comment. A user has one id; an id may have several users. Raises ValueError, which names the
    line, for any faulty line: a file that is understood only in part allows no login.
    """
    users: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if len(words) != 2 or not _USER.fullmatch(words[0]) or not _CUSTOMER.fullmatch(words[1]):  # noqa: PLR2004
            raise ValueError(f"line {number} is not a user with a customer ID")
        if words[0] in users:
            raise ValueError(f"line {number} names a user a second time")
        users[words[0]] = words[1]
    return users


def read_folder(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the name and octets of each file of a folder.

    Files whose names begin with a dot are still being written and are skipped. A file that is unreadable or too large
    is yielded without octets. Raises OSError if the folder cannot be read.
    """
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith("."):
                yield entry.name, _octets(entry)


def certificates_of(
    files: Iterable[tuple[str, bytes]], wanted: OfferedKey
) -> tuple[tuple[x509.Certificate, ...], tuple[str, ...]]:
    """Return the certificates of this key, and names of files without a certificate."""
    needle, certificates, broken = _needle(wanted.key), [], []
    for name, octets in files:
        try:
            held = _certificates(octets)
        except ValueError:
            broken.append(name)
            continue
        # The search for the number comes first: it takes 1 µs, parsing a key takes 50 µs.
        certificates += [
            certificate
            for certificate in held
            if needle in certificate.public_bytes(Encoding.DER) and _is_of(certificate, wanted)
        ]
    return tuple(certificates), tuple(sorted(broken))


def authorize(
    offered: OfferedKey,
    users: Mapping[str, str],
    certificates: Sequence[x509.Certificate],
    gateway: Identifies,
    now: datetime,
) -> KeyAccepted | KeyRejected:
    """Decide whether the key of these certificates may log in as this user.

    `now` is UTC, in whole seconds. The gateway must be one for the SFTP channel. Every certificate of the key counts:
    a revoked certificate, or one of unknown status, rejects the key in all cases.
    """
    customer = users.get(offered.user)
    if customer is None:
        return KeyRejected("the users file does not name this user")
    if not certificates:
        return KeyRejected("no certificate in the folder has this key")
    judged = [(certificate, gateway.identify(certificate, now)) for certificate in certificates]
    accepted = [(certificate, verdict) for certificate, verdict in judged if verdict.accepted]
    against = [(certificate, verdict) for certificate, verdict in judged if verdict.reason in _SAYS_NO_OF_THE_KEY]
    if against or not accepted:
        refused, verdict = (against or judged)[0]
        return KeyRejected(f"certificate {_serial(refused)} of this key is refused: {verdict.reason}")
    if {verdict.customer_id for _, verdict in accepted} != {customer}:
        return KeyRejected(
            f"certificate {_serial(accepted[0][0])} of this key is another organisation's, not the user's"
        )
    last = max((certificate for certificate, _ in accepted), key=lambda certificate: certificate.not_valid_after_utc)
    return KeyAccepted(_line(last), _serial(last))


def _line(certificate: x509.Certificate) -> str:
    # The key comes from the certificate, and sshd compares it with the offered one. No input of sshd is returned to it.
    public = certificate.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode("ascii")
    # Both treat the last second as valid: RFC 5280, 4.1.2.5, and sshd, which refuses a key after that time.
    return f'restrict,expiry-time="{certificate.not_valid_after_utc:%Y%m%d%H%M%SZ}" {public}'


def _serial(certificate: x509.Certificate) -> str:
    return f"{certificate.serial_number:x}"


def _octets(entry: "os.DirEntry[str]") -> bytes:
    try:
        if not entry.is_file():
            return b""
        # Reading without a file object saves a third of a second for ten thousand files.
        handle = os.open(entry.path, os.O_RDONLY)
        try:
            octets = os.read(handle, LARGEST_FILE + 1)
        finally:
            os.close(handle)
    except OSError:
        return b""
    return octets if len(octets) <= LARGEST_FILE else b""


def _certificates(octets: bytes) -> tuple[x509.Certificate, ...]:
    """Return the certificates of a file, DER or PEM.

    Raises ValueError if there are none.
    """
    if octets.startswith(b"\x30"):
        return (load_certificate(octets),)
    return load_bundle(octets)


def _needle(key: PublicKey) -> bytes:
    """Return octets that every encoding of a key contains: RSA modulus or point's x."""
    if isinstance(key, rsa.RSAPublicKey):
        modulus = key.public_numbers().n
        return modulus.to_bytes((modulus.bit_length() + 7) // 8, "big")
    return key.public_numbers().x.to_bytes((key.curve.key_size + 7) // 8, "big")


def _is_of(certificate: x509.Certificate, wanted: OfferedKey) -> bool:
    try:
        public_key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return False
    # Compares all numbers: the id of a key omits the exponent. An attacker who may choose it needs no private key.
    return isinstance(public_key, PublicKey) and public_key == wanted.key
