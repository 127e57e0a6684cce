"""Texts about invitations that a clerk proposes, on pages and in messages."""

from collections.abc import Mapping

from sinetti.domain.access.pending_invitations import InvitationProposal, PendingFault
from sinetti.i18n.translate import gettext_noop

STATES: Mapping[InvitationProposal, str] = {
    InvitationProposal.WAITING: gettext_noop("waits for a confirmation"),
    InvitationProposal.CONFIRMED: gettext_noop("confirmed; the link was sent"),
    InvitationProposal.REJECTED: gettext_noop("rejected"),
    InvitationProposal.WITHDRAWN: gettext_noop("withdrawn by the clerk"),
    InvitationProposal.LAPSED: gettext_noop("lapsed without a confirmation"),
}
REFUSED: Mapping[PendingFault, str] = {
    PendingFault.OVER: gettext_noop(
        "Another person has already decided on this invitation, or it has lapsed. Look at its state."
    ),
    PendingFault.SAME_PERSON: gettext_noop(
        "You asked for this invitation yourself, with this account or with another one. Another person has to confirm "
        "it."
    ),
    PendingFault.INVITED: gettext_noop(
        "The invitation is for you: the address is one of yours. Another person has to confirm it."
    ),
    PendingFault.SIGNATORY_THERE: gettext_noop(
        "The organisation has a representative. One of its representatives confirms the invitation, under Settings > "
        "Authorisations."
    ),
    PendingFault.ASKER_GONE: gettext_noop(
        "The clerk who asked for this invitation is no longer a clerk. Reject it, and ask for it anew if it is needed."
    ),
    PendingFault.NOT_ASKER: gettext_noop(
        "Only the clerk who asked for an invitation can withdraw it. You can reject it."
    ),
}
CONFIRMED = gettext_noop("The invitation is confirmed, and is on its way by e-mail.")
REJECTED = gettext_noop("The invitation is rejected. Nothing was sent to the invited person.")
WITHDRAWN = gettext_noop("The invitation is withdrawn. Nothing was sent to the invited person.")

SUBJECTS: Mapping[str, str] = {
    "asked": gettext_noop("A new representative waits for confirmation until {day} – {organisation}"),
    "confirmed": gettext_noop("Invitation of a representative confirmed on {day} – {organisation}"),
    "rejected": gettext_noop("Invitation of a representative rejected on {day} – {organisation}"),
    "withdrawn": gettext_noop("Invitation of a representative withdrawn on {day} – {organisation}"),
    "lapsed": gettext_noop("Invitation of a representative lapsed on {day} – {organisation}"),
}
"""Subjects by the kind of notice (database/access/pending_invitations.py).

The kinds are those of PendingNotice.
"""
SAID: Mapping[str, str] = {
    "asked": gettext_noop(
        "A clerk of this service asks that {name} ({email}) becomes a representative of {organisation} "
        "({customer_id}). Nothing has been sent to them yet."
    ),
    "confirmed": gettext_noop(
        "The invitation of {name} ({email}) as a representative of {organisation} ({customer_id}) was confirmed. The "
        "link to take it up has been sent to that address."
    ),
    "rejected": gettext_noop(
        "The invitation of {name} ({email}) as a representative of {organisation} ({customer_id}) was rejected. "
        "Nothing was sent to them."
    ),
    "withdrawn": gettext_noop(
        "The clerk has withdrawn the invitation of {name} ({email}) as a representative of {organisation} "
        "({customer_id}). Nothing was sent to them."
    ),
    "lapsed": gettext_noop(
        "The invitation of {name} ({email}) as a representative of {organisation} ({customer_id}) was not confirmed in "
        "time. Nothing was sent to them."
    ),
}
HOW_TO_CONFIRM = gettext_noop(
    "A representative confirms or rejects it in the e-service (Settings > Authorisations). If the organisation has no "
    "representative, a second clerk does. Without a confirmation it lapses on {expires}."
)
NOT_EXPECTED = gettext_noop("If you did not expect this, tell us: {help}")
