"""What a digest says to a firm that looks after many certificates: three parts, and what there is to do for each."""

from collections.abc import Mapping

from sinetti.domain.notifications.digests import Matter, Part
from sinetti.i18n.translate import mark, mark_count

SUBJECT = mark("Clients' certificates on {day} – to do: {count}")
INTRODUCTION = mark(
    "These certificates of your clients end within 60 days or ended lately. This is how things stand today."
)
HEADINGS: Mapping[Part, str] = {
    Part.NEEDS_YOU: mark("Needs you ({count}):"),
    Part.NEEDS_CLIENT: mark("Needs the client ({count}):"),
    Part.BY_ITSELF: mark("Goes by itself ({count}):"),
}
ROW = mark("{organisation}, {customer_id}: “{description}”, valid until {ends}. {what}")
MORE = mark_count("And {count} more that goes by itself.", "And {count} more that go by themselves.")

YOURS: Mapping[Matter, str] = {
    Matter.RETRIEVE: mark("The new certificate is ready: retrieve it in the program."),
    Matter.USE_TRANSFER_IDS: mark("A replacement is ordered: retrieve it with the transfer IDs."),
    Matter.RENEW: mark("Renew it in the program by {last}."),
}
"""What the firm does itself."""

OTHERWISE: Mapping[Matter, str] = {
    Matter.DONE: mark("The new certificate has been retrieved."),
    Matter.RETRIEVE: mark("The new certificate is ready: ask {contact} to retrieve it."),
    Matter.REPLACEMENT_ORDERED: mark("A replacement is ordered and not retrieved yet."),
    Matter.USE_TRANSFER_IDS: mark("A replacement is ordered: ask {contact} to retrieve it with the transfer IDs."),
    Matter.ENDED: mark("It has ended: the client's representative has to order a new one."),
    Matter.REVOKED: mark("It was revoked: the client's representative has to order a new one if one is needed."),
    Matter.NOT_APPROVED: mark(
        "The organisation or the certificate type is no longer approved: the client's representative can mend that."
    ),
    Matter.RENEWS_ITSELF: mark("A program renewed it in time before, and is expected to do so again."),
    Matter.NOBODY_REACHED: mark(
        "Our messages reach nobody: the client's representative has to name a technical contact person."
    ),
    Matter.RENEW: mark("Ask {contact} whether it will be renewed by {last}."),
}
"""What there is to say where somebody else acts, or nobody has to."""

THE_CONTACT = mark("the client's technical contact person")
