"""What operators are told: a finding, in the sentence that the watchdog has for it (English, as commands are)."""

from sinetti.notifications.templates import notices_changes
from sinetti.notifications.templates.layout_texts import Part as Role
from sinetti.notifications.templates.markup import shown
from sinetti.notifications.templates.message_context import NOT_THERE, Matter, NothingToSay, Written


def finding(matter: Matter) -> Written:
    """Tell of one finding."""
    name, sentence = matter.fact("finding"), matter.fact("text")
    if name is None or sentence is None:
        raise NothingToSay(NOT_THERE)
    subject = matter.say(notices_changes.FINDING_SUBJECT, day=matter.day(matter.owed.created), finding=name)
    parts = (
        matter.say(notices_changes.FINDING, finding=name),
        shown(sentence),
        matter.say(notices_changes.FINDING_AGAIN),
    )
    return Written(subject, parts, Role.OPERATOR)
