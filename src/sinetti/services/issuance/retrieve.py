"""GetCertificate: return the certificate of a retrieval id, repeatedly if asked.

Steps as in docs/contributors/issuance.md.
"""

from datetime import timedelta

from sinetti.database.issuance import transactions
from sinetti.domain.certificates.enrolment import decide_retrieval
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.refusals import Rejection
from sinetti.domain.requests import CertificateResponse, LenientBehaviour, RetrieveRequest
from sinetti.infra.traces import step
from sinetti.services.context import ServiceContext
from sinetti.services.issuance.issue import journal_retrieved
from sinetti.services.retry import log_leniency, retry_on_conflict
from sinetti.services.waves import LeaveWave, Steps, run_alone


def retrieve(ask: RetrieveRequest, ctx: ServiceContext, request_id: str) -> CertificateResponse | Rejection:
    """Return the certificate, or reject if it is not ready, superseded or unknown."""
    return run_alone(retrieval(ask, ctx, request_id), ctx)


@retry_on_conflict
def retrieval(ask: RetrieveRequest, ctx: ServiceContext, request_id: str) -> Steps[CertificateResponse | Rejection]:
    """Retrieve a certificate as `retrieve` does; it takes part in no wave."""
    yield LeaveWave()
    # 13: every mismatch is one answer.
    step("13 find")
    certificate = transactions.find_by_retrieval_id(ctx.db, ask.retrieval_id, ask.customer_id)
    decision = decide_retrieval(certificate, ask.customer_id, ctx.leniency, ctx.machine_now())
    ctx.step("13-found")
    if isinstance(decision, Rejection):
        return decision
    if decision.state is not CertificateState.RETRIEVED:
        # 14: from here on it may be in use, so it can no longer be voided; it may have been voided just now.
        step("14 mark as retrieved")
        audit = ctx.audit_entry(f"retrieval:{decision.serial}", request_id)
        fetched = transactions.mark_retrieved(ctx.db, decision, audit)
        ctx.step("14-fetched")
        decision = decide_retrieval(fetched, ask.customer_id, ctx.leniency, ctx.machine_now())
        if isinstance(decision, Rejection):
            return decision
        if ctx.leniency.retrieval_delay == timedelta(0):
            log_leniency(LenientBehaviour.READY_AT_ONCE, request_id)
    step("14 journal")
    journal_retrieved(decision, ctx)
    step("15 certificate")
    _, der = transactions.get_der(ctx.db, decision)
    # 15: an issued certificate has its octets; were they missing, that is our fault, and the door says so.
    if der is None:
        raise RuntimeError(f"certificate {decision.serial} is issued but has no octets")
    return CertificateResponse(der)
