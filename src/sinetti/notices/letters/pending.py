"""Letters about an invitation that a clerk asked for.

They report that it waits, and how the wait ended (docs/mandates.md).
"""

from sinetti.domain.pending_invitations import Pending
from sinetti.notices.letters.frame import help_line
from sinetti.notices.letters.matter import NOT_THERE, Matter, NothingToSay, Written
from sinetti.notices.parts import Part, shown
from sinetti.registry import pending_invitations
from sinetti.registry.pending_invitations import PendingNotice, PendingView
from sinetti.texts import pending_invitations as texts
from sinetti.texts.notices import WHY
from sinetti.texts.notices import Part as Role

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
    parts = [matter.say(texts.SAID[tells], **who, **names), *_more(matter, found, tells)]
    why = matter.say(WHY[Role.SIGNATORY], organisation=names["organisation"])
    return Written(matter.say(texts.SUBJECTS[tells], day=day, **names), tuple(parts), Role.SIGNATORY, why)


def _more(matter: Matter, found: PendingView, tells: PendingNotice) -> list[Part]:
    how = [matter.say(texts.HOW_TO_CONFIRM, expires=matter.when(found.expires))] if tells is PendingNotice.ASKED else []
    return [*how, matter.say(texts.NOT_EXPECTED, help=help_line(matter))]
