"""RenewCertificate: renewal, signed with the key of a certificate in force.

Steps as in docs/contributors/issuance.md.
"""

from dataclasses import dataclass

from cryptography.x509.oid import NameOID

from sinetti.database.issuance.statements import RenewalLookup
from sinetti.domain.certificates.models import Certificate, Replay
from sinetti.domain.certificates.renewal import RenewalContext, authenticate_signer, decide_renewal
from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.requests import AcceptedResponse, LenientBehaviour, RenewRequest, SignatureProof
from sinetti.domain.values import KeyType, is_same_identifier
from sinetti.infra.traces import step
from sinetti.pki.csr import RequestedKey, read_request
from sinetti.pki.encoding import load_certificate, sha256_hex
from sinetti.pki.key_policy import have_common_factor
from sinetti.services.context import ServiceContext
from sinetti.services.issuance.issue import issue, journal_superseded, sign_and_store
from sinetti.services.issuance.steps import FindRenewal
from sinetti.services.retry import log_leniency, record_rejection, rejecting_errors, retry_on_conflict
from sinetti.services.waves import LeaveWave, Steps, result_of, run_alone


def renew(ask: RenewRequest, ctx: ServiceContext, request_id: str) -> AcceptedResponse | Rejection:
    """Renew the certificate that signed, repeat an earlier answer, or reject.

    The new certificate is issued before the function returns.
    """
    return run_alone(renewal(ask, ctx, request_id), ctx)


@retry_on_conflict
def renewal(ask: RenewRequest, ctx: ServiceContext, request_id: str) -> Steps[AcceptedResponse | Rejection]:
    """Renew as `renew` does, alone or in a wave."""
    step("3 service")
    # 5 before 4: with the key at hand one reading tells everything. What is wrong with it is said in its turn.
    step("5 check the key")
    requested = read_request(ask.request, ctx.policy)
    key = None if isinstance(requested, Rejection) else requested.key_id
    # 4: who signed? Looked up by the DER that the signature was verified with.
    step("4 read the caller")
    renewal_lookup = yield from result_of(FindRenewal(sha256_hex(ask.signer), key))
    ctx.step("4-read")
    signer = authenticate_signer(renewal_lookup.signer, ask.customer_id)
    if isinstance(signer, Rejection):
        if renewal_lookup.signer is None:
            return signer
        yield LeaveWave()
        return record_rejection(
            signer,
            "renew",
            renewal_lookup.signer.lineage,
            ctx,
            ctx.audit_entry(_actor(renewal_lookup.signer), request_id),
        )
    with rejecting_errors(signer.lineage.language, request_id):
        caller, apart = _Caller(signer, _proof(ask, signer)), _apart(requested, ask.signer)
        return (yield from _decide(caller, renewal_lookup, apart, ctx, request_id))


def _apart(requested: RequestedKey | Rejection, signer: bytes) -> RequestedKey | Rejection:
    """Reject a key that shares a prime with the old one.

    The generator that made both keys is broken, and so are both keys.
    """
    if isinstance(requested, Rejection):
        return requested
    if have_common_factor(requested.public_key, load_certificate(signer).public_key()):
        return Rejection(RejectionReason.KEY_NOT_ACCEPTED)
    return requested


@dataclass(frozen=True)
class _Caller:
    """Certificate that signed, and the proof of that."""

    signer: Certificate
    proof: SignatureProof | None


def _proof(ask: RenewRequest, signer: Certificate) -> SignatureProof | None:
    """Return the proof of a renewal, or None after a merger gave another ID.

    The old certificate names the former ID, and a signer with its own rules renews only for the same one.
    """
    (name,) = load_certificate(ask.signer).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return ask.proof if is_same_identifier(str(name.value), signer.lineage.customer.customer_id) else None


def _decide(
    caller: _Caller,
    renewal_lookup: RenewalLookup,
    requested: RequestedKey | Rejection,
    ctx: ServiceContext,
    request_id: str,
) -> Steps[AcceptedResponse | Rejection]:
    signer = caller.signer
    audit = ctx.audit_entry(_actor(signer), request_id)
    # By a wrong clock every caller is late, or early: reject without a reason that the caller would act on.
    if not ctx.issuance_allowed():
        return Rejection(RejectionReason.UNAVAILABLE, language=signer.lineage.language)
    # 5: only the key is taken.
    if isinstance(requested, Rejection):
        refusal = Rejection(requested.reason, language=signer.lineage.language)
        yield LeaveWave()
        return record_rejection(refusal, "renew", signer.lineage, ctx, audit)
    # 6 and 7: the same request again, an approval, or the reason against it.
    step("6-7 decide")
    decision = decide_renewal(signer, requested.key_id, _situation(renewal_lookup, ctx), audit.at)
    if isinstance(decision, Rejection):
        yield LeaveWave()
        return record_rejection(decision, "renew", signer.lineage, ctx, audit)
    if isinstance(decision, Replay):
        log_leniency(LenientBehaviour.SAME_REQUEST_ANSWERED, request_id)
        yield LeaveWave()
        journal_superseded(decision.certificate, ctx)
        certificate = yield from sign_and_store(decision.certificate, ctx, audit, caller.proof)
    else:
        if decision.supersedes is not None:
            log_leniency(LenientBehaviour.RENEWED_AGAIN, request_id)
        certificate = yield from issue(decision, requested.public_key, ctx, audit, caller.proof)
    if isinstance(certificate, Rejection):
        yield LeaveWave()
        return record_rejection(certificate, "renew", signer.lineage, ctx, audit)
    if requested.key_type is not KeyType.RSA_2048:
        log_leniency(LenientBehaviour.KEY_TYPE, request_id)
    return AcceptedResponse(certificate.retrieval_id)


def _situation(renewal_lookup: RenewalLookup, ctx: ServiceContext) -> RenewalContext:
    return RenewalContext(
        same_key=renewal_lookup.renewals.same_key,
        successor=renewal_lookup.renewals.successor,
        repeat_count=renewal_lookup.renewals.repeat_count,
        key_known=renewal_lookup.key_known,
        validity=ctx.validity,
        leniency=ctx.leniency,
    )


def _actor(signer: Certificate) -> str:
    return f"certificate:{signer.serial}"
