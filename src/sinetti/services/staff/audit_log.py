"""Audit log for clerks; reading it is itself logged (docs/e-service/clerks.md)."""

from sinetti.database.operations import audit_queries
from sinetti.database.operations.audit_queries import AuditEntry, AuditPage, AuditQuery
from sinetti.domain.access.access_purpose import SearchScope
from sinetti.services.staff.session import StaffSession, log_search

__all__ = ["AuditEntry", "AuditQuery"]


def entries(asked: AuditQuery, most: int, clerk: StaffSession) -> AuditPage:
    """Return rows of the audit log, the newest first."""
    log_search(SearchScope.AUDIT, " ".join(text for text in (asked.object, asked.actor, asked.action) if text), clerk)
    return audit_queries.entries(clerk.ctx.db, asked, most)
