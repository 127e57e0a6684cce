"""SignNewCertificate: the first certificate of an order, for its transfer ids.

Steps as in docs/contributors/issuance.md.
"""

from sinetti.database.issuance import transactions
from sinetti.domain.certificates.enrolment import EnrolmentContext, authenticate_transfer_ids, decide_enrolment
from sinetti.domain.certificates.models import Replay, TransferIds
from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.requests import AcceptedResponse, EnrolRequest, LenientBehaviour
from sinetti.domain.values import KeyType
from sinetti.infra.traces import step
from sinetti.pki.csr import read_request
from sinetti.services.context import ServiceContext
from sinetti.services.issuance import order
from sinetti.services.issuance.issue import issue, sign_and_store
from sinetti.services.issuance.steps import FindKey, FindPassword, FindTransferIds
from sinetti.services.retry import log_leniency, record_rejection, rejecting_errors, retry_on_conflict
from sinetti.services.waves import LeaveWave, Steps, result_of, run_alone


def enrol(ask: EnrolRequest, ctx: ServiceContext, request_id: str) -> AcceptedResponse | Rejection:
    """Issue the ordered certificate, repeat an earlier answer, or reject.

    The certificate is issued before the function returns.
    """
    return run_alone(enrolment(ask, ctx, request_id), ctx)


@retry_on_conflict
def enrolment(ask: EnrolRequest, ctx: ServiceContext, request_id: str) -> Steps[AcceptedResponse | Rejection]:
    """Enrol as `enrol` does, alone or in a wave."""
    step("3 service")
    # 4: who asks? The password proves it; a wrong one counts, in a commit of its own.
    # A wrong password causes the same reads and writes for known and unknown ids, so the response time reveals nothing.
    step("4 read the caller")
    (stored,) = yield from result_of(FindPassword(ask.transfer_id))
    fits = order.verify_password(ctx.keyring, ask.transfer_id, ask.transfer_password, stored)
    ids = None
    if fits:
        ids = yield from result_of(FindTransferIds(ask.transfer_id))
    else:
        yield LeaveWave()
        transactions.count_wrong_password(ctx.db, ask.transfer_id, ctx.audit_entry("stranger", request_id))
    ctx.step("4-read")
    proven = authenticate_transfer_ids(ids, password_fits=fits, customer_id=ask.customer_id)
    if isinstance(proven, Rejection):
        if ids is None or ids.ended:
            return proven
        yield LeaveWave()
        return record_rejection(proven, "new", ids.lineage, ctx, ctx.audit_entry(f"order:{ids.order_id}", request_id))
    with rejecting_errors(proven.lineage.language, request_id):
        return (yield from _decide(ask, proven, ctx, request_id))


def _decide(
    ask: EnrolRequest, ids: TransferIds, ctx: ServiceContext, request_id: str
) -> Steps[AcceptedResponse | Rejection]:
    audit = ctx.audit_entry(f"order:{ids.order_id}", request_id)
    # By a wrong clock every caller is late, or early: reject without a reason that the caller would act on.
    if not ctx.issuance_allowed():
        return Rejection(RejectionReason.UNAVAILABLE, language=ids.lineage.language)
    # 5: only the key is taken.
    step("5 check the key")
    requested = read_request(ask.request, ctx.policy)
    if isinstance(requested, Rejection):
        yield LeaveWave()
        return record_rejection(
            Rejection(requested.reason, language=ids.lineage.language), "new", ids.lineage, ctx, audit
        )
    step("6-7 decide")
    key_known = yield from result_of(FindKey(requested.key_id))
    situation = EnrolmentContext(key_known, ctx.validity, ctx.leniency)
    # 6 and 7: the same request again, an approval, or the reason against it.
    decision = decide_enrolment(ids, requested.key_id, situation, audit.at)
    if isinstance(decision, Rejection):
        yield LeaveWave()
        return record_rejection(decision, "new", ids.lineage, ctx, audit)
    if isinstance(decision, Replay):
        log_leniency(LenientBehaviour.SAME_REQUEST_ANSWERED, request_id)
        yield LeaveWave()
        certificate = yield from sign_and_store(decision.certificate, ctx, audit)
    else:
        certificate = yield from issue(decision, requested.public_key, ctx, audit)
    if isinstance(certificate, Rejection):
        yield LeaveWave()
        return record_rejection(certificate, "new", ids.lineage, ctx, audit)
    if requested.key_type is not KeyType.RSA_2048:
        log_leniency(LenientBehaviour.KEY_TYPE, request_id)
    return AcceptedResponse(certificate.retrieval_id)
