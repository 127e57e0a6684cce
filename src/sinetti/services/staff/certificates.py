"""Certificates for clerks: search, details and revocation.

See docs/e-service/clerks.md.
"""

from dataclasses import dataclass, field

from sinetti.database.certificates import search as certificates_search
from sinetti.database.certificates.bulk_revocation import CertificateSelection
from sinetti.database.certificates.search import FoundPage
from sinetti.database.issuance import transactions
from sinetti.database.notifications import recipients
from sinetti.database.notifications.recipients import Recipient
from sinetti.database.operations import audit_queries
from sinetti.database.operations.audit_queries import AuditEntry, AuditQuery
from sinetti.database.organisations.search import OrganisationRef, find_by_address, find_organisations
from sinetti.domain.access.access_purpose import SearchScope
from sinetti.domain.certificates.models import Certificate
from sinetti.domain.certificates.revocation import RevocationReason, RevokerRole, may_use_reason
from sinetti.domain.values import Serial
from sinetti.services.revocation import bulk_revoke
from sinetti.services.revocation.bulk_revoke import BulkRevocationRequest, BulkRevocationResult, BulkSelection
from sinetti.services.staff.session import StaffSession, log_access, log_search

__all__ = ["OrganisationRef", "Recipient"]

REASONS = tuple(reason for reason in RevocationReason if may_use_reason(RevokerRole.OPERATOR, reason))
"""Reasons for which the authority may revoke a certificate."""
_HISTORY = 50
ORGANISATIONS = 10
"""Organisations that a search shows before the certificates."""


@dataclass(frozen=True)
class StaffCertificateView:
    """A certificate for clerks: its data, its contacts and its events, newest first."""

    certificate: Certificate
    contact: Recipient | None = field(repr=False)
    deputy: Recipient | None = field(repr=False)
    history: tuple[AuditEntry, ...]


def search(text: str, after: str, clerk: StaffSession) -> tuple[tuple[OrganisationRef, ...], FoundPage]:
    """Search all organisations and certificates by a part of a value.

    Organisations are found by id and name, or by the e-mail address of a person with a role (a text with "@"). Only the
    first page has them: at most `ORGANISATIONS` and one more. Logs the access.
    """
    log_search(SearchScope.CERTIFICATES, text, clerk)
    db, most = clerk.ctx.db, ORGANISATIONS + 1
    refs: tuple[OrganisationRef, ...] = ()
    if not after:
        refs = find_by_address(db, text, most) if "@" in text else find_organisations(db, text, most=most)
    return refs, certificates_search.search_all(db, text, after)


def certificate(serial: Serial, clerk: StaffSession) -> StaffCertificateView | None:
    """Return a certificate, or None; logs the access if there is one."""
    db = clerk.ctx.db
    found = transactions.find_certificate(db, serial)
    if found is None:
        return None
    log_access(f"certificate:{serial}", clerk)
    lineage_id = found.lineage.lineage_id
    contact, deputy = recipients.holders(db, [lineage_id]).get(lineage_id, (None, None))
    history = audit_queries.entries(db, AuditQuery(object=f"certificate:{serial}"), _HISTORY).entries
    return StaffCertificateView(found, contact, deputy, history)


def preview_one(serial: Serial, reason: RevocationReason, clerk: StaffSession) -> BulkSelection:
    """Return the certificates that `revoke_one` would revoke.

    Raises BulkRevocationError.
    """
    ask = BulkRevocationRequest(CertificateSelection(serials=(serial,)), reason, clerk.officer, ended=True)
    return bulk_revoke.preview(ask, clerk.ctx)


def revoke_one(serial: Serial, reason: RevocationReason, clerk: StaffSession) -> BulkRevocationResult:
    """Revoke a certificate, or propose it for confirmation by another clerk.

    On keyCompromise its renewals are revoked too. Single revocations count towards the limit of bulk revocations;
    otherwise clerks could avoid the rule of two people. An expired certificate is revoked as well. Raises
    BulkRevocationError.
    """
    ask = BulkRevocationRequest(CertificateSelection(serials=(serial,)), reason, clerk.officer, ended=True)
    return bulk_revoke.propose(ask, clerk.guarded, clerk.request_id)
