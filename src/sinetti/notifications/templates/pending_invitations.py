"""Messages about an invitation that a clerk requested.

They report that it waits for confirmation, and how that ended (docs/e-service/authorisations.md).
"""

from sinetti.database.access import pending_invitations
from sinetti.database.access.pending_invitations import PendingNotice, PendingView
from sinetti.domain.access.pending_invitations import InvitationProposal
from sinetti.i18n import pending_invitations as i18n_pending_invitations
from sinetti.notifications.templates.layout import (
    NOT_THERE,
    WHY,
    MessageBody,
    MessageContext,
    NothingToReport,
    help_line,
)
from sinetti.notifications.templates.layout import RecipientRoleText as Role
from sinetti.notifications.templates.markup import Part, sanitise

_STATES = {
    PendingNotice.ASKED: InvitationProposal.WAITING,
    PendingNotice.CONFIRMED: InvitationProposal.CONFIRMED,
    PendingNotice.REJECTED: InvitationProposal.REJECTED,
    PendingNotice.WITHDRAWN: InvitationProposal.WITHDRAWN,
    PendingNotice.LAPSED: InvitationProposal.LAPSED,
}
"""State in which each message applies; a later message replaces an outdated one."""


def pending(ctx: MessageContext) -> MessageBody:
    """Write the message that the row's facts name.

    Raises NothingToReport if the state has changed.
    """
    found = pending_invitations.find(ctx.notification.db, ctx.fact("pending") or "", ctx.now)
    word = ctx.fact("tells")
    if found is None or word not in set(PendingNotice):
        raise NothingToReport(NOT_THERE)
    tells = PendingNotice(word)
    if found.state is not _STATES[tells] or not found.organisation_open:
        raise NothingToReport("the subject of the message no longer applies")
    names = {"organisation": sanitise(found.organisation), "customer_id": found.customer_id}
    who = {"name": sanitise(found.name or found.email), "email": sanitise(found.email)}
    day = ctx.day(found.expires if tells is PendingNotice.ASKED else ctx.message.due)
    parts = [ctx.say(i18n_pending_invitations.SAID[tells], **who, **names), *_more(ctx, found, tells)]
    why = ctx.say(WHY[Role.SIGNATORY], organisation=names["organisation"])
    return MessageBody(
        ctx.say(i18n_pending_invitations.SUBJECTS[tells], day=day, **names), tuple(parts), Role.SIGNATORY, why
    )


def _more(ctx: MessageContext, pending: PendingView, tells: PendingNotice) -> list[Part]:
    how = (
        [ctx.say(i18n_pending_invitations.HOW_TO_CONFIRM, expires=ctx.when(pending.expires))]
        if tells is PendingNotice.ASKED
        else []
    )
    return [*how, ctx.say(i18n_pending_invitations.NOT_EXPECTED, help=help_line(ctx))]
