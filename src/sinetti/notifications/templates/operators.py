"""What operators are told: a finding, in the sentence that the watchdog has for it (English, as commands are)."""

from sinetti.notifications.templates import notices_changes
from sinetti.notifications.templates.layout_texts import RecipientRoleText as Role
from sinetti.notifications.templates.markup import sanitise
from sinetti.notifications.templates.message_context import NOT_THERE, MessageBody, MessageContext, NothingToReport


def finding(matter: MessageContext) -> MessageBody:
    """Tell of one finding."""
    name, sentence = matter.fact("finding"), matter.fact("text")
    if name is None or sentence is None:
        raise NothingToReport(NOT_THERE)
    subject = matter.say(notices_changes.FINDING_SUBJECT, day=matter.day(matter.owed.created), finding=name)
    parts = (
        matter.say(notices_changes.FINDING, finding=name),
        sanitise(sentence),
        matter.say(notices_changes.FINDING_AGAIN),
    )
    return MessageBody(subject, parts, Role.OPERATOR)
