"""Steps 8 to 11 of docs/contributors/issuance.md: approval to certificate.

Enrolment, renewal and repeats share them.

Journal entries that are written before an answer leaves (docs/operators/journal.md).

All functions raise JournalUnavailable.
"""

import logging
import secrets
from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

from sinetti.ca.issuance import attach_signature, build_tbs, new_serial
from sinetti.ca.issuance_request import ExceedsIssuerValidity, LeafProfile, LeafRequest
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.issuance import journal_records, transactions
from sinetti.database.issuance.transactions import AuthorityClosed, CertificateReservation, SignedCertificate
from sinetti.domain.authorities.lifecycle import CaState
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.certificates.models import Certificate, IssuanceApproval
from sinetti.domain.certificates.renewal_info import default_renewal_start
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.requests import SignatureProof
from sinetti.domain.values import Serial
from sinetti.infra.metrics import recorder
from sinetti.infra.metrics.catalogue import ISSUED
from sinetti.infra.traces import step
from sinetti.journal.reader import JournalError
from sinetti.pki.encoding import PublicKey, sha256_hex
from sinetti.pki.signers import SignatureRefused, SignerUnavailable
from sinetti.services.context import IssueRequest, ServiceContext
from sinetti.services.issuance.steps import Journalise, Reserve, Sign, Store
from sinetti.services.status.ocsp import prepare_good
from sinetti.services.waves import LeaveWave, Steps, result_of


def journal_issued(certificate: Certificate, ctx: ServiceContext, der: bytes | None) -> Steps[None]:
    """Record that a certificate was issued and what it spent or renewed.

    That is an order or the predecessor. `der` is given if the caller has it.
    """
    if der is None and ctx.journal.holds(journal_records.ISSUED, certificate.serial):
        return
    stored = der if der is not None else transactions.get_der(ctx.db, certificate)[1]
    yield Journalise([journal_records.issued(ctx.db, certificate, stored or b"")])


def journal_retrieved(certificate: Certificate, ctx: ServiceContext) -> None:
    """Record that a certificate leaves the service; it is never voided from then on.

    Also called for a repeated request. The process that marked it may have ended, or lost its database, before it
    wrote the entry.
    """
    if not ctx.journal.holds(journal_records.FETCHED, certificate.serial):
        at = certificate.first_fetched_at or certificate.span.not_before
        ctx.journal.append([journal_records.fetched(ctx.db, certificate.serial, at, certificate.entry)])


def journal_superseded(certificate: Certificate, ctx: ServiceContext) -> None:
    """Record the unretrieved certificate that a renewal superseded.

    Also called if another request reserved this renewal, since that process may have ended before it wrote the entry.
    A certificate that was never issued needs no entry.
    """
    if certificate.predecessor is None:
        return
    why = (RevocationReason.SUPERSEDED, None)
    news = [
        journal_records.revoked(serial, at, why, void=True)
        for serial, at in transactions.voided_renewals(ctx.db, certificate.predecessor)
        if not ctx.journal.holds(journal_records.REVOKED, serial)
    ]
    if news:
        ctx.journal.append(news)


def journal_revoked(serials: Collection[Serial], ctx: ServiceContext) -> None:
    """Record those of these certificates that are revoked, in one write.

    Skips certificates that this process recorded recently.
    """
    unwritten = [serial for serial in serials if not ctx.journal.holds(journal_records.REVOKED, serial)]
    ctx.journal.append(tuple(journal_records.revocations(ctx.db, unwritten)))


def note_revoked_or_say(serials: Collection[Serial], ctx: ServiceContext) -> None:
    """Record revocations like `journal_revoked`, with an explanation on failure.

    The exception says that the revocation is in force, and what the operator must do.
    """
    try:
        journal_revoked(serials, ctx)
    except JournalError as failed:
        raise type(failed)(
            "the certificate is revoked, but the journal does not have the revocation yet "
            f"({failed}): fix the cause, then run the same command again to record it"
        ) from failed


REFUSED_FOR_GOOD = timedelta(hours=24)
"""Age of a reservation from which a signer with its own rules no longer signs it.

Before that, it may be refused for the number of orders of a day alone.
"""

_log = logging.getLogger(__name__)
_RETRIEVAL_ID_OCTETS = 16


def _reserve(
    approval: IssuanceApproval, key: PublicKey, ctx: ServiceContext, audit: AuditContext
) -> Steps[tuple[Certificate, bytes] | None]:
    """Reserve a certificate of the CA that issues now; return it with its octets.

    Returns None if no CA issues for the channel, or the CA has been closed, or ends too soon.
    """
    name = ctx.issuing.get(approval.lineage.channel)
    if name is None:
        return None
    issuer = replace(ctx.issuers[name], shard=ctx.shards.take(name))
    # 8: the exact octets to be signed, linted.
    step("8 prepare")
    plan = LeafRequest(
        customer_id=approval.lineage.customer.customer_id,
        organisation=approval.lineage.customer.name,
        country=ctx.country,
        subject_serial=approval.lineage.subject_serial,
        public_key=key,
        serial=new_serial(),
        span=approval.span,
    )
    try:
        to_be_signed = build_tbs(plan, issuer, LeafProfile.HOLDER)
    except ExceedsIssuerValidity:
        _log.exception("%s no longer issues: its validity ends too soon", issuer.name)
        return None
    ctx.step("8-prepared")
    # 9: commit 1. The row keeps when the window opens: a later change of the rule leaves it as it is.
    reservation = CertificateReservation(
        approval=approval,
        authority=issuer.file_name,
        serial=plan.serial,
        retrieval_id=secrets.token_hex(_RETRIEVAL_ID_OCTETS),
        renewable_from=default_renewal_start(approval.span),
        crl_shard=issuer.shard,
        to_be_signed=to_be_signed,
        reserved_machine_time=ctx.machine_now(),
    )
    step("9 reserve")
    try:
        return (yield from result_of(Reserve(reservation, audit))), to_be_signed
    except AuthorityClosed:
        return None


def issue(
    approval: IssuanceApproval,
    key: PublicKey,
    ctx: ServiceContext,
    audit: AuditContext,
    proof: SignatureProof | None = None,
) -> Steps[Certificate | Rejection]:
    """Issue the approved certificate.

    `proof` is the signature of a renewal. If another node has closed the CA just now, its successor issues. Raises
    ConcurrentUpdate if the lineage has changed since it was read; nothing is written then.
    """
    refused = Rejection(RejectionReason.UNAVAILABLE, language=approval.lineage.language)
    if not ctx.issuance_allowed():
        return refused
    reserved = yield from _reserve(approval, key, ctx, audit)
    if reserved is None:
        ctx.refresh_authorities()
        reserved = yield from _reserve(approval, key, ctx, audit)
    if reserved is None:
        _log.error("no CA issues for channel %s: see sinetti authority ca list", approval.lineage.channel)
        return refused
    certificate, to_be_signed = reserved
    ctx.step("9-reserved")
    if approval.supersedes is not None:
        yield LeaveWave()
        journal_superseded(certificate, ctx)
    return (yield from sign_and_store(certificate, ctx, audit, proof, to_be_signed))


def _sign(
    certificate: Certificate, ctx: ServiceContext, proof: SignatureProof | None, to_be_signed: bytes | None
) -> Steps[SignedCertificate]:
    """Sign a reserved certificate and the answers. Raises SignerUnavailable."""
    issuer = ctx.issuers[certificate.authority]
    octets = to_be_signed or transactions.get_to_be_signed(ctx.db, certificate)
    # 10: octets in, signature out, checked with the CA's public key.
    step("10 sign")
    answers = prepare_good(certificate, ctx)
    requests = answers.requests if answers is not None else []
    signature, *others = yield from result_of(Sign(IssueRequest(issuer.key_name, octets, proof, requests)))
    made = attach_signature(octets, signature, issuer.certificate)
    ctx.step("10-signed")
    pair = answers.finish(others) if answers is not None and others else None
    return SignedCertificate(made, sha256_hex(made), ctx.machine_now(), pair)


def sign_and_store(
    certificate: Certificate,
    ctx: ServiceContext,
    audit: AuditContext,
    proof: SignatureProof | None = None,
    to_be_signed: bytes | None = None,
) -> Steps[Certificate | Rejection]:
    """Sign and store a reserved certificate; return a stored one unchanged.

    `proof` is the signature of a renewal. `to_be_signed` are the octets of the reservation, if the caller has just
    made it. Raises SignatureRefused if a signer with its own rules refuses a reservation that is a day old.
    """
    der: bytes | None = None
    if certificate.state is CertificateState.RESERVED:
        if not ctx.issuance_allowed() or ctx.states.get(certificate.authority) is CaState.REVOKED:
            return Rejection(RejectionReason.UNAVAILABLE, language=certificate.lineage.language)
        try:
            signed = yield from _sign(certificate, ctx, proof, to_be_signed)
        except SignerUnavailable as away:
            if isinstance(away, SignatureRefused) and ctx.now() - certificate.span.not_before > REFUSED_FOR_GOOD:
                raise
            _log.exception("the signer cannot be reached: %s waits for its signature", certificate.serial)
            return Rejection(RejectionReason.UNAVAILABLE, language=certificate.lineage.language)
        # 11: commit 2; the row is the answer, regardless of the process that wrote it.
        step("11 store")
        certificate = yield from result_of(Store(certificate, signed, audit))
        ctx.step("11-recorded")
        if certificate.sha256 is None and not certificate.revoked:
            _log.error("%s was revoked meanwhile: %s is given up", certificate.authority, certificate.serial)
            return Rejection(RejectionReason.UNAVAILABLE, language=certificate.lineage.language)
        is_ours = certificate.sha256 == signed.sha256
        der = signed.der if is_ours else None
        recorder.count(ISSUED, "order" if certificate.predecessor is None else "renewal", by=int(is_ours))
    if not certificate.revoked:
        # Recorded before any answer leaves. Also for a repeated request, since the first process may have ended before.
        step("11 journal")
        yield from journal_issued(certificate, ctx, der)
        ctx.step("11-noted")
        return certificate
    # Overtaken during signing: by another renewal, or by a revocation of it or of its predecessor.
    superseded = certificate.revocation_reason is RevocationReason.SUPERSEDED
    reason = RejectionReason.SUPERSEDED if superseded else RejectionReason.SIGNER_REVOKED
    return Rejection(reason, language=certificate.lineage.language)
