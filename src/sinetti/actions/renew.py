"""RenewCertificate: the key of a certificate in force asks for the next one. Steps as in docs/issuance.md."""

from sinetti.actions.answering import for_proven, keep, relied_on, until_settled
from sinetti.actions.issue import finish, issue
from sinetti.actions.noting import note_given_way
from sinetti.actions.office import Office
from sinetti.domain.approvals import Again
from sinetti.domain.asks import Accepted, RenewAsk
from sinetti.domain.kindness import Kind
from sinetti.domain.records import Certificate
from sinetti.domain.refusals import Refusal
from sinetti.domain.renewal import Situation, decide_renewal, prove_signer
from sinetti.domain.values import KeyId, KeyType
from sinetti.pki.csr import read_request
from sinetti.pki.formats import sha256_hex
from sinetti.registry import store


def renew(ask: RenewAsk, office: Office, request_id: str) -> Accepted | Refusal:
    """Renew the certificate that signed, answer the same request again, or refuse. Issued when the answer leaves."""
    return until_settled(lambda: _renew(ask, office, request_id))


def _renew(ask: RenewAsk, office: Office, request_id: str) -> Accepted | Refusal:
    # 4: who signed? Looked up by the DER that the signature was verified with.
    found = store.find_signer(office.register, sha256_hex(ask.signer))
    office.step("4-read")
    signer = prove_signer(found, ask.customer_id)
    if isinstance(signer, Refusal):
        if found is None:
            return signer
        return keep(signer, "renew", found.holding, office, office.deed(_actor(found), request_id))
    return for_proven(signer.holding.language, request_id, lambda: _decide(ask, signer, office, request_id))


def _decide(ask: RenewAsk, signer: Certificate, office: Office, request_id: str) -> Accepted | Refusal:
    deed = office.deed(_actor(signer), request_id)
    # 5: only the key is taken.
    requested = read_request(ask.request, office.policy)
    if isinstance(requested, Refusal):
        refusal = Refusal(requested.reason, language=signer.holding.language)
        return keep(refusal, "renew", signer.holding, office, deed)
    # 6 and 7: the same request again, an approval, or the reason against it.
    decision = decide_renewal(signer, requested.key_id, _situation(signer, requested.key_id, office), deed.at)
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


def _situation(signer: Certificate, key: KeyId, office: Office) -> Situation:
    renewals = store.find_renewals(office.register, signer, key)
    return Situation(
        same_key=renewals.same_key,
        successor=renewals.successor,
        made_again=renewals.made_again,
        key_known=store.key_known(office.register, key),
        validity=office.validity,
        kindness=office.kindness,
    )


def _actor(signer: Certificate) -> str:
    return f"certificate:{signer.serial}"
