"""Steps 8 to 11 of docs/issuance.md: from an approval to a certificate. Enrolment, renewal and repeats share them."""

import logging
import secrets
from dataclasses import replace

from sinetti.ca.issuance import LeafKind, LeafPlan, OutlivesIssuer, assemble, new_serial, prepare
from sinetti.database.common.audit_log import Deed
from sinetti.database.issuance import transactions
from sinetti.database.issuance.transactions import Reservation, Signed
from sinetti.domain.certificates.approval import Approval
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.certificates.models import Certificate
from sinetti.domain.certificates.renewal_info import renewable_by_rule
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.refusals import Reason, Refusal
from sinetti.pki.encoding import PublicKey, sha256_hex
from sinetti.pki.signers import SignerUnavailable
from sinetti.services.context import Office
from sinetti.services.issuance.journal_entries import note_given_way, note_issued
from sinetti.services.status.ocsp import first_answers

_log = logging.getLogger(__name__)
_RETRIEVAL_ID_OCTETS = 16


def issue(approval: Approval, key: PublicKey, office: Office, deed: Deed) -> Certificate | Refusal:
    """Issue what was approved. Raises Moved where the holding has moved since it was read; nothing is written then."""
    if not office.may_issue():
        return Refusal(Reason.UNAVAILABLE, language=approval.holding.language)
    issuer = office.issuer_for(approval.holding.channel)
    issuer = replace(issuer, shard=office.shards.take(issuer.file_name))
    # 8: the exact octets to be signed, linted.
    plan = LeafPlan(
        customer_id=approval.holding.customer.customer_id,
        organisation=approval.holding.customer.name,
        country=office.country,
        subject_serial=approval.holding.subject_serial,
        public_key=key,
        serial=new_serial(),
        span=approval.span,
    )
    try:
        to_be_signed = prepare(plan, issuer, LeafKind.HOLDER)
    except OutlivesIssuer:
        _log.exception("%s issues no more: it ends too soon", issuer.name)
        return Refusal(Reason.UNAVAILABLE, language=approval.holding.language)
    office.step("8-prepared")
    # 9: commit 1. The row keeps when the window opens: a later change of the rule leaves it as it is.
    reservation = Reservation(
        approval=approval,
        authority=issuer.file_name,
        serial=plan.serial,
        retrieval_id=secrets.token_hex(_RETRIEVAL_ID_OCTETS),
        renewable_from=renewable_by_rule(approval.span),
        crl_shard=issuer.shard,
        to_be_signed=to_be_signed,
        waits_since=office.machine_now(),
    )
    certificate = transactions.reserve(office.register, reservation, deed)
    office.step("9-reserved")
    if approval.voids is not None:
        note_given_way(certificate, office)
    return finish(certificate, office, deed, to_be_signed)


def finish(
    certificate: Certificate, office: Office, deed: Deed, to_be_signed: bytes | None = None
) -> Certificate | Refusal:
    """Sign what was reserved and record it; a certificate that is recorded already is returned as it is.

    `to_be_signed` are the octets of the reservation, where the caller has just made it.
    """
    der: bytes | None = None
    if certificate.state is CertificateState.RESERVED:
        if not office.may_issue():
            return Refusal(Reason.UNAVAILABLE, language=certificate.holding.language)
        issuer = office.issuers[certificate.authority]
        octets = to_be_signed or transactions.octets_of(office.register, certificate)[0]
        # 10: octets in, signature out, checked with the CA's public key.
        try:
            signature = office.signer.sign(issuer.key_name, octets)
        except SignerUnavailable:
            _log.exception("the signer is away: %s waits for its signature", certificate.serial)
            return Refusal(Reason.UNAVAILABLE, language=certificate.holding.language)
        made = assemble(octets, signature, issuer.certificate)
        office.step("10-signed")
        # 11: commit 2; what the row says is the answer, whoever wrote it.
        signed = Signed(made, sha256_hex(made), office.machine_now(), first_answers(certificate, office))
        certificate = transactions.record(office.register, certificate, signed, deed)
        office.step("11-recorded")
        der = made if certificate.sha256 == signed.sha256 else None
    if not certificate.revoked:
        # Written down before anybody is told; for a repeated request too, since who made it may have ended before.
        note_issued(certificate, office, der)
        office.step("11-noted")
        return certificate
    # Overtaken while it was being signed: by another renewal, or by a revocation of it or of the one it renews.
    superseded = certificate.revocation_reason is RevocationReason.SUPERSEDED
    reason = Reason.SUPERSEDED if superseded else Reason.SIGNER_REVOKED
    return Refusal(reason, language=certificate.holding.language)
