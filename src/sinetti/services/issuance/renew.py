"""RenewCertificate: the key of a certificate in force asks for the next one. Steps as in docs/issuance.md."""

from sinetti.database.issuance.renewal_lookup import Renewable, find_renewable
from sinetti.domain.certificates.approval import Again
from sinetti.domain.certificates.models import Certificate
from sinetti.domain.certificates.renewal import Situation, decide_renewal, prove_signer
from sinetti.domain.leniency import Kind
from sinetti.domain.refusals import Reason, Refusal
from sinetti.domain.requests import Accepted, RenewAsk
from sinetti.domain.values import KeyType
from sinetti.pki.csr import RequestedKey, read_request
from sinetti.pki.encoding import load_certificate, sha256_hex
from sinetti.pki.key_policy import share_a_factor
from sinetti.services.context import Office
from sinetti.services.issuance.issue import finish, issue
from sinetti.services.issuance.journal_entries import note_given_way
from sinetti.services.retry import for_proven, keep, relied_on, until_settled


def renew(ask: RenewAsk, office: Office, request_id: str) -> Accepted | Refusal:
    """Renew the certificate that signed, answer the same request again, or refuse. Issued when the answer leaves."""
    return until_settled(lambda: _renew(ask, office, request_id))


def _renew(ask: RenewAsk, office: Office, request_id: str) -> Accepted | Refusal:
    # 5 before 4: with the key at hand one reading tells everything. What is wrong with it is said in its turn.
    requested = read_request(ask.request, office.policy)
    key = None if isinstance(requested, Refusal) else requested.key_id
    # 4: who signed? Looked up by the DER that the signature was verified with.
    found = find_renewable(office.register, sha256_hex(ask.signer), key)
    office.step("4-read")
    signer = prove_signer(found.signer, ask.customer_id)
    if isinstance(signer, Refusal):
        if found.signer is None:
            return signer
        return keep(signer, "renew", found.signer.holding, office, office.deed(_actor(found.signer), request_id))
    return for_proven(
        signer.holding.language,
        request_id,
        lambda: _decide(signer, found, _apart(requested, ask.signer), office, request_id),
    )


def _apart(requested: RequestedKey | Refusal, signer: bytes) -> RequestedKey | Refusal:
    """Refuse a key that has a prime of the old one: the generator that made both is broken, and so are both."""
    if isinstance(requested, Refusal):
        return requested
    if share_a_factor(requested.public_key, load_certificate(signer).public_key()):
        return Refusal(Reason.KEY_NOT_ACCEPTED)
    return requested


def _decide(
    signer: Certificate, found: Renewable, requested: RequestedKey | Refusal, office: Office, request_id: str
) -> Accepted | Refusal:
    deed = office.deed(_actor(signer), request_id)
    # By a clock that is wrong everybody is late, or early: nothing is decided that the caller would have to act on.
    if not office.may_issue():
        return Refusal(Reason.UNAVAILABLE, language=signer.holding.language)
    # 5: only the key is taken.
    if isinstance(requested, Refusal):
        refusal = Refusal(requested.reason, language=signer.holding.language)
        return keep(refusal, "renew", signer.holding, office, deed)
    # 6 and 7: the same request again, an approval, or the reason against it.
    decision = decide_renewal(signer, requested.key_id, _situation(found, office), deed.at)
    if isinstance(decision, Refusal):
        return keep(decision, "renew", signer.holding, office, deed)
    if isinstance(decision, Again):
        relied_on(Kind.SAME_REQUEST_ANSWERED, request_id)
        note_given_way(decision.certificate, office)
        certificate = finish(decision.certificate, office, deed)
    else:
        if decision.voids is not None:
            relied_on(Kind.RENEWED_AGAIN, request_id)
        certificate = issue(decision, requested.public_key, office, deed)
    if isinstance(certificate, Refusal):
        return keep(certificate, "renew", signer.holding, office, deed)
    if requested.key_type is not KeyType.RSA_2048:
        relied_on(Kind.KEY_TYPE, request_id)
    return Accepted(certificate.retrieval_id)


def _situation(found: Renewable, office: Office) -> Situation:
    return Situation(
        same_key=found.renewals.same_key,
        successor=found.renewals.successor,
        made_again=found.renewals.made_again,
        key_known=found.key_known,
        validity=office.validity,
        kindness=office.kindness,
    )


def _actor(signer: Certificate) -> str:
    return f"certificate:{signer.serial}"
