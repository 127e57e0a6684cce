"""GetCertificate: hand out the certificate of a retrieval id, as often as asked. Steps as in docs/issuance.md."""

from datetime import timedelta

from sinetti.database.issuance import transactions
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.certificates.retrieval import decide_retrieval
from sinetti.domain.leniency import Kind
from sinetti.domain.refusals import Refusal
from sinetti.domain.requests import Collected, GetAsk
from sinetti.services.context import Office
from sinetti.services.issuance.journal_entries import note_fetched
from sinetti.services.retry import relied_on, until_settled


def collect(ask: GetAsk, office: Office, request_id: str) -> Collected | Refusal:
    """Return the certificate, or say that it is not ready, superseded or unknown."""
    return until_settled(lambda: _collect(ask, office, request_id))


def _collect(ask: GetAsk, office: Office, request_id: str) -> Collected | Refusal:
    # 13: every mismatch is one answer.
    found = transactions.find_by_retrieval_id(office.register, ask.retrieval_id, ask.customer_id)
    decision = decide_retrieval(found, ask.customer_id, office.kindness, office.machine_now())
    office.step("13-found")
    if isinstance(decision, Refusal):
        return decision
    if decision.state is not CertificateState.FETCHED:
        # 14: from here on it may be in use, so it can no longer be voided; it may have been voided just now.
        deed = office.deed(f"retrieval:{decision.serial}", request_id)
        fetched = transactions.mark_fetched(office.register, decision, deed)
        office.step("14-fetched")
        decision = decide_retrieval(fetched, ask.customer_id, office.kindness, office.machine_now())
        if isinstance(decision, Refusal):
            return decision
        if office.kindness.ready_after == timedelta(0):
            relied_on(Kind.READY_AT_ONCE, request_id)
    note_fetched(decision, office)
    _, der = transactions.octets_of(office.register, decision)
    # 15: an issued certificate has its octets; were they missing, that is our fault, and the door says so.
    if der is None:
        fault = f"certificate {decision.serial} is issued but has no octets"
        raise RuntimeError(fault)
    return Collected(der)
