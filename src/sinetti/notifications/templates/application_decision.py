"""Messages with a decision on an application, and with a finding for operators.

A decision on the technical interface is quoted in full, as it was made (docs/e-service/clerks.md). A finding is the
watchdog's sentence, in English, as commands are.
"""

from sinetti.database.organisations import applications
from sinetti.i18n import staff_labels
from sinetti.notifications.templates import certificate_events
from sinetti.notifications.templates.layout import NOT_THERE, MessageBody, MessageContext, NothingToReport
from sinetti.notifications.templates.layout import RecipientRoleText as Role
from sinetti.notifications.templates.markup import sanitise


def decided(ctx: MessageContext) -> MessageBody:
    """Write the message with a decision.

    The decision is in the language of its case, not in the recipient's.
    """
    application = applications.find(ctx.notification.db, ctx.fact("application") or "")
    if application is None or not application.decision:
        raise NothingToReport(NOT_THERE)
    subject = ctx.say(staff_labels.DECISION_SUBJECT, day=ctx.day(ctx.message.due), case=application.case_number)
    parts = [sanitise(line) for line in application.decision.splitlines() if line]
    return MessageBody(subject, (ctx.say(staff_labels.DECISION_FOLLOWS), *parts), Role.SIGNATORY)


def finding(ctx: MessageContext) -> MessageBody:
    """Write the message about one finding."""
    name, sentence = ctx.fact("finding"), ctx.fact("text")
    if name is None or sentence is None:
        raise NothingToReport(NOT_THERE)
    subject = ctx.say(certificate_events.FINDING_SUBJECT, day=ctx.day(ctx.message.created), finding=name)
    first, last = certificate_events.FINDING, certificate_events.FINDING_AGAIN
    once = (sanitise(sentence),)
    parts = once if ctx.fact("once") else (ctx.say(first, finding=name), *once, ctx.say(last))
    return MessageBody(subject, parts, Role.OPERATOR)
