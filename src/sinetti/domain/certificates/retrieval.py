"""Whether a certificate may be handed out now to whoever gives its retrieval id."""

from datetime import datetime

from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.certificates.models import Certificate
from sinetti.domain.identifiers import is_same_identifier
from sinetti.domain.leniency import Leniency
from sinetti.domain.refusals import Rejection, RejectionReason


def decide_retrieval(
    found: Certificate | None,
    customer_id: str,
    kindness: Leniency,
    machine_now: datetime,
) -> Certificate | Rejection:
    """Return the certificate to hand out, or refuse; one answer for every mismatch. The id proves who asks."""
    if found is None or not is_same_identifier(found.holding.customer.customer_id, customer_id):
        return Rejection(RejectionReason.RETRIEVAL_ID_UNKNOWN)
    # What was revoked before it was signed never will be.
    if found.state is CertificateState.VOID or (found.revoked and found.recorded_at is None):
        return Rejection(RejectionReason.SUPERSEDED, language=found.holding.language)
    if found.recorded_at is None or machine_now < found.recorded_at + kindness.retrieval_delay:
        return Rejection(RejectionReason.NOT_READY, language=found.holding.language)
    return found
