"""Material for judges that read the machine's clock.

It consists of a chain of CAs and of certificates that are good, revoked and expired.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sinetti.ca.crl import RevokedEntry, attach_crl_signature, prepare_crl
from sinetti.ca.hierarchy_builder import GeneratedHierarchy, generate_hierarchy
from sinetti.ca.hierarchy_config import load_preset, parse_hierarchy
from sinetti.ca.hierarchy_model import CaRole
from sinetti.ca.issuance_request import IssuingCa
from sinetti.domain.values import VALIDITY, Channel, Environment
from sinetti.infra import clock
from sinetti.pki.encoding import PrivateKey, serial_hex, sign
from tests.support.authority import holder_key, issue, issuer, leaf_plan

DAY = timedelta(days=1)
WEEK = 7 * DAY
NOWHERE = "http://127.0.0.1:9"
"""Address at which no server answers.

A judge that tries to fetch the addresses in the certificates gets an error at once.
"""


@cache
def now() -> datetime:
    """Return the machine's time at which the material is made, once per run."""
    return clock.utc_now()


@cache
def authority() -> GeneratedHierarchy:
    """Return CAs that are old enough for one of their certificates to have expired."""
    return generate_hierarchy(
        parse_hierarchy(load_preset("default"), Environment.TEST, NOWHERE), now() - VALIDITY - 2 * DAY
    )


@dataclass(frozen=True, slots=True)
class Leaf:
    """A holder's certificate and its key."""

    key: PrivateKey
    certificate: x509.Certificate

    @property
    def entry(self) -> RevokedEntry:
        """Entry of the certificate in a CRL after its revocation."""
        return RevokedEntry(serial_hex(self.certificate.serial_number), now() - DAY, "keyCompromise")

    @property
    def above(self) -> tuple[x509.Certificate, ...]:
        """The chain of the certificate, issuing CA first, without the root."""
        return authority().chain_above(self.certificate)


def leaf(
    key: PrivateKey, channel: Channel = Channel.WS, *, ended: bool = False, customer_id: str = "0123456-7"
) -> Leaf:
    """Issue a certificate that is valid now, or one that expired yesterday."""
    begins = now() - VALIDITY - DAY if ended else now() - DAY
    plan = leaf_plan(key.public_key(), begins=begins, customer_id=customer_id)
    return Leaf(key, issue(plan, issuer(channel, authority()), built=authority()))


@cache
def cases() -> dict[str, Leaf]:
    """Return one certificate for each verdict of a judge."""
    return {
        "good": leaf(holder_key(1)),
        "revoked": leaf(holder_key(2)),
        "expired": leaf(holder_key(3), ended=True),
    }


def list_of(channel: Channel, entries: Sequence[RevokedEntry], age: timedelta = timedelta(0)) -> bytes:
    """Sign the CRL of the CA of a channel.

    `age` is the time since the signature.
    """
    return signed_list(issuer(channel, authority()), entries, age)


def signed_list(by: IssuingCa, entries: Sequence[RevokedEntry] = (), age: timedelta = timedelta(0)) -> bytes:
    """Sign the CRL of a CA: that of one shard, or of shard 0 the full list.

    `age` is the time since the signature.
    """
    tbs = prepare_crl(by, entries, 7, now() - age, now() - age + WEEK)
    return attach_crl_signature(tbs, sign(authority().key(by.key_name), tbs), by.certificate)


def lists(shard: int, age: timedelta = timedelta(0)) -> dict[str, bytes]:
    """Sign the CRL of every CA; return them by file name.

    The CRL of the holders' CA lists the revoked certificate. `age` is the time since the CRLs were signed.
    """
    holders = issuer(Channel.WS, authority()).file_name
    return {
        spec.file_name: signed_list(
            authority().issuer(spec.file_name, shard),
            [cases()["revoked"].entry] if spec.file_name == holders else [],
            age,
        )
        for spec in authority().hierarchy.authorities
    }


def pem(*certificates: x509.Certificate) -> bytes:
    """Return certificates as PEM, one after the other."""
    return b"".join(one.public_bytes(Encoding.PEM) for one in certificates)


def list_pem(*ders: bytes) -> bytes:
    """Return CRLs as PEM, one after the other."""
    return b"".join(x509.load_der_x509_crl(der).public_bytes(Encoding.PEM) for der in ders)


def root() -> x509.Certificate:
    """Return the trusted root certificate."""
    (spec,) = (one for one in authority().hierarchy.authorities if one.role is CaRole.ROOT)
    return authority().certificate(spec.file_name)
