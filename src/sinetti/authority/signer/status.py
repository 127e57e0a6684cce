"""OCSP: the ResponseData of one certificate (RFC 6960, 4.2.1), read strictly."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from sinetti.authority.signer.certificates import key_bits, spki_of
from sinetti.authority.signer.der import (
    ENUMERATED,
    EXPLICIT_0,
    EXPLICIT_1,
    EXPLICIT_2,
    LARGEST,
    OCTET_STRING,
    OID,
    SEQUENCE,
    DerReader,
    refuse,
)
from sinetti.authority.signer.log_heads import LOGGED_WITHIN
from sinetti.authority.signer.store import SignerStore
from sinetti.authority.signer.tasks import AROUND_NOW
from sinetti.ca.ocsp import NONCE_OCTETS
from sinetti.ca.profiles import ca_key
from sinetti.domain.certificates.ocsp_status import ANSWER_LIFE, CertStatus
from sinetti.pki.cert_hash import CERT_HASH_DER, DIGEST_OCTETS, cert_hash_value
from sinetti.pki.signers import SignatureRefused
from sinetti.settings.signer import PolicyCa

_NONCE = bytes.fromhex("06092b0601050507300102")
_ALGORITHMS = {
    bytes.fromhex("300906052b0e03021a0500"): "sha1",
    bytes.fromhex("300d06096086480165030402010500"): "sha256",
}
_GOOD, _REVOKED, _UNKNOWN = 0x80, 0xA1, 0x82
_REASONS = frozenset({1, 2, 3, 4, 5, 9, 10})
_LONGEST_SERIAL = 20


@dataclass(frozen=True)
class StatusContent:
    """Status of one certificate, as an answer has it.

    `certificate_hash` is that of the extension CertHash, which answers of a bridge alone may have.
    """

    serial: bytes
    status: CertStatus
    this_update: datetime
    next_update: datetime
    certificate_hash: bytes | None = None


class StatusForm:
    """Form of the answers about one CA by one responder key."""

    def __init__(self, ca: PolicyCa, responder: bytes) -> None:
        """Compute what names the CA and the responder, whose key is given in DER."""
        name, bits = ca.certificate.subject.public_bytes(), key_bits(spki_of(ca_key(ca.certificate)))
        self._named = {
            algorithm: tuple(hashlib.new(name_of, octets).digest() for octets in (name, bits))
            for algorithm, name_of in _ALGORITHMS.items()
        }
        # KeyHash is SHA-1 over the key's bits (RFC 6960, 4.2.1).
        self._responder = hashlib.sha1(key_bits(responder), usedforsecurity=False).digest()

    def read(self, octets: bytes) -> StatusContent:
        """Read a ResponseData about one certificate of the CA. Raises SignatureRefused."""
        if len(octets) > LARGEST:
            refuse("the answer is too long")
        whole = DerReader(octets)
        data = whole.inside(SEQUENCE)
        whole.finish()
        by_key = data.inside(EXPLICIT_2)
        if by_key.content(OCTET_STRING) != self._responder:
            refuse("the answer names another responder than the key")
        by_key.finish()
        produced = data.generalized_time()
        answers = data.inside(SEQUENCE)
        content = self._single(answers.inside(SEQUENCE))
        answers.finish()
        if data.next_tag() is not None:
            _read_nonce(data.inside(EXPLICIT_1))
        data.finish()
        if produced != content.this_update:
            refuse("producedAt differs from thisUpdate")
        return content

    def _single(self, single: DerReader) -> StatusContent:
        named = single.inside(SEQUENCE)
        algorithm = named.element(SEQUENCE)
        hashes = (named.content(OCTET_STRING), named.content(OCTET_STRING))
        if self._named.get(algorithm) != hashes:
            refuse("the answer is about another CA")
        serial = named.number()
        named.finish()
        if len(serial) > _LONGEST_SERIAL:
            refuse("the serial number has more than 20 octets")
        status = _read_status(single)
        this_update = single.generalized_time()
        until = single.inside(EXPLICIT_0)
        next_update = until.generalized_time()
        until.finish()
        digest = _read_hash(single.inside(EXPLICIT_1)) if single.next_tag() is not None else None
        single.finish()
        return StatusContent(serial, status, this_update, next_update, digest)


def _read_status(single: DerReader) -> CertStatus:
    tag = single.next_tag()
    if tag == _REVOKED:
        _read_revocation(single.inside(_REVOKED))
        return CertStatus.REVOKED
    if tag not in {_GOOD, _UNKNOWN} or single.content(tag):
        refuse("the answer has no known status")
    return CertStatus.GOOD if tag == _GOOD else CertStatus.UNKNOWN


def _read_revocation(info: DerReader) -> None:
    info.generalized_time()
    if info.next_tag() is not None:
        reason = info.inside(EXPLICIT_0)
        value = reason.content(ENUMERATED)
        reason.finish()
        if len(value) != 1 or value[0] not in _REASONS:
            refuse("the answer has another reason than those of a revocation")
    info.finish()


def _read_hash(wrapped: DerReader) -> bytes:
    """Read singleExtensions that are one CertHash by SHA-256."""
    listed = wrapped.inside(SEQUENCE)
    wrapped.finish()
    der_reader = listed.inside(SEQUENCE)
    listed.finish()
    name, value = der_reader.element(OID), der_reader.content(OCTET_STRING)
    der_reader.finish()
    digest = value[-DIGEST_OCTETS:]
    if name != CERT_HASH_DER or len(digest) != DIGEST_OCTETS or value != cert_hash_value(digest):
        refuse("the answer has an extension that is no hash of a certificate")
    return digest


def _read_nonce(wrapped: DerReader) -> None:
    """Read responseExtensions that are one nonce (RFC 9654, 2.1)."""
    listed = wrapped.inside(SEQUENCE)
    wrapped.finish()
    der_reader = listed.inside(SEQUENCE)
    listed.finish()
    if der_reader.element(OID) != _NONCE:
        refuse("the answer has an extension that is no nonce")
    value = der_reader.inside(OCTET_STRING)
    der_reader.finish()
    if len(value.content(OCTET_STRING)) not in NONCE_OCTETS:
        refuse("the nonce must have 1 to 32 octets")
    value.finish()


def check_status(content: StatusContent, ca: PolicyCa, store: SignerStore, now: datetime) -> None:
    """Check dates and status of an answer with what the signer knows.

    An answer that says "revoked" may be older: while the clock is not trusted, it has the dates of the last one.
    Raises SignatureRefused.
    """
    if content.certificate_hash is not None:
        _refuse("only answers of a bridge have the hash of a certificate")
    age = now - content.this_update
    is_late = age > AROUND_NOW and content.status is not CertStatus.REVOKED
    if is_late or age < -AROUND_NOW:
        _refuse("thisUpdate is more than five minutes from the signer's clock")
    if not content.this_update <= content.next_update <= content.this_update + ANSWER_LIFE:
        _refuse("it would be valid for more than 24 hours")
    if content.status is not CertStatus.GOOD:
        return
    if store.is_revoked(ca.file_name, content.serial):
        _refuse(f"{content.serial.hex()} is revoked, so it is not good")
    if store.find_unlogged(now - LOGGED_WITHIN, content.serial) is not None:
        _refuse(f"the log does not have {content.serial.hex()} as issued, so it is not good")
    if store.find_signed(ca.file_name, content.serial) is None:
        _refuse(f"{content.serial.hex()} was not signed here, so it is not good: show its certificate")


def _refuse(why: str) -> NoReturn:
    raise SignatureRefused(f"the OCSP response is not signed: {why}")
