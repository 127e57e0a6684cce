"""Texts about invitations that a clerk asks for, on pages and in messages."""

from collections.abc import Mapping

from sinetti.domain.access.pending_invitations import Pending, PendingFault
from sinetti.i18n.translate import mark

STATES: Mapping[Pending, str] = {
    Pending.WAITING: mark("waits for a confirmation"),
    Pending.CONFIRMED: mark("confirmed; the link was sent"),
    Pending.REJECTED: mark("rejected"),
    Pending.WITHDRAWN: mark("withdrawn by the clerk"),
    Pending.LAPSED: mark("lapsed without a confirmation"),
}
REFUSED: Mapping[PendingFault, str] = {
    PendingFault.OVER: mark(
        "Another person has already decided on this invitation, or it has lapsed. Look at its state."
    ),
    PendingFault.SAME_PERSON: mark(
        "You asked for this invitation yourself, with this account or with another one. Another person has to confirm "
        "it."
    ),
    PendingFault.INVITED: mark(
        "The invitation is for you: the address is one of yours. Another person has to confirm it."
    ),
    PendingFault.SIGNATORY_THERE: mark(
        "The organisation has a representative. One of its representatives confirms the invitation, under Settings > "
        "Authorisations."
    ),
    PendingFault.ASKER_GONE: mark(
        "The clerk who asked for this invitation is no longer a clerk. Reject it, and ask for it anew if it is needed."
    ),
    PendingFault.NOT_ASKER: mark("Only the clerk who asked for an invitation can withdraw it. You can reject it."),
}
CONFIRMED = mark("The invitation is confirmed, and is on its way by e-mail.")
REJECTED = mark("The invitation is rejected. Nothing was sent to the invited person.")
WITHDRAWN = mark("The invitation is withdrawn. Nothing was sent to the invited person.")

SUBJECTS: Mapping[str, str] = {
    "asked": mark("A new representative waits for confirmation until {day} – {organisation}"),
    "confirmed": mark("Invitation of a representative confirmed on {day} – {organisation}"),
    "rejected": mark("Invitation of a representative rejected on {day} – {organisation}"),
    "withdrawn": mark("Invitation of a representative withdrawn on {day} – {organisation}"),
    "lapsed": mark("Invitation of a representative lapsed on {day} – {organisation}"),
}
"""By the word of what a message tells (database/access/pending_invitations.py, PendingNotice)."""
SAID: Mapping[str, str] = {
    "asked": mark(
        "A clerk of this service asks that {name} ({email}) becomes a representative of {organisation} "
        "({customer_id}). Nothing has been sent to them yet."
    ),
    "confirmed": mark(
        "The invitation of {name} ({email}) as a representative of {organisation} ({customer_id}) was confirmed. The "
        "link to take it up has been sent to that address."
    ),
    "rejected": mark(
        "The invitation of {name} ({email}) as a representative of {organisation} ({customer_id}) was rejected. "
        "Nothing was sent to them."
    ),
    "withdrawn": mark(
        "The clerk has withdrawn the invitation of {name} ({email}) as a representative of {organisation} "
        "({customer_id}). Nothing was sent to them."
    ),
    "lapsed": mark(
        "The invitation of {name} ({email}) as a representative of {organisation} ({customer_id}) was not confirmed in "
        "time. Nothing was sent to them."
    ),
}
HOW_TO_CONFIRM = mark(
    "A representative confirms or rejects it in the e-service (Settings > Authorisations). If the organisation has no "
    "representative, a second clerk does. Without a confirmation it lapses on {expires}."
)
NOT_EXPECTED = mark("If you did not expect this, tell us: {help}")
