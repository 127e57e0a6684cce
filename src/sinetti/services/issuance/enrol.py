"""SignNewCertificate: transfer ids are spent for the first certificate of an order. Steps as in docs/issuance.md."""

from sinetti.database.issuance import transactions
from sinetti.domain.certificates.approval import Again
from sinetti.domain.certificates.enrolment import Situation, decide_enrolment, prove_transfer_ids
from sinetti.domain.certificates.models import TransferIds
from sinetti.domain.leniency import Kind
from sinetti.domain.refusals import Reason, Refusal
from sinetti.domain.requests import Accepted, NewAsk
from sinetti.domain.values import KeyType
from sinetti.pki.csr import read_request
from sinetti.services.context import Office
from sinetti.services.issuance import transfer_ids
from sinetti.services.issuance.issue import finish, issue
from sinetti.services.retry import for_proven, keep, relied_on, until_settled


def enrol(ask: NewAsk, office: Office, request_id: str) -> Accepted | Refusal:
    """Issue what was ordered, answer the same request again, or refuse. It is issued when the answer leaves."""
    return until_settled(lambda: _enrol(ask, office, request_id))


def _enrol(ask: NewAsk, office: Office, request_id: str) -> Accepted | Refusal:
    # 4: who asks? The password proves it; a wrong one counts, in a commit of its own.
    # Until it fits, the same is read and written whether there are such ids or not: the time taken tells nothing.
    stored = transactions.find_password(office.register, ask.transfer_id)
    fits = transfer_ids.fits(office.transfer_key, ask.transfer_id, ask.transfer_password, stored)
    if not fits:
        transactions.count_wrong_password(office.register, ask.transfer_id, office.deed("stranger", request_id))
    ids = transactions.find_transfer_ids(office.register, ask.transfer_id) if fits else None
    office.step("4-read")
    proven = prove_transfer_ids(ids, password_fits=fits, customer_id=ask.customer_id)
    if isinstance(proven, Refusal):
        if ids is None or ids.ended:
            return proven
        return keep(proven, "new", ids.holding, office, office.deed(f"order:{ids.order_id}", request_id))
    return for_proven(proven.holding.language, request_id, lambda: _decide(ask, proven, office, request_id))


def _decide(ask: NewAsk, ids: TransferIds, office: Office, request_id: str) -> Accepted | Refusal:
    deed = office.deed(f"order:{ids.order_id}", request_id)
    # By a clock that is wrong everybody is late, or early: nothing is decided that the caller would have to act on.
    if not office.may_issue():
        return Refusal(Reason.UNAVAILABLE, language=ids.holding.language)
    # 5: only the key is taken.
    requested = read_request(ask.request, office.policy)
    if isinstance(requested, Refusal):
        return keep(_to(requested, ids), "new", ids.holding, office, deed)
    situation = Situation(transactions.key_known(office.register, requested.key_id), office.validity, office.kindness)
    # 6 and 7: the same request again, an approval, or the reason against it.
    decision = decide_enrolment(ids, requested.key_id, situation, deed.at)
    if isinstance(decision, Refusal):
        return keep(decision, "new", ids.holding, office, deed)
    if isinstance(decision, Again):
        relied_on(Kind.SAME_REQUEST_ANSWERED, request_id)
        certificate = finish(decision.certificate, office, deed)
    else:
        certificate = issue(decision, requested.public_key, office, deed)
    if isinstance(certificate, Refusal):
        return keep(certificate, "new", ids.holding, office, deed)
    if requested.key_type is not KeyType.RSA_2048:
        relied_on(Kind.KEY_TYPE, request_id)
    return Accepted(certificate.retrieval_id)


def _to(refusal: Refusal, ids: TransferIds) -> Refusal:
    return Refusal(refusal.reason, language=ids.holding.language)
