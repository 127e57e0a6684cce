"""Kinds of entries of the log, and the kind of each audited action.

See docs/evidence.md.
"""

from enum import StrEnum


class EntryKind(StrEnum):
    """Kind of a fact in the log."""

    ISSUED = "issued"
    FETCHED = "fetched"
    REVOKED = "revoked"
    UNREGISTERED = "unregistered"
    REFUSED = "refused"
    ORDER = "order"
    ROLE = "role"
    CONTACT = "contact"
    ACCOUNT = "account"
    ORGANISATION = "organisation"
    STAFF = "staff"
    LOOK = "look"
    SETTING = "setting"
    LIST = "list"
    CA = "ca"
    APPROVAL = "approval"
    LOG = "log"


_EXACT = {
    "certificate-fetched": EntryKind.FETCHED,
    "ordered": EntryKind.ORDER,
    "certificate-revoked": EntryKind.REVOKED,
    "certificate-voided": EntryKind.REVOKED,
    "certificate-unregistered": EntryKind.UNREGISTERED,
    "reservation-given-up": EntryKind.REVOKED,
    "request-refused": EntryKind.REFUSED,
    "own-invitation-refused": EntryKind.REFUSED,
    "looked": EntryKind.LOOK,
    "founded": EntryKind.CA,
    "crl-published": EntryKind.LIST,
    "trust-list-stored": EntryKind.LIST,
    "clock-accepted": EntryKind.SETTING,
    "clerk-named": EntryKind.ROLE,
    "signatory-added": EntryKind.ROLE,
    "signatory-waits": EntryKind.ROLE,
    "signatory-vetoed": EntryKind.ROLE,
    "asked-for-roles": EntryKind.ROLE,
    "person-erased": EntryKind.CONTACT,
    "address-bounced": EntryKind.CONTACT,
}
_FIRST_WORD = {
    "certificate": EntryKind.ISSUED,
    "order": EntryKind.ORDER,
    "transfer": EntryKind.ORDER,
    "secure": EntryKind.ORDER,
    "pin": EntryKind.ORDER,
    "renewal": EntryKind.ORDER,
    "let": EntryKind.ORDER,
    "authorisation": EntryKind.ROLE,
    "officer": EntryKind.ROLE,
    "invitation": EntryKind.ROLE,
    "request": EntryKind.ROLE,
    "contact": EntryKind.CONTACT,
    "deputy": EntryKind.CONTACT,
    "mail": EntryKind.CONTACT,
    "account": EntryKind.ACCOUNT,
    "profile": EntryKind.ACCOUNT,
    "organisation": EntryKind.ORGANISATION,
    "channel": EntryKind.ORGANISATION,
    "application": EntryKind.ORGANISATION,
    "looked": EntryKind.ORGANISATION,
    "gateway": EntryKind.SETTING,
    "setting": EntryKind.SETTING,
    "ca": EntryKind.CA,
    "act": EntryKind.APPROVAL,
    "approval": EntryKind.APPROVAL,
    "log": EntryKind.LOG,
    "journal": EntryKind.LOG,
    "rows": EntryKind.LOG,
    "difference": EntryKind.LOG,
}


def kind_of(action: str) -> EntryKind:
    """Return the kind of an action.

    It is that of the whole action, else that of its first word, else STAFF.
    """
    return _EXACT.get(action) or _FIRST_WORD.get(action.partition("-")[0], EntryKind.STAFF)
