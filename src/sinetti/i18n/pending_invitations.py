"""Texts about invitations that a clerk proposes, on pages and in messages."""

from collections.abc import Mapping

from sinetti.domain.access.pending_invitations import InvitationProposal, PendingFault
from sinetti.i18n.translate import gettext_noop

NO_PERSON = gettext_noop(
    "Nothing was done. Your account, or that of the clerk who proposed this, has no verified person yet. Ask an "
    "operator to add it."
)
STATES: Mapping[InvitationProposal, str] = {
    InvitationProposal.WAITING: gettext_noop("waiting for confirmation"),
    InvitationProposal.CONFIRMED: gettext_noop("confirmed, link sent"),
    InvitationProposal.REJECTED: gettext_noop("rejected"),
    InvitationProposal.WITHDRAWN: gettext_noop("withdrawn by the clerk"),
    InvitationProposal.LAPSED: gettext_noop("lapsed without confirmation"),
}
REFUSED: Mapping[PendingFault, str] = {
    PendingFault.OVER: gettext_noop("This invitation is no longer waiting for a decision. Check its state."),
    PendingFault.SAME_PERSON: gettext_noop(
        "You requested this invitation yourself, with this or another account. Another person must confirm it."
    ),
    PendingFault.NO_PERSON: NO_PERSON,
    PendingFault.INVITED: gettext_noop(
        "The invitation is for you, because the address is one of yours. Another person must confirm it."
    ),
    PendingFault.SIGNATORY_THERE: gettext_noop(
        "The organisation has a representative. A representative confirms the invitation under Settings > "
        "Authorisations."
    ),
    PendingFault.ASKER_GONE: gettext_noop(
        "The clerk who requested this invitation is no longer a clerk. Reject it and, if necessary, request a new one."
    ),
    PendingFault.NOT_ASKER: gettext_noop(
        "Only the clerk who requested an invitation can withdraw it. You can reject it."
    ),
    PendingFault.ADDRESS: gettext_noop(
        "Nothing was done. The organisation's address belongs to the invited person or to a clerk. Enter the address "
        "of the trade register's extract, or leave it empty and send the letter."
    ),
}
CONFIRMED = gettext_noop("The invitation has been confirmed and is on its way by e-mail.")
REJECTED = gettext_noop("The invitation has been rejected. Nothing was sent to the invited person.")
WITHDRAWN = gettext_noop("The invitation has been withdrawn. Nothing was sent to the invited person.")

SUBJECTS: Mapping[str, str] = {
    "asked": gettext_noop("New representative to be confirmed by {day} – {organisation}"),
    "confirmed": gettext_noop("Representative's invitation confirmed on {day} – {organisation}"),
    "rejected": gettext_noop("Representative's invitation rejected on {day} – {organisation}"),
    "withdrawn": gettext_noop("Representative's invitation withdrawn on {day} – {organisation}"),
    "lapsed": gettext_noop("Representative's invitation lapsed on {day} – {organisation}"),
}
"""Subjects by the kind of notice (database/access/pending_invitations.py).

The kinds are those of PendingNotice.
"""
SAID: Mapping[str, str] = {
    "asked": gettext_noop(
        "A clerk of this service has requested that {name} ({email}) be invited to become a "
        "representative of {organisation} ({customer_id}). Nothing has been sent to this person yet."
    ),
    "confirmed": gettext_noop(
        "The invitation of {name} ({email}) to become a representative of {organisation} ({customer_id}) "
        "has been confirmed. We have sent the link for accepting it to that address."
    ),
    "rejected": gettext_noop(
        "The invitation of {name} ({email}) to become a representative of {organisation} ({customer_id}) "
        "has been rejected. Nothing was sent to this person."
    ),
    "withdrawn": gettext_noop(
        "The clerk has withdrawn the invitation of {name} ({email}) to become a representative of "
        "{organisation} ({customer_id}). Nothing was sent to this person."
    ),
    "lapsed": gettext_noop(
        "The invitation of {name} ({email}) to become a representative of {organisation} ({customer_id}) "
        "was not confirmed in time. Nothing was sent to this person."
    ),
}
HOW_TO_CONFIRM = gettext_noop(
    "A representative confirms or rejects it in the e-service (Settings > Authorisations). If the "
    "organisation has no representative, a second clerk does. Without confirmation the invitation lapses "
    "on {expires}."
)
NOT_EXPECTED = gettext_noop("If you did not expect this, tell us: {help}")
