"""What a digest says to a firm that looks after many certificates: three parts, and what there is to do for each."""

from collections.abc import Mapping

from sinetti.domain.notifications.digests import DigestItemKind, DigestSection
from sinetti.i18n.translate import gettext_noop, ngettext_noop

SUBJECT = gettext_noop("Clients' certificates on {day} – to do: {count}")
INTRODUCTION = gettext_noop(
    "These certificates of your clients end within 60 days or ended lately. This is how things stand today."
)
HEADINGS: Mapping[DigestSection, str] = {
    DigestSection.NEEDS_YOU: gettext_noop("Needs you ({count}):"),
    DigestSection.NEEDS_CLIENT: gettext_noop("Needs the client ({count}):"),
    DigestSection.BY_ITSELF: gettext_noop("Goes by itself ({count}):"),
}
ROW = gettext_noop("{organisation}, {customer_id}: “{description}”, valid until {ends}. {what}")
MORE = ngettext_noop("And {count} more that goes by itself.", "And {count} more that go by themselves.")

YOURS: Mapping[DigestItemKind, str] = {
    DigestItemKind.RETRIEVE: gettext_noop("The new certificate is ready: retrieve it in the program."),
    DigestItemKind.USE_TRANSFER_IDS: gettext_noop("A replacement is ordered: retrieve it with the transfer IDs."),
    DigestItemKind.RENEW: gettext_noop("Renew it in the program by {last}."),
}
"""What the firm does itself."""

OTHERWISE: Mapping[DigestItemKind, str] = {
    DigestItemKind.DONE: gettext_noop("The new certificate has been retrieved."),
    DigestItemKind.RETRIEVE: gettext_noop("The new certificate is ready: ask {contact} to retrieve it."),
    DigestItemKind.REPLACEMENT_ORDERED: gettext_noop("A replacement is ordered and not retrieved yet."),
    DigestItemKind.USE_TRANSFER_IDS: gettext_noop(
        "A replacement is ordered: ask {contact} to retrieve it with the transfer IDs."
    ),
    DigestItemKind.ENDED: gettext_noop("It has ended: the client's representative has to order a new one."),
    DigestItemKind.REVOKED: gettext_noop(
        "It was revoked: the client's representative has to order a new one if one is needed."
    ),
    DigestItemKind.NOT_APPROVED: gettext_noop(
        "The organisation or the certificate type is no longer approved: the client's representative can mend that."
    ),
    DigestItemKind.RENEWS_ITSELF: gettext_noop("A program renewed it in time before, and is expected to do so again."),
    DigestItemKind.NOBODY_REACHED: gettext_noop(
        "Our messages reach nobody: the client's representative has to name a technical contact person."
    ),
    DigestItemKind.RENEW: gettext_noop("Ask {contact} whether it will be renewed by {last}."),
}
"""What there is to say where somebody else acts, or nobody has to."""

THE_CONTACT = gettext_noop("the client's technical contact person")
