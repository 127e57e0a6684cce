"""Sample certificates in every state, from a temporary hierarchy in memory.

They are for tests of other projects, and need no server, database or file. All samples of a `SampleHierarchy` share
the relying party's files (anchors, CRLs), so that a server under test is configured once. The caller's key,
certificate and chain differ.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sinetti.ca.hierarchy_builder import Entry, GeneratedHierarchy, generate_hierarchy
from sinetti.ca.hierarchy_config import load_preset, parse_hierarchy, with_policy_arc
from sinetti.ca.hierarchy_model import CaRole
from sinetti.ca.issuance import attach_signature, build_tbs, new_serial
from sinetti.ca.issuance_request import LeafProfile, LeafRequest
from sinetti.ca.profiles import key_identifier_of
from sinetti.domain.validation import LONGEST_ORGANISATION, check_text
from sinetti.domain.values import (
    Channel,
    Environment,
    IdentifierType,
    KeyType,
    Serial,
    ValidityPeriod,
    check_customer_id,
)
from sinetti.pki.encoding import PrivateKey, generate_key, hash_for, load_certificate, serial_hex, sign
from sinetti.testbench.core.clock import in_range

BASE_URL = "http://pki.sinetti.example"
"""Address in the certificates.

No server is there: the samples include the status (RFC 2606, 2).
"""

CUSTOMER_ID, CUSTOMER_NAME = "0123456-7", "Malliyritys Oy"

_FOUNDED = timedelta(days=800)
"""Age of the hierarchy at `now`: it is older than any sample, even an expired one."""

_IN_USE = timedelta(days=10)
_ENDS_IN = timedelta(days=14)
_ENDED = timedelta(days=1)
_REVOKED = timedelta(days=1)
_LIST_LIFE = {
    CaRole.ISSUING: timedelta(days=7),
    CaRole.ROOT: timedelta(days=365),
    CaRole.INTERMEDIATE: timedelta(days=365),
}
_MOST_REVOKED = 32


class SampleState(StrEnum):
    """State of a sample; the values stand in the command line."""

    VALID = "valid"
    ENDS_SOON = "ends-soon"
    EXPIRED = "expired"
    REVOKED = "revoked"
    OTHER_CHANNEL = "other-channel"
    OTHER_CA = "other-ca"


class SamplesUsedUp(ValueError):
    """Raised where no revoked sample is left.

    The CRL is signed once and names a fixed number of them.
    """


@dataclass(frozen=True)
class SampleRequest:
    """Request for a sample.

    Raises CustomerIdError or WordError for an id or a name that TEST does not take.
    """

    state: SampleState
    key_type: KeyType = KeyType.EC_P256
    customer_id: str = CUSTOMER_ID
    name: str = CUSTOMER_NAME

    def __post_init__(self) -> None:
        check_customer_id(self.customer_id, IdentifierType.ARTIFICIAL, Environment.TEST)
        check_text("name", self.name, LONGEST_ORGANISATION)


@dataclass(frozen=True)
class SampleCertificate:
    """One sample, all of it in memory.

    `chain` is the issuing CA, then the intermediate, without the root. `anchors` and `lists` are the relying party's.
    `anchors` has every CA that issues to holders, with those above it. `lists` has the CRL (DER) of each, by its name
    in addresses. `crl` is the CRL in which a caller of this sample is looked up. `now` is the instant at which the
    sample is in its state.
    """

    state: SampleState
    now: datetime
    key: PrivateKey = field(repr=False)
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    anchors: tuple[x509.Certificate, ...]
    crl: bytes = field(repr=False)
    lists: Mapping[str, bytes] = field(repr=False)

    @property
    def serial(self) -> Serial:
        """Serial number of the certificate."""
        return serial_hex(self.certificate.serial_number)


class SampleHierarchy:
    """A hierarchy made for one instant, and its samples."""

    def __init__(self, now: datetime) -> None:
        """Make the CAs and their CRLs.

        `now` has its zone. Raises ClockOutOfRange, as the bench's clock does.
        """
        self.now = in_range(now)
        self._built = _founded(now)
        # Drawn in advance, so that the CRLs are signed once: a server under test may read them early.
        self._to_be_revoked = [new_serial() for _ in range(_MOST_REVOKED)]
        self._lists = self._signed_lists()

    def sample(self, wanted: SampleRequest) -> SampleCertificate:
        """Make one sample. Raises SamplesUsedUp after 32 revoked ones."""
        issuing = Channel.SFTP if wanted.state is SampleState.OTHER_CHANNEL else Channel.WS
        built = self._others if wanted.state is SampleState.OTHER_CA else self._built
        name = next(ca.file_name for ca in built.hierarchy.authorities if ca.channel is issuing)
        key = generate_key(wanted.key_type)
        certificate = self._issued(wanted, key, built, name)
        return SampleCertificate(
            state=wanted.state,
            now=self.now,
            key=key,
            certificate=certificate,
            chain=built.chain_above(certificate),
            anchors=tuple(self._built.certificate(text) for text in self._lists),
            crl=self._lists[name],
            lists=self._lists,
        )

    @cached_property
    def _others(self) -> GeneratedHierarchy:
        """CAs with the same names as this hierarchy's, and other keys."""
        return _founded(self.now)

    def _issued(
        self, wanted: SampleRequest, key: PrivateKey, built: GeneratedHierarchy, issuing: str
    ) -> x509.Certificate:
        issuer, hierarchy = built.issuer(issuing), built.hierarchy
        plan = LeafRequest(
            customer_id=check_customer_id(wanted.customer_id, IdentifierType.ARTIFICIAL, Environment.TEST),
            organisation=wanted.name,
            country=hierarchy.country,
            subject_serial=uuid4().hex.upper(),
            public_key=key.public_key(),
            serial=self._serial(wanted.state),
            span=_span(wanted.state, self.now, hierarchy.holder_validity),
        )
        tbs = build_tbs(plan, issuer, LeafProfile.HOLDER)
        return load_certificate(attach_signature(tbs, sign(built.key(issuer.key_name), tbs), issuer.certificate))

    def _serial(self, state: SampleState) -> Serial:
        if state is not SampleState.REVOKED:
            return new_serial()
        if not self._to_be_revoked:
            raise SamplesUsedUp(f"there are already {_MOST_REVOKED} revoked samples for this time: choose another time")
        return self._to_be_revoked.pop()

    def _signed_lists(self) -> dict[str, bytes]:
        """Sign the CRL of every CA above holders, top first.

        Revoked samples stand in the CRL of the WS channel.
        """
        chosen = [spec for spec in self._built.hierarchy.authorities if spec.role is not CaRole.SERVICES]
        return {
            spec.file_name: _full_list(
                self._built.entries[spec.file_name],
                self._to_be_revoked if spec.channel is Channel.WS else (),
                ValidityPeriod(self.now, self.now + _LIST_LIFE[spec.role]),
            )
            for spec in chosen
        }


def _full_list(ca: Entry, revoked: Iterable[Serial], life: ValidityPeriod) -> bytes:
    """Sign a CRL without a distribution point, the form that web servers take.

    A root's certificate has no distribution point.
    """
    key, certificate = ca
    builder = x509.CertificateRevocationListBuilder(certificate.subject, life.not_before, life.not_after)
    builder = builder.add_extension(key_identifier_of(certificate), critical=False)
    builder = builder.add_extension(x509.CRLNumber(1), critical=False)
    reason = x509.CRLReason(x509.ReasonFlags.key_compromise)
    for serial in revoked:
        entry = x509.RevokedCertificateBuilder(int(serial, 16), life.not_before - _REVOKED)
        builder = builder.add_revoked_certificate(entry.add_extension(reason, critical=False).build())
    return builder.sign(key, hash_for(key.public_key())).public_bytes(Encoding.DER)


def _founded(now: datetime) -> GeneratedHierarchy:
    text = with_policy_arc(load_preset("default"), Environment.TEST)
    return generate_hierarchy(parse_hierarchy(text, Environment.TEST, BASE_URL), now - _FOUNDED)


def _span(state: SampleState, now: datetime, validity: timedelta) -> ValidityPeriod:
    match state:
        case SampleState.ENDS_SOON:
            end = now + _ENDS_IN
        case SampleState.EXPIRED:
            end = now - _ENDED
        case _:
            end = now - _IN_USE + validity
    return ValidityPeriod(end - validity, end)
