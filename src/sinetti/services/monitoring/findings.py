"""Monitoring checks of CRLs, OCSP answers and our own certificates.

docs/operators/monitoring.md describes them. Each function returns its findings, and none if all is well. It can judge
what is served instead of what is stored.

The OCSP probe sends requests to the responder as it is served and checks the answers.
"""

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from sinetti.ca.profiles import ca_key
from sinetti.database.certificates import bulk_revocation, early_replacement
from sinetti.database.issuance import crls
from sinetti.database.issuance.crls import WHOLE
from sinetti.database.operations import monitoring
from sinetti.domain.certificates.bulk_revocation import is_account
from sinetti.domain.operations.monitoring import (
    ANSWERS_LATE,
    FindingKind,
    ListEnd,
    MonitoringFinding,
    counts_agree,
    crl_mismatch,
    is_near_expiry,
    is_past_half_life,
    list_alarms,
)
from sinetti.domain.values import Serial
from sinetti.pki.chain import extension_value, issuers_of
from sinetti.pki.encoding import PublicKey, load_certificate, serial_hex, verify
from sinetti.services.context import ServiceContext

MOST_COMPARED = 100_000
"""Most entries of a CRL that are compared one by one.

For a longer CRL the check compares the count and the newest revocations.
"""

NEWEST_COMPARED = 1_000
_NAMED = 3
_ANEW = "retrieve it from the status address, which signs a new one; if that does not help, see the service's log"


@dataclass(frozen=True)
class CrlLocation:
    """Location of a CRL: the CA and the shard, or shard 0 for the whole CA.

    `path` is the path at which it is served.
    """

    authority: str
    shard: int

    @property
    def name(self) -> str:
        """The file name in its URL."""
        return self.authority if self.shard == WHOLE else f"{self.authority}-{self.shard}"

    @property
    def path(self) -> str:
        """The path at which it is served."""
        return f"/crl/{self.name}.crl"


class NotFound(Exception):
    """Raised if an object is missing; the message gives the reason and the remedy."""


Read = Callable[[CrlLocation], bytes]
"""Returns the DER of a CRL. Raises NotFound."""


def list_places(ctx: ServiceContext) -> tuple[CrlLocation, ...]:
    """Return every CRL that must exist: two of each CA, and all published ones.

    Returns none before the first certificate was issued.
    """
    published = monitoring.list_names(ctx.db)
    if all(name in ctx.offline for name, _ in published) and not monitoring.any_certificate(ctx.db):
        return tuple(CrlLocation(*pair) for pair in published)
    own = ((name, shard) for name, issuer in ctx.issuers.items() for shard in (WHOLE, issuer.shard))
    return tuple(CrlLocation(*pair) for pair in sorted({*published, *own}))


def stored_crls(ctx: ServiceContext) -> Read:
    """Return a reader of the CRLs as they are stored in the database."""

    def read(place: CrlLocation) -> bytes:
        newest = crls.latest_crl(ctx.db, place.authority, place.shard)
        if newest is None:
            raise NotFound("it was never published: start sinetti authority serve, or run sinetti authority publish")
        return newest.der

    return read


def check_crls(ctx: ServiceContext, read: Read, *, offline: bool = True) -> tuple[MonitoringFinding, ...]:
    """Judge every CRL.

    With `offline` False the CRLs of offline CAs are left out.
    """
    places = [place for place in list_places(ctx) if offline or place.authority not in ctx.offline]
    return tuple(finding for place in places for finding in _judged(place, ctx, read))


def check_ocsp_age(ctx: ServiceContext) -> tuple[MonitoringFinding, ...]:
    """Judge the ages of the stored OCSP answers."""
    return tuple(
        MonitoringFinding(
            FindingKind.ANSWER_OLD,
            age.authority,
            f"OCSP responses of {age.authority} are from {_when(age.this_update)}, and half their "
            "validity is over: the log of sinetti authority serve shows why no new ones are signed",
        )
        for age in monitoring.answer_ages(ctx.db)
        # The refresher begins at half their life and needs time for a full round.
        if is_past_half_life(age.this_update, age.next_update, ctx.now() - ANSWERS_LATE)
    )


def certificate_findings(files: Mapping[str, bytes], ctx: ServiceContext) -> tuple[MonitoringFinding, ...]:
    """Judge our own certificates, by the names of their files.

    Of several certificates for one purpose the last one counts.
    """
    newest: dict[object, tuple[str, x509.Certificate]] = {}
    findings = []
    for name, octets in sorted(files.items()):
        try:
            certificate = load_certificate(octets)
            key: object = (certificate.subject.public_bytes(), certificate.issuer.public_bytes())
        except ValueError as bad:
            findings.append(
                MonitoringFinding(FindingKind.CERTIFICATE_ENDS, name, f"{name}: {bad}: restore it from a copy")
            )
            continue
        if key not in newest or newest[key][1].not_valid_after_utc < certificate.not_valid_after_utc:
            newest[key] = (name, certificate)
    now = ctx.now()
    for name, certificate in newest.values():
        if is_near_expiry(certificate.not_valid_before_utc, certificate.not_valid_after_utc, now):
            ends = certificate.not_valid_after_utc
            sentence = f"{name} {'expired' if now > ends else 'expires'} on {_when(ends)}: replace it"
            findings.append(MonitoringFinding(FindingKind.CERTIFICATE_ENDS, name, sentence))
    return tuple(findings)


def bulk_findings(ctx: ServiceContext) -> tuple[MonitoringFinding, ...]:
    """Find bulk revocations and early replacement calls that were interrupted.

    These were begun or approved but not completed.
    """
    revoking = (
        MonitoringFinding(
            FindingKind.BULK_UNFINISHED,
            proposal.proposal_id,
            (f"the bulk revocation {proposal.proposal_id} ({len(proposal.serials)} certificates) was interrupted: ")
            + (
                "a clerk continues it on the page for revoking several certificates"
                if is_account(proposal.officer)
                else "run sinetti authority revoke-many --resume"
            ),
        )
        for proposal in bulk_revocation.unfinished(ctx.db)
    )
    calling = (
        MonitoringFinding(
            FindingKind.EARLY_UNFINISHED,
            call.call_id,
            (f"the call for early replacement {call.call_id} ({len(call.serials)} certificates) was interrupted: ")
            + (
                "run sinetti authority call-early again with the same options"
                if call.undone_at is None
                else f"run sinetti authority call-early --end {call.call_id} again"
            ),
        )
        for call in early_replacement.unfinished(ctx.db)
    )
    return (*revoking, *calling)


def _judged(place: CrlLocation, ctx: ServiceContext, read: Read) -> Iterator[MonitoringFinding]:
    name, now = place.name, ctx.now()
    try:
        crl = _signed(read(place), ctx.certificates.get(place.authority))
    except NotFound as absent:
        yield MonitoringFinding(FindingKind.LIST_MISSING, name, f"the revocation list {name} is missing: {absent}")
        return
    except ValueError as wrong:
        sentence = (
            f"the file published as the revocation list {name} is not from its CA ({wrong}): find out who put it there"
        )
        yield MonitoringFinding(FindingKind.LIST_WRONG, name, sentence)
        return
    made, ends = crl.last_update_utc, crl.next_update_utc or crl.last_update_utc
    if place.authority in ctx.offline:
        if list_alarms([ListEnd(name, ends)], now):
            sentence = f"the revocation list {name} expires on {_when(ends)}: run sinetti authority publish to renew it"
            yield MonitoringFinding(FindingKind.OFFLINE_LIST_ENDS, name, sentence)
    elif ctx.signs_lists(place.authority) and is_past_half_life(made, ends, now):
        sentence = (
            f"the revocation list {name} is from {_when(made)}, and half its validity is over: the "
            "log of sinetti authority serve shows why no newer one is signed"
        )
        yield MonitoringFinding(FindingKind.LIST_OLD, name, sentence)
    if place.authority in monitoring.issuing_authorities(ctx.db):
        yield from _compared(place, crl, ctx)


def _signed(der: bytes, certificate: bytes | None) -> x509.CertificateRevocationList:
    """Parse a CRL that this CA signed, without its entries.

    Raises ValueError with the fault.
    """
    if certificate is None:
        raise ValueError("the CA's certificate is not in the folder")
    crl, issuer = x509.load_der_x509_crl(der), load_certificate(certificate)
    if crl.issuer != issuer.subject or not crl.is_signature_valid(ca_key(issuer)):
        raise ValueError("its signature is not from this CA")
    return crl


def _compared(
    place: CrlLocation, crl: x509.CertificateRevocationList, ctx: ServiceContext
) -> Iterator[MonitoringFinding]:
    """Compare a CRL with the database."""
    if max(len(crl), monitoring.count_revoked(ctx.db, place.authority, place.shard)) > MOST_COMPARED:
        yield from _compared_by_count(place, crl, ctx)
        return
    made, revoked = crl.last_update_utc, dict(monitoring.revoked(ctx.db, place.authority, place.shard))
    listed = {serial_hex(entry.serial_number) for entry in crl}
    found = crl_mismatch(listed, {serial for serial, ends in revoked.items() if ends >= made}, revoked.keys())
    if found.lacking:
        yield _lacks(place, found.lacking)
    if found.surplus:
        sentence = (
            f"the revocation list {place.name} contains {_some(found.surplus)}, which the register "
            "does not have as revoked: it may come from an old backup; run sinetti authority "
            "reconcile"
        )
        yield MonitoringFinding(FindingKind.LIST_HAS_MORE, place.name, sentence)


def _compared_by_count(
    place: CrlLocation, crl: x509.CertificateRevocationList, ctx: ServiceContext
) -> Iterator[MonitoringFinding]:
    """Compare the newest revocations and the counts of a long CRL.

    A comparison of a million entries one by one takes seconds and hundreds of megabytes.
    """
    db, made = ctx.db, crl.last_update_utc
    newest = islice(monitoring.revoked(db, place.authority, place.shard), NEWEST_COMPARED)
    lacking = {serial for serial, ends in newest if ends >= made}
    lacking -= {serial for entry in crl if (serial := serial_hex(entry.serial_number)) in lacking}
    if lacking:
        yield _lacks(place, lacking)
        return
    in_force = monitoring.count_revoked(db, place.authority, place.shard, made)
    ever = monitoring.count_revoked(db, place.authority, place.shard)
    if not counts_agree(len(crl), in_force, ever):
        sentence = (
            f"the revocation list {place.name} has {len(crl)} entries, but the register has {in_force} to "
            f"{ever}: {_ANEW}"
        )
        yield MonitoringFinding(FindingKind.LIST_LACKS, place.name, sentence)


def _lacks(place: CrlLocation, lacking: AbstractSet[Serial]) -> MonitoringFinding:
    sentence = f"the revocation list {place.name} lacks {_some(lacking)}, revoked in the register: {_ANEW}"
    return MonitoringFinding(FindingKind.LIST_LACKS, place.name, sentence)


def _some(serials: AbstractSet[Serial]) -> str:
    named = sorted(serials)[:_NAMED]
    more = f" and {len(serials) - len(named)} more" if len(serials) > len(named) else ""
    return f"{', '.join(named)}{more}"


def _when(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


@dataclass(frozen=True)
class OcspProbe:
    """One request (DER) about one certificate, its `path` and the expected answer."""

    authority: str
    serial: Serial
    revoked: bool
    der: bytes = field(repr=False)

    @property
    def path(self) -> str:
        """The path to which the request is sent."""
        return f"/ocsp/{self.authority}"


def questions(ctx: ServiceContext) -> tuple[OcspProbe, ...]:
    """Return the OCSP requests to send.

    For each issuing CA: its newest certificate in force and its newest revoked one.
    """
    return tuple(_questions(ctx))


def check_response(question: OcspProbe, der: bytes, ctx: ServiceContext) -> MonitoringFinding | None:
    """Judge the answer to a request; return None if all is well."""
    about = f"{question.path} about {question.serial}"
    try:
        one = _answer(question, der, load_certificate(ctx.certificates[question.authority]))
        ends = one.next_update_utc or one.this_update_utc
    except ValueError as wrong:
        sentence = f"{about}: {wrong}: see the log of sinetti authority serve"
        return MonitoringFinding(FindingKind.ANSWER_WRONG, question.authority, sentence)
    status = one.certificate_status
    if status is not (ocsp.OCSPCertStatus.REVOKED if question.revoked else ocsp.OCSPCertStatus.GOOD):
        should = "revoked" if question.revoked else "good"
        sentence = (
            f"{about}: it is {should}, but the response says {status.name.lower()}: stop the service and find out why"
        )
        return MonitoringFinding(FindingKind.ANSWER_WRONG, question.authority, sentence)
    if is_past_half_life(one.this_update_utc, ends, ctx.now()):
        sentence = (
            f"{about}: the response is from {one.this_update_utc:%Y-%m-%dT%H:%M:%SZ}, and half its validity is over: "
            "the log of sinetti authority serve shows why no new one is signed"
        )
        return MonitoringFinding(FindingKind.ANSWER_OLD, question.authority, sentence)
    return None


def _questions(ctx: ServiceContext) -> Iterator[OcspProbe]:
    now = ctx.now()
    for name in sorted({*ctx.issuing.values()} & {*ctx.responders}):
        issuer = load_certificate(ctx.certificates[name])
        for is_revoked in (False, True):
            serial = monitoring.newest_of(ctx.db, name, now, is_revoked=is_revoked)
            if serial is not None:
                yield OcspProbe(name, serial, is_revoked, _request(serial, issuer))


def _request(serial: Serial, issuer: x509.Certificate) -> bytes:
    """Return a request with a CertID of SHA-1, as most clients use (RFC 5019, 2.1.1)."""
    digest = hashes.SHA1()  # noqa: S303 - it names the issuer, it protects nothing
    names = hashes.Hash(digest)
    names.update(issuer.subject.public_bytes())
    key = x509.SubjectKeyIdentifier.from_public_key(issuer.public_key()).digest
    builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(names.finalize(), key, int(serial, 16), digest)
    return builder.build().public_bytes(Encoding.DER)


def _answer(question: OcspProbe, der: bytes, issuer: x509.Certificate) -> ocsp.OCSPResponse:
    """Return a response about this certificate, signed by a responder of its CA.

    Source: RFC 6960, section 4.2.2.2. Raises ValueError.
    """
    response = ocsp.load_der_ocsp_response(der)
    if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        raise ValueError(f"the responder answered {response.response_status.name.lower()}")
    if response.serial_number != int(question.serial, 16):
        raise ValueError("the response is about another certificate")
    responders = [certificate for certificate in response.certificates if _answers_for(certificate, issuer)]
    keys = [responder.public_key() for responder in responders]
    signed = (response.tbs_response_bytes, response.signature)
    if not any(isinstance(key, PublicKey) and verify(key, *signed) for key in keys):
        raise ValueError("the response is not signed by a responder of this CA")
    return response


def _answers_for(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    usage = extension_value(certificate, x509.ExtendedKeyUsage)
    return bool(issuers_of(certificate, [issuer])) and ExtendedKeyUsageOID.OCSP_SIGNING in (usage or ())
