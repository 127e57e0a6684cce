"""The samples of messages about authorisations; what they are about stands in database/sample_data/access.py."""

from sinetti.database.access.pending_invitations import PendingNotice
from sinetti.database.notifications.access_messages import AccessEvent
from sinetti.database.sample_data import access as rows
from sinetti.domain.access.pending_invitations import InvitationProposal
from sinetti.domain.notifications.messages import MessageKind
from sinetti.notifications.previews.reminders import SampleMessage, at

_NOW = at(2027, 3, 3, 11, 3)
_LAPSED = at(2027, 3, 17, 11, 4)


def _case(title: str, to: str, tells: AccessEvent, *, first: bool = False, **about: str) -> SampleMessage:
    return SampleMessage(
        MessageKind.AUTHORISATION, title, _NOW, to=to, facts={"tells": tells.value, **about}, first=first
    )


def _pending(title: str, tells: PendingNotice, pending: str) -> SampleMessage:
    # A lapse is written once the wait is over.
    now = _LAPSED if tells is PendingNotice.LAPSED else _NOW
    return SampleMessage(
        MessageKind.INVITATION_PENDING,
        title,
        now,
        to="signatory",
        facts={"tells": tells.value, "pending": pending},
    )


PENDING = (
    _pending("it waits", PendingNotice.ASKED, rows.PENDING[InvitationProposal.WAITING]),
    _pending("it was confirmed", PendingNotice.CONFIRMED, rows.PENDING[InvitationProposal.CONFIRMED]),
    _pending("it was rejected", PendingNotice.REJECTED, rows.PENDING[InvitationProposal.REJECTED]),
    _pending("the clerk withdrew it", PendingNotice.WITHDRAWN, rows.PENDING[InvitationProposal.WITHDRAWN]),
    _pending("it has lapsed", PendingNotice.LAPSED, rows.PENDING[InvitationProposal.WAITING]),
)
AUTHORISATIONS = (
    _case(
        "an invitation, the first message to this person",
        "newcomer",
        AccessEvent.INVITATION,
        first=True,
        mandate=rows.OFFERED,
        invitation=rows.OFFERED,
    ),
    _case(
        "an invitation to be a representative",
        "newcomer",
        AccessEvent.INVITATION,
        mandate=rows.OFFERED_TO_SIGN,
        invitation=rows.OFFERED_TO_SIGN,
    ),
    _case("somebody has become a representative, to another one", "signatory", AccessEvent.JOINED, mandate=rows.JOINED),
    _case("a firm asks, to a representative", "signatory", AccessEvent.ASKED, request=rows.ASKED_BY_FIRM),
    _case("somebody asks, to a representative", "signatory", AccessEvent.ASKED, request=rows.ASKED_BY_PERSON),
    _case("approved, to whoever asked", "newcomer", AccessEvent.GRANTED, request=rows.GRANTED),
    _case("declined, to whoever asked", "newcomer", AccessEvent.DECLINED, request=rows.DECLINED),
    _case("declined, to whoever asked for a firm", "firm", AccessEvent.DECLINED, request=rows.DECLINED_TO_FIRM),
    _case("changed", "newcomer", AccessEvent.CHANGED, mandate=rows.CHANGED),
    _case("changed, to a firm", "firm", AccessEvent.CHANGED, mandate=rows.FIRMS),
    _case("withdrawn", "newcomer", AccessEvent.WITHDRAWN, mandate=rows.WITHDRAWN),
    _case("withdrawn, to a firm", "firm", AccessEvent.WITHDRAWN, mandate=rows.FIRMS_WITHDRAWN),
    _case("given up, to a representative", "signatory", AccessEvent.GIVEN_UP, mandate=rows.WITHDRAWN),
    _case("given up by a firm, to a representative", "signatory", AccessEvent.GIVEN_UP, mandate=rows.FIRMS_WITHDRAWN),
    _case("given to a firm", "firm", AccessEvent.GIVEN_TO_FIRM, mandate=rows.FIRMS),
)
