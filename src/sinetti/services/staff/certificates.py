"""A clerk looks for certificates, looks at one, and revokes it (docs/clerks.md)."""

from dataclasses import dataclass, field

from sinetti.database.certificates import search as certificates_search
from sinetti.database.certificates.bulk_revocation import Wanted
from sinetti.database.certificates.search import FoundPage
from sinetti.database.issuance import transactions
from sinetti.database.notifications import recipients
from sinetti.database.notifications.recipients import Reader
from sinetti.database.operations import audit_queries
from sinetti.database.operations.audit_queries import Asked, Entry
from sinetti.domain.access.access_purpose import Place
from sinetti.domain.certificates.models import Certificate
from sinetti.domain.certificates.revocation import RevocationReason, Revoker, may_give
from sinetti.domain.values import Serial
from sinetti.services.revocation import bulk_revoke
from sinetti.services.revocation.bulk_revoke import BulkAsk, Outcome
from sinetti.services.staff.session import Clerk, look, look_for

__all__ = ["REASONS", "Reader", "Seen", "certificate", "revoke_one", "search"]

REASONS = tuple(one for one in RevocationReason if may_give(Revoker.OPERATOR, one))
"""Why the authority may revoke a certificate."""
_HISTORY = 50


@dataclass(frozen=True, slots=True)
class Seen:
    """A certificate as a clerk sees it: its data, who looks after it, and what was done to it, the newest first."""

    certificate: Certificate
    contact: Reader | None = field(repr=False)
    deputy: Reader | None = field(repr=False)
    history: tuple[Entry, ...]


def search(text: str, after: str, clerk: Clerk) -> FoundPage:
    """Certificates of everybody of which something begins with this text; the look is written down."""
    look_for(Place.CERTIFICATES, text, clerk)
    return certificates_search.search_everything(clerk.office.register, text, after)


def certificate(serial: Serial, clerk: Clerk) -> Seen | None:
    """One certificate; the look is written down, where there is one."""
    register = clerk.office.register
    found = transactions.find_certificate(register, serial)
    if found is None:
        return None
    look(f"certificate:{serial}", clerk)
    holding_id = found.holding.holding_id
    contact, deputy = recipients.holders(register, [holding_id]).get(holding_id, (None, None))
    history = audit_queries.entries(register, Asked(object=f"certificate:{serial}"), _HISTORY).entries
    return Seen(found, contact, deputy, history)


def revoke_one(serial: Serial, reason: RevocationReason, clerk: Clerk) -> Outcome:
    """Revoke a certificate and, for a lost key, what was renewed from it; or propose it, which another clerk confirms.

    One at a time counts like many at once: else the rule of two would be kept by nobody who has time. One that has
    ended is revoked all the same. Raises BulkRefused.
    """
    ask = BulkAsk(Wanted(serials=(serial,)), reason, clerk.officer, ended=True)
    return bulk_revoke.propose(ask, clerk.guarded, clerk.request_id)
