"""Letters about an invitation that a clerk asked for.

They report that it waits, and how the wait ended (docs/mandates.md).
"""

from sinetti.database.access import pending_invitations
from sinetti.database.access.pending_invitations import PendingNotice, PendingView
from sinetti.domain.access.pending_invitations import Pending
from sinetti.i18n import pending_invitations as i18n_pending_invitations
from sinetti.notifications.templates.layout import help_line
from sinetti.notifications.templates.layout_texts import WHY
from sinetti.notifications.templates.layout_texts import Part as Role
from sinetti.notifications.templates.markup import Part, shown
from sinetti.notifications.templates.message_context import NOT_THERE, Matter, NothingToSay, Written

_STATES = {
    PendingNotice.ASKED: Pending.WAITING,
    PendingNotice.CONFIRMED: Pending.CONFIRMED,
    PendingNotice.REJECTED: Pending.REJECTED,
    PendingNotice.WITHDRAWN: Pending.WITHDRAWN,
    PendingNotice.LAPSED: Pending.LAPSED,
}
"""The state in which each holds: another letter takes the place of one that is late."""


def pending(matter: Matter) -> Written:
    """Write the letter that the row's facts name.

    Raises NothingToSay if the state has changed.
    """
    found = pending_invitations.find(matter.room.register, matter.fact("pending") or "", matter.now)
    word = matter.fact("tells")
    if found is None or word not in set(PendingNotice):
        raise NothingToSay(NOT_THERE)
    tells = PendingNotice(word)
    if found.state is not _STATES[tells] or not found.organisation_open:
        why = "what the message is about does not hold any more"
        raise NothingToSay(why)
    names = {"organisation": shown(found.organisation), "customer_id": found.customer_id}
    who = {"name": shown(found.name or found.email), "email": shown(found.email)}
    day = matter.day(found.expires if tells is PendingNotice.ASKED else matter.owed.due)
    parts = [matter.say(i18n_pending_invitations.SAID[tells], **who, **names), *_more(matter, found, tells)]
    why = matter.say(WHY[Role.SIGNATORY], organisation=names["organisation"])
    return Written(
        matter.say(i18n_pending_invitations.SUBJECTS[tells], day=day, **names), tuple(parts), Role.SIGNATORY, why
    )


def _more(matter: Matter, found: PendingView, tells: PendingNotice) -> list[Part]:
    how = (
        [matter.say(i18n_pending_invitations.HOW_TO_CONFIRM, expires=matter.when(found.expires))]
        if tells is PendingNotice.ASKED
        else []
    )
    return [*how, matter.say(i18n_pending_invitations.NOT_EXPECTED, help=help_line(matter))]
